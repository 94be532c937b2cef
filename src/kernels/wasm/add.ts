/**
 * The sum of two tensors of one shape, on WASM.
 *
 * Computes: `z = x + y`.
 * Buffers: `x`, `y` float32, read; `z`, written; all of one size.
 * Memory: one pass, no scratch.
 * Error: one rounding.
 * Reference: `test/reference/add.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import { VECTOR_GRAIN, vectorsOf, type WasmBackend } from "./_backend.ts";

/** The sum. */
export function add(
  { x, y }: KernelInputs<"add">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const z = backend.output(x.shape);
  const args = [x, y, z].map((tensor) => backend.address(tensor));
  backend.dispatch("add", vectorsOf(z), args, VECTOR_GRAIN);
  return z;
}
