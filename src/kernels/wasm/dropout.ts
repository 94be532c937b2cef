/**
 * Dropout by counter with an optional residual, on WASM; the gradient is the same kernel on `dy`.
 *
 * Computes: `y[i] = x[i] keep(i) / (1 - rate) + residual[i]`, `keep(i)` being 1 where
 *   `keepHash(seed, i) >= rate 2^32`.
 * Buffers: `x`, `residual` float32, read; `y`, written; all of one size.
 * Memory: one pass; the mask is drawn again each time, never stored.
 * Error: 1e-7 (`1 / (1 - rate)` is rounded once); which elements stay is exact.
 * Reference: `test/reference/dropout.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { VECTOR_GRAIN, vectorsOf, type WasmBackend } from "./_backend.ts";

/** The least hash that keeps an element; an unsigned 32-bit number. */
function keepThreshold(rate: number): number {
  return Math.min(Math.ceil(rate * 2 ** 32), 2 ** 32 - 1);
}

export function dropout(
  { x, residual }: KernelInputs<"dropout">,
  { rate, seed }: KernelAttrs<"dropout">,
  backend: WasmBackend,
): TensorInfo {
  const y = backend.output(x.shape);
  const added = residual ? backend.address(residual) : 0;
  const args = [backend.address(x), added, backend.address(y)];
  const draw = [keepThreshold(rate), seed, 1 / (1 - rate)];
  backend.dispatch("dropout", vectorsOf(x), [...args, ...draw], VECTOR_GRAIN);
  return y;
}
