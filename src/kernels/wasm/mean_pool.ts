/**
 * Mean over the first frames of each clip, forward and gradient, on WASM.
 *
 * Computes: `y[b] = sum_{t < lengths[b]} x[b][t] / lengths[b]`; `dx[b][t] = dy[b] / lengths[b]`, 0 further on.
 * Buffers: `x` [B, T, C] float32, `lengths` [B] int32, `dy` [B, C], read; `y` [B, C], `dx` [B, T, C], written.
 * Memory: one pass.
 * Error: 1e-6 for values around 1.
 * Reference: `test/reference/mean_pool.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { registerWasmKernel, ROW_GRAIN_ELEMENTS } from "./backend.ts";
import { lengthsAddress } from "./lengths.ts";

registerWasmKernel<{ x: TensorInfo; lengths?: TensorInfo }>(
  "EarshotMeanPool",
  ({ inputs: { x, lengths }, backend }) => {
    const [batch, frames, channels] = x.shape as [number, number, number];
    const counts = lengthsAddress(backend, lengths, frames);
    const y = backend.output([batch, channels]);
    const tensors = [backend.address(x), counts, backend.address(y)];
    const grain = Math.ceil(ROW_GRAIN_ELEMENTS / (frames * channels));
    backend.dispatch("meanPool", batch, [...tensors, frames, channels], grain);
    return y;
  },
);

registerWasmKernel<{ dy: TensorInfo; lengths: TensorInfo }, { frames: number }>(
  "EarshotMeanPoolGrad",
  ({ inputs: { dy, lengths }, attrs: { frames }, backend }) => {
    const [batch, channels] = dy.shape as [number, number];
    const counts = lengthsAddress(backend, lengths, frames);
    const dx = backend.output([batch, frames, channels]);
    const tensors = [backend.address(dy), counts, backend.address(dx)];
    const grain = Math.ceil(ROW_GRAIN_ELEMENTS / channels);
    backend.dispatch("meanPoolGrad", batch * frames, [...tensors, frames, channels], grain);
    return dx;
  },
);
