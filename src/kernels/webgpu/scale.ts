/**
 * A tensor times one number, with an optional residual; its gradient is the same kernel on `dy`.
 *
 * Computes: `y = x * factor + residual`.
 * Buffers: x, residual, result [any] f32, x and residual read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: one or two roundings.
 * Reference: test/reference/scale.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program } from "./_program.ts";

const SCALE: Program<{ residual: boolean }> = {
  name: "Scale",
  source: ({ residual }) => elements(`x[i] * uniforms.factor${residual ? " + residual[i]" : ""}`),
};

/** `x factor + residual`. */
export function scale(
  { x, residual }: KernelInputs<"scale">,
  { factor }: KernelAttrs<"scale">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, SCALE, {
    config: { residual: residual !== undefined },
    inputs: residual ? { x, residual } : { x },
    uniforms: { factor: f32(factor) },
    shape: x.shape,
  });
}
