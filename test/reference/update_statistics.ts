/**
 * Plain running statistics of channels, moved towards those of one more batch.
 *
 * Reference of `updateStatistics`.
 *
 * @module
 */
import type { StatisticsAttrs } from "../../src/kernels.ts";
import { map, type NdArray, rowsOf } from "./nd_array.ts";

/** `x [..., C]`, `mean [C]`, `variance [C]` -> the next `mean` and `variance` */
export function updateStatistics(
  { x, mean, variance }: Record<"x" | "mean" | "variance", NdArray>,
  { momentum }: StatisticsAttrs,
): [mean: NdArray, variance: NdArray] {
  const { rows, columns } = rowsOf(x);
  const sumOf = (c: number, body: (value: number) => number) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += body(x.values[row * columns + c]!);
    return sum;
  };
  const means = map(mean, (_, c) => sumOf(c, (value) => value) / rows);
  const variances = map(variance, (_, c) => {
    return sumOf(c, (value) => (value - means.values[c]!) ** 2) / Math.max(rows - 1, 1);
  });
  const towards = (old: NdArray, next: NdArray) =>
    map(old, (value, c) => value + momentum * (next.values[c]! - value));
  return [towards(mean, means), towards(variance, variances)];
}
