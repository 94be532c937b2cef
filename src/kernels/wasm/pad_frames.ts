/**
 * Frames of zeros around a clip, or fewer frames, on WASM; the same kernel is its gradient.
 *
 * Computes: `y[b][t] = x[b][t - before]`, 0 where there is no such frame.
 * Buffers: `x` [B, T, C] float32, read; `y` [B, before + T + after, C], written.
 * Memory: one pass.
 * Error: exact.
 * Reference: `test/reference/pad_frames.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { PadFramesAttrs } from "../../kernels.ts";
import { registerWasmKernel, ROW_GRAIN_ELEMENTS } from "./backend.ts";

registerWasmKernel<{ x: TensorInfo }, PadFramesAttrs>(
  "EarshotPadFrames",
  ({ inputs: { x }, attrs: { before, after }, backend }) => {
    const [batch, frames, channels] = x.shape as [number, number, number];
    const rows = before + frames + after;
    const y = backend.output([batch, rows, channels]);
    const tensors = [backend.address(x), backend.address(y)];
    const grain = Math.ceil(ROW_GRAIN_ELEMENTS / channels);
    const args = [...tensors, frames, rows, before, 4 * channels];
    backend.dispatch("padFrames", batch * rows, args, grain);
    return y;
  },
);
