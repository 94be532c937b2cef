/**
 * One vector added to every row, on WASM; its gradients are `dy` itself and the sum of its columns.
 *
 * Computes: `y[r] = x[r] + bias`.
 * Buffers: `x` [R, C], `bias` [C] float32, read; `y` [R, C], written.
 * Memory: one pass, no scratch.
 * Error: one rounding.
 * Reference: `test/reference/add_bias.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, rowsOf, type WasmBackend } from "./_backend.ts";

export function addBias(
  { x, bias }: KernelInputs<"addBias">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(x);
  const y = backend.output(x.shape);
  const args = [...[x, bias, y].map((tensor) => backend.address(tensor)), columns];
  backend.dispatch("addBias", rows, args, Math.ceil(ROW_GRAIN_ELEMENTS / columns));
  return y;
}
