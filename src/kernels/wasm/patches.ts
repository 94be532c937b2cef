/**
 * Rectangles of frames and channels as vectors, on WASM.
 *
 * Computes: for the patch at place f along the channels and g along the frames,
 *   `y[b][f G + g][c width + t] = x[b][g stride + t][f stride + c]`.
 * Buffers: `x` [B, T, C] float32, read; `y` [B, F G, size], written.
 * Memory: one pass over `y`; overlapping parts of `x` are read again.
 * Error: exact.
 * Reference: `test/reference/patches.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, type WasmBackend } from "./_backend.ts";

export function patches(
  { x }: KernelInputs<"patches">,
  { size: [height, width], stride }: KernelAttrs<"patches">,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const across = Math.floor((channels - height) / stride[0]) + 1;
  const along = Math.floor((frames - width) / stride[1]) + 1;
  const y = backend.output([batch, across * along, height * width]);
  const tensors = [backend.address(x), backend.address(y)];
  const args = [...tensors, frames, channels, across, along, height, width, ...stride];
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / (height * width));
  backend.dispatch("patches", batch * across * along, args, grain);
  return y;
}
