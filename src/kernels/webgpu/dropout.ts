/**
 * Dropout with an optional residual; its gradient is the same kernel on `dy`.
 *
 * Computes: `y[i] = x[i] * keep(i) / (1 - rate) + residual[i]`, where `keep` is drawn from seed and position alone.
 * Buffers: x, residual, result [any] f32, x and residual read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: one rounding of `1 / (1 - rate)`, 1e-7.
 * Reference: test/reference/dropout.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { DropoutAttrs, KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program, u32, type Uniform } from "./_program.ts";
import { DROPOUT_FACTOR } from "./_wgsl.ts";

const DROPOUT: Program<{ residual: boolean }> = {
  name: "Dropout",
  source: ({ residual }) =>
    elements(`x[i] * dropoutFactor(i)${residual ? " + residual[i]" : ""}`, DROPOUT_FACTOR),
};

/** What the WGSL of a dropout draws with. */
export function dropoutUniforms(
  { rate, seed }: DropoutAttrs,
): Record<"seed" | "threshold" | "keptScale", Uniform> {
  return {
    seed: u32(seed),
    threshold: u32(Math.min(Math.ceil(rate * 2 ** 32), 2 ** 32 - 1)),
    keptScale: f32(1 / (1 - rate)),
  };
}

/** `x keep / (1 - rate) + residual`. */
export function dropout(
  { x, residual }: KernelInputs<"dropout">,
  attrs: KernelAttrs<"dropout">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, DROPOUT, {
    config: { residual: residual !== undefined },
    inputs: residual ? { x, residual } : { x },
    uniforms: dropoutUniforms(attrs),
    shape: x.shape,
  });
}
