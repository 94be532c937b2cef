/**
 * Rotary positions on WASM; the gradient is the same kernel, turning back.
 *
 * Computes: for channels a and b, half a head apart, `a cos - b sin` and `b cos + a sin`; with `-sin` to turn back.
 * Buffers: `x` [B, T, D], `cos`, `sin` [T, D / 2H] float32, read; `y` [B, T, D], written.
 * Memory: one pass, no scratch.
 * Error: 2e-7 of the largest of both.
 * Reference: `test/reference/rotary.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, type WasmBackend } from "./_backend.ts";

export function rotary(
  { x, cos, sin }: KernelInputs<"rotary">,
  { heads, inverse }: KernelAttrs<"rotary">,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, size = 0] = x.shape;
  const y = backend.output(x.shape);
  const addresses = [x, cos, sin, y].map((tensor) => backend.address(tensor));
  const args = [...addresses, frames, heads, size / heads / 2, inverse ? -1 : 1];
  backend.dispatch("rotary", batch * frames, args, Math.ceil(ROW_GRAIN_ELEMENTS / size));
  return y;
}
