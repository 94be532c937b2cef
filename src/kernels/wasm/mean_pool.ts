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
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, type WasmBackend } from "./_backend.ts";
import { lengthsAddress } from "./_lengths.ts";

export function meanPool(
  { x, lengths }: KernelInputs<"meanPool">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const counts = lengthsAddress(backend, lengths, frames);
  const y = backend.output([batch, channels]);
  const tensors = [backend.address(x), counts, backend.address(y)];
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / (frames * channels));
  backend.dispatch("meanPool", batch, [...tensors, frames, channels], grain);
  return y;
}

export function meanPoolGrad(
  { dy, lengths }: KernelInputs<"meanPoolGrad">,
  { frames }: KernelAttrs<"meanPoolGrad">,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, channels = 0] = dy.shape;
  const counts = lengthsAddress(backend, lengths, frames);
  const dx = backend.output([batch, frames, channels]);
  const tensors = [backend.address(dy), counts, backend.address(dx)];
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / channels);
  backend.dispatch("meanPoolGrad", batch * frames, [...tensors, frames, channels], grain);
  return dx;
}
