/**
 * Frames of zeros around a clip, or fewer frames, on WASM; the same kernel is its gradient.
 *
 * Computes: `y[b][t] = x[b][t - before]`, 0 where there is no such frame.
 * Buffers: `x` [B, T, C] float32, read; `y` [B, before + T + after, C], written.
 * Memory: one pass; where nothing is added or left out, `y` is `x` by another name.
 * Error: exact.
 * Reference: `test/reference/pad_frames.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, type WasmBackend } from "./_backend.ts";

export function padFrames(
  { x }: KernelInputs<"padFrames">,
  { before, after }: KernelAttrs<"padFrames">,
  backend: WasmBackend,
): TensorInfo {
  if (before === 0 && after === 0) return backend.share(x, x.shape);
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const rows = before + frames + after;
  const y = backend.output([batch, rows, channels]);
  const tensors = [backend.address(x), backend.address(y)];
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / channels);
  const args = [...tensors, frames, rows, before, 4 * channels];
  backend.dispatch("padFrames", batch * rows, args, grain);
  return y;
}
