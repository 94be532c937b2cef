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
import type { KernelConfig } from "@tensorflow/tfjs-core";
import { elements, runElements } from "./_elements.ts";
import { f32, kernel, type Program } from "./_program.ts";

const SCALE: Program<{ residual: boolean }> = {
  name: "Scale",
  source: ({ residual }) => elements(`x[i] * uniforms.factor${residual ? " + residual[i]" : ""}`),
};

/** `EarshotScale`. */
export const scaleKernels: KernelConfig[] = [
  kernel<{ factor: number }>("EarshotScale", (backend, { x, residual }, { factor }) => {
    return runElements(backend, SCALE, {
      config: { residual: residual !== undefined },
      inputs: residual ? { x: x!, residual } : { x: x! },
      uniforms: { factor: f32(factor) },
      shape: x!.shape,
    });
  }),
];
