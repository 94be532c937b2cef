/**
 * Channels of clips by a factor each, and the gradient of the factors.
 *
 * Computes: `y[b, t, c] = x[b, t, c] factor[b, c]`; `dfactor[b, c] = sum over t of x[b, t, c] dy[b, t, c]`.
 * Buffers: x, dy, y [B, T, C], factor, dfactor [B, C] f32; x, dy and factor read.
 * Grid: one thread per element; the gradient as in `_row_sum.ts`.
 * Memory: none shared, one pass; the gradient as in `_row_sum.ts`.
 * Error: 1e-6 of the sum of magnitudes.
 * Reference: test/reference/scale_channels.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";
import { rowSum, sumRows } from "./_row_sum.ts";

const FORWARD: Program<Record<never, never>> = {
  name: "ScaleChannels",
  source: () =>
    elements("x[i] * factor[i / uniforms.clip * uniforms.columns + i % uniforms.columns]"),
};

const GRADIENT: Program<Record<never, never>> = {
  name: "ScaleChannelsGrad",
  source: () => rowSum("x[i] * dy[i]"),
};

/** `x factor` */
export function scaleChannels(
  { x, factor }: KernelInputs<"scaleChannels">,
  _attrs: KernelAttrs<"scaleChannels">,
  backend: DeviceBackend,
): TensorInfo {
  const [, frames = 0, columns = 0] = x.shape;
  return runElements(backend, FORWARD, {
    config: {},
    inputs: { x, factor },
    uniforms: { clip: u32(frames * columns), columns: u32(columns) },
    shape: x.shape,
  });
}

/** -> `dfactor [B, C]` */
export function scaleChannelsGrad(
  { x, dy }: KernelInputs<"scaleChannelsGrad">,
  _attrs: KernelAttrs<"scaleChannelsGrad">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, rows = 0, columns = 0] = x.shape;
  return sumRows(backend, GRADIENT, { config: {}, inputs: { x, dy }, batch, rows, columns });
}
