/**
 * Products of plain arrays on the device in use, for the teachers' spectrograms.
 *
 * @module
 */
import { tensor2d, tidy } from "@tensorflow/tfjs-core";
import { linear } from "../../src/kernels.ts";

/** Rows times the transposed matrix. **Shape** `[M, inner]`, `[N, inner]` -> `[M, N]` */
export function product(rows: Float32Array, matrix: Float32Array, inner: number): Float32Array {
  const result = tidy(() =>
    linear(
      tensor2d(rows, [rows.length / inner, inner]),
      tensor2d(matrix, [matrix.length / inner, inner]),
    )
  );
  const values = result.dataSync() as Float32Array;
  result.dispose();
  return values;
}
