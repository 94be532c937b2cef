/**
 * Replacement of masked frames by one vector, and its gradient.
 *
 * Computes: `y[b, t] = mask[b, t] ? value : x[b, t]`; `dx = mask ? 0 : dy`, `dvalue = sum of dy over masked frames`.
 * Buffers: x, dy, result [B, T, C] f32; mask [B, T] i32; value [C] f32; all but result read.
 * Grid: one thread per element; for `dvalue` as in `_row_sum.ts`.
 * Memory: none shared, one pass.
 * Error: none; that of a row sum for `dvalue`.
 * Reference: test/reference/mask_frames.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";
import { rowSum, sumRows } from "./_row_sum.ts";

const FORWARD: Program<Record<never, never>> = {
  name: "MaskFrames",
  source: () =>
    elements("select(x[i], value[i % uniforms.columns], mask[i / uniforms.columns] != 0)"),
};

const GRADIENT: Program<Record<never, never>> = {
  name: "MaskFramesGrad",
  source: () => elements("select(dy[i], 0.0, mask[i / uniforms.columns] != 0)"),
};

const VALUE_GRADIENT: Program<Record<never, never>> = {
  name: "MaskFramesGradValue",
  source: () => rowSum("select(0.0, dy[i], mask[row] != 0)"),
};

/** `mask ? value : x`. */
export function maskFrames(
  { x, mask, value }: KernelInputs<"maskFrames">,
  _attrs: KernelAttrs<"maskFrames">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, FORWARD, {
    config: {},
    inputs: { x, mask, value },
    uniforms: { columns: u32(x.shape[2]!) },
    shape: x.shape,
  });
}

/** -> `dx`, `dvalue` */
export function maskFramesGrad(
  { dy, mask }: KernelInputs<"maskFramesGrad">,
  _attrs: KernelAttrs<"maskFramesGrad">,
  backend: DeviceBackend,
): KernelOutputs<"maskFramesGrad"> {
  const [batch = 0, frames = 0, columns = 0] = dy.shape;
  const dx = runElements(backend, GRADIENT, {
    config: {},
    inputs: { dy, mask },
    uniforms: { columns: u32(columns) },
    shape: dy.shape,
  });
  const dvalue = sumRows(backend, VALUE_GRADIENT, {
    config: {},
    inputs: { dy, mask },
    batch: 1,
    rows: batch * frames,
    columns,
  });
  return [dx, { ...dvalue, shape: [columns] }];
}
