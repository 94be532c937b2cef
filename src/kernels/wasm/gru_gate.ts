/**
 * Gate of a recurrent unit, forward and gradient, on WASM.
 *
 * Computes: with `u`, `r` the sigmoids of the sums of the halves of a row, `y = u (r factor - 1) + 2`;
 *   `dx = dy (r factor - 1) u (1 - u)` in the first half and `dy u factor r (1 - r)` in the second,
 *   `dfactor = sum of dy u r` over the rows of a head.
 * Buffers: `x` [R, 2 G], `factor` [H], `dy` [R] float32, read; `y` [R], `dx`, `dfactor`, written.
 * Memory: one pass; the gradient takes R numbers of scratch.
 * Error: 1e-6 for values around 1.
 * Reference: `test/reference/gru_gate.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs, KernelOutputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, rowsOf, type WasmBackend } from "./_backend.ts";
import { columnSumAt } from "./column_sum.ts";

/** Work of a row's two sigmoids, in elements of simpler kernels. */
const GATE_ELEMENTS = 16;
const GRAIN = ROW_GRAIN_ELEMENTS / GATE_ELEMENTS;

interface Inputs {
  x: TensorInfo;
  factor: TensorInfo;
}

export function gruGate(
  { x, factor }: KernelInputs<"gruGate">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(x);
  const y = backend.output(x.shape.slice(0, -1));
  const tensors = [x, factor, y].map((tensor) => backend.address(tensor));
  backend.dispatch("gruGate", rows, [...tensors, factor.shape[0]!, columns / 2], GRAIN);
  return y;
}

export function gruGateGrad(
  { x, factor, dy }: KernelInputs<"gruGateGrad">,
  _attrs: object,
  backend: WasmBackend,
): KernelOutputs<"gruGateGrad"> {
  const { rows, columns } = rowsOf(x);
  const heads = factor.shape[0]!;
  const [dx, dfactor] = [backend.output(x.shape), backend.output([heads])];
  // Spare bytes behind the products, since the sum reads whole vectors.
  const products = backend.scratch(4 * (rows + 4));
  const tensors = [x, factor, dy, dx].map((tensor) => backend.address(tensor));
  backend.dispatch("gruGateGrad", rows, [...tensors, products, heads, columns / 2], GRAIN);
  columnSumAt(backend, products, dfactor, { rows: rows / heads, rowBytes: 4 * heads });
  return [dx, dfactor];
}
