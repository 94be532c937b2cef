/**
 * Mean over the valid frames of each clip, and its gradient.
 *
 * Computes: `y[b, c] = sum over t < lengths[b] of x[b, t, c] / lengths[b]`;
 * `dx[b, t] = t < lengths[b] ? dy[b] / lengths[b] : 0`.
 * Buffers: x, dx [B, T, C], y, dy [B, C] f32; lengths [B] i32; the inputs read.
 * Grid: as in `_row_sum.ts`; backward one thread per element.
 * Memory: as in `_row_sum.ts`; backward none shared, one pass.
 * Error: 1e-6 of the largest |x|.
 * Reference: test/reference/mean_pool.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { elements, runElements } from "./_elements.ts";
import { kernel, type Program, u32 } from "./_program.ts";
import { rowSum, sumRows } from "./_row_sum.ts";

type PoolInputs = Record<"x" | "dy" | "lengths", TensorInfo>;

const FORWARD: Program<Record<never, never>> = {
  name: "MeanPool",
  source: () => rowSum("select(0.0, x[i] / f32(lengths[batch]), row < u32(lengths[batch]))"),
};

const GRADIENT: Program<Record<never, never>> = {
  name: "MeanPoolGrad",
  source: () =>
    elements(
      "poolGradient(i)",
      `
    fn poolGradient(i: u32) -> f32 {
      let row = i / uniforms.columns;
      let batch = row / uniforms.frames;
      let length = u32(lengths[batch]);
      let slope = dy[batch * uniforms.columns + i % uniforms.columns] / f32(length);
      return select(0.0, slope, row % uniforms.frames < length);
    }`,
    ),
};

/** `EarshotMeanPool` and its gradient. */
export const meanPoolKernels: KernelConfig[] = [
  kernel("EarshotMeanPool", (backend, inputs) => {
    const { x, lengths } = inputs as PoolInputs;
    const [batch, rows, columns] = x.shape as [number, number, number];
    return sumRows(backend, FORWARD, { config: {}, inputs: { x, lengths }, batch, rows, columns });
  }),
  kernel<{ frames: number }>("EarshotMeanPoolGrad", (backend, inputs, { frames }) => {
    const { dy, lengths } = inputs as PoolInputs;
    const [batch, columns] = dy.shape as [number, number];
    return runElements(backend, GRADIENT, {
      config: {},
      inputs: { dy, lengths },
      uniforms: { frames: u32(frames), columns: u32(columns) },
      shape: [batch, frames, columns],
    });
  }),
];
