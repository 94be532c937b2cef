/**
 * Sum over all axes but the last, on WASM: the gradient of a bias.
 *
 * Computes: `y[c] = sum_r x[r][c]`.
 * Buffers: `x` [R, C] float32, read; `y` [C], written.
 * Memory: one pass; eight rows are added to each other before they are added to `y`.
 * Error: 1e-6 of the sum of magnitudes.
 * Reference: `test/reference/column_sum.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs } from "../../kernels.ts";
import { rowsOf, type WasmBackend } from "./_backend.ts";

/** Vectors of columns worth a thread: two cache lines. */
export const COLUMN_GRAIN = 8;

export function columnSum(
  { x }: KernelInputs<"columnSum">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(x);
  const y = backend.output([columns]);
  columnSumAt(backend, backend.address(x), y, { rows, rowBytes: 4 * columns });
  return y;
}

/** Sums columns of a matrix at an address into `y [C]`; the rows lie `rowBytes` apart. */
export function columnSumAt(
  backend: WasmBackend,
  from: number,
  y: TensorInfo,
  matrix: { rows: number; rowBytes: number },
): void {
  const args = [from, backend.address(y), matrix.rows, matrix.rowBytes];
  backend.dispatch("columnSum", Math.ceil(y.shape[0]! / 4), args, COLUMN_GRAIN);
}
