/**
 * Plain Adafactor step of one parameter, in the order of operations of transformers. Reference of `adafactorStep`.
 *
 * @module
 */
import type { AdafactorAttrs } from "../../src/kernels.ts";
import { map, type NdArray, sizeOf } from "./nd_array.ts";

type State = { param: NdArray; grad: NdArray; norm: NdArray; rows: NdArray } & {
  columns?: NdArray;
  mean?: NdArray;
};

/** The state with `norm` (scalar) -> the next `param`, `rows`, and `columns` and `mean` where they are there */
export function adafactorStep(
  { param, grad, norm, rows, columns, mean }: State,
  attrs: AdafactorAttrs,
): NdArray[] {
  const { maxGradNorm, squaresDecay: kept, eps, clipThreshold, beta1, weightDecay } = attrs;
  const clip = maxGradNorm > 0 ? Math.min(1, maxGradNorm / (norm.values[0]! + 1e-6)) : 1;
  const slope = map(grad, (value) => value * clip);
  const squares = map(slope, (value) => value * value + eps);
  const joined = (old: NdArray, fresh: NdArray) =>
    map(old, (value, i) => kept * value + (1 - kept) * fresh.values[i]!);
  const nextRows = joined(rows, columns ? meanOver(squares, "columns", rows) : squares);
  const nextColumns = columns && joined(columns, meanOver(squares, "rows", columns));
  const factor = nextColumns ? factored(nextRows, nextColumns) : (i: number) => nextRows.values[i]!;
  const direction = map(slope, (value, i) => value / Math.sqrt(factor(i)));
  const scale = attrs.leastScale === undefined ? 1 : Math.max(attrs.leastScale, rms(param));
  const rate = attrs.learningRate * scale / Math.max(1, rms(direction) / clipThreshold);
  const update = map(direction, (value) => value * rate);
  const nextMean = mean && map(mean, (old, i) => beta1 * old + (1 - beta1) * update.values[i]!);
  const decay = 1 - weightDecay * attrs.learningRate * scale;
  const next = map(param, (value, i) => value * decay - (nextMean ?? update).values[i]!);
  return [next, nextRows, ...nextColumns ? [nextColumns] : [], ...nextMean ? [nextMean] : []];
}

function rms({ values }: NdArray): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** Means over one of the last two axes, in the shape of another array. */
function meanOver(x: NdArray, axis: "rows" | "columns", { shape }: NdArray): NdArray {
  const [rows = 1, columns = 1] = x.shape.slice(-2);
  const values = new Float64Array(sizeOf(shape));
  x.values.forEach((value, i) => {
    const row = Math.floor(i / columns);
    const at = axis === "columns" ? row : Math.floor(row / rows) * columns + i % columns;
    values[at]! += value / (axis === "columns" ? columns : rows);
  });
  return { shape, values };
}

/** The mean square of an element out of those of its row and column. */
function factored(rows: NdArray, columns: NdArray): (i: number) => number {
  const count = rows.shape.at(-1)!;
  const width = columns.shape.at(-1)!;
  return (i) => {
    const row = Math.floor(i / width);
    const matrix = Math.floor(row / count);
    const all = rows.values.subarray(matrix * count, (matrix + 1) * count);
    const whole = all.reduce((sum, value) => sum + value, 0) / count;
    return rows.values[row]! / whole * columns.values[matrix * width + i % width]!;
  };
}
