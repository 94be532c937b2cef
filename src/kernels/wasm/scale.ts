/**
 * A tensor times one number, with an optional residual, on WASM; the gradient is the same kernel on `dy`.
 *
 * Computes: `y = x factor + residual`.
 * Buffers: `x`, `residual` float32, read; `y`, written; all of one size.
 * Memory: one pass, no scratch.
 * Error: one or two roundings.
 * Reference: `test/reference/scale.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { VECTOR_GRAIN, vectorsOf, type WasmBackend } from "./_backend.ts";

export function scale(
  { x, residual }: KernelInputs<"scale">,
  { factor }: KernelAttrs<"scale">,
  backend: WasmBackend,
): TensorInfo {
  const y = backend.output(x.shape);
  const added = residual ? backend.address(residual) : 0;
  const args = [backend.address(x), added, backend.address(y), factor];
  backend.dispatch("scale", vectorsOf(x), args, VECTOR_GRAIN);
  return y;
}
