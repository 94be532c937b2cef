/**
 * Channels of a clip set to zero where a mask is set, on WASM; the gradient is the same kernel on `dy`.
 *
 * Computes: `y[b][t][c] = mask[b][c] ? 0 : x[b][t][c]`.
 * Buffers: `x` [B, T, C] float32 and `mask` [B, C] int32, read; `y` [B, T, C], written.
 * Memory: one pass.
 * Error: exact.
 * Reference: `test/reference/mask_channels.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, type WasmBackend } from "./_backend.ts";

export function maskChannels(
  { x, mask }: KernelInputs<"maskChannels">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const y = backend.output(x.shape);
  const tensors = [backend.address(x), backend.address(mask, "int32"), backend.address(y)];
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / channels);
  backend.dispatch("maskChannels", batch * frames, [...tensors, frames, channels], grain);
  return y;
}
