/**
 * Mean over the valid frames of each clip, and its gradient.
 *
 * Computes: `y[b, c] = sum over t < lengths[b] of x[b, t, c] / lengths[b]`;
 * `dx[b, t] = t < lengths[b] ? dy[b] / lengths[b] : 0`.
 * Buffers: x, dx [B, T, C], y, dy [B, C] f32; lengths [B] i32 or none; the inputs read.
 * Grid: as in `_row_sum.ts`; backward one thread per element.
 * Memory: as in `_row_sum.ts`; backward none shared, one pass.
 * Error: 1e-6 of the largest |x|.
 * Reference: test/reference/mean_pool.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";
import { rowSum, sumRows } from "./_row_sum.ts";

/** Whole clips need no lengths. */
const FORWARD: Program<{ lengths: boolean }> = {
  name: "MeanPool",
  source: ({ lengths }) =>
    rowSum(
      lengths
        ? "select(0.0, x[i] / f32(lengths[batch]), row < u32(lengths[batch]))"
        : "x[i] / f32(uniforms.rows)",
    ),
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

/** `x [B, T, C]` -> `[B, C]` */
export function meanPool(
  { x, lengths }: KernelInputs<"meanPool">,
  _attrs: KernelAttrs<"meanPool">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, rows = 0, columns = 0] = x.shape;
  return sumRows(backend, FORWARD, {
    config: { lengths: lengths !== undefined },
    inputs: lengths ? { x, lengths } : { x },
    batch,
    rows,
    columns,
  });
}

/** -> `dx [B, T, C]` */
export function meanPoolGrad(
  { dy, lengths }: KernelInputs<"meanPoolGrad">,
  { frames }: KernelAttrs<"meanPoolGrad">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, columns = 0] = dy.shape;
  return runElements(backend, GRADIENT, {
    config: {},
    inputs: { dy, lengths },
    uniforms: { frames: u32(frames), columns: u32(columns) },
    shape: [batch, frames, columns],
  });
}
