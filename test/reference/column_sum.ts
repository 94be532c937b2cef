/**
 * Plain sum of every column: the gradient of a bias. Reference of `columnSum`.
 *
 * @module
 */
import { type NdArray, rowsOf, zeros } from "./nd_array.ts";

/** `x [..., C]` -> `[C]` */
export function columnSum({ x }: { x: NdArray }): NdArray {
  const { rows, columns } = rowsOf(x);
  const sums = zeros([columns]);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++) sums.values[c]! += x.values[row * columns + c]!;
  }
  return sums;
}
