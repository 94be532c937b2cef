/**
 * Plain layer normalisation: each vector of the last axis to mean 0 and (biased) variance 1.
 *
 * Reference of `layerNorm` and `layerNormGrad`.
 *
 * @module
 */
import type { NormAttrs } from "../../src/kernels.ts";
import { type NdArray, rowsOf, zeros } from "./nd_array.ts";

/** `x [..., C]`, `gamma [C]`, `beta [C]` -> `[..., C]` */
export function layerNorm(
  { x, gamma, beta }: { x: NdArray; gamma: NdArray; beta: NdArray },
  { eps }: NormAttrs,
): NdArray {
  const { rows, columns } = rowsOf(x);
  const y = zeros(x.shape);
  for (let row = 0; row < rows; row++) {
    const { normal } = normalize(x.values.subarray(row * columns, (row + 1) * columns), eps);
    for (let c = 0; c < columns; c++) {
      y.values[row * columns + c] = normal[c]! * gamma.values[c]! + beta.values[c]!;
    }
  }
  return y;
}

/** `x`, `gamma`, `dy` -> `dx`, `dgamma [C]`, `dbeta [C]` */
export function layerNormGrad(
  { x, gamma, dy }: { x: NdArray; gamma: NdArray; dy: NdArray },
  { eps }: NormAttrs,
): [dx: NdArray, dgamma: NdArray, dbeta: NdArray] {
  const { rows, columns } = rowsOf(x);
  const [dx, dgamma, dbeta] = [zeros(x.shape), zeros([columns]), zeros([columns])];
  for (let row = 0; row < rows; row++) {
    const line = normalize(x.values.subarray(row * columns, (row + 1) * columns), eps);
    const dyRow = dy.values.subarray(row * columns, (row + 1) * columns);
    for (let c = 0; c < columns; c++) {
      dgamma.values[c]! += dyRow[c]! * line.normal[c]!;
      dbeta.values[c]! += dyRow[c]!;
    }
    dx.values.set(
      normalizeGrad(line, dyRow.map((slope, c) => slope * gamma.values[c]!)),
      row * columns,
    );
  }
  return [dx, dgamma, dbeta];
}

/** Numbers moved to mean 0 and scaled by `1 / sqrt(variance + eps)`. */
export interface Normalized {
  normal: Float64Array;
  inverseDeviation: number;
}

/** Normalises one vector, with two passes over it, the second around the mean of the first. */
export function normalize(values: Float64Array, eps: number): Normalized {
  const mean = meanOf(values);
  const variance = meanOf(values.map((value) => (value - mean) ** 2));
  const inverseDeviation = 1 / Math.sqrt(variance + eps);
  return { normal: values.map((value) => (value - mean) * inverseDeviation), inverseDeviation };
}

/** The gradient of {@linkcode normalize} with respect to the vector, given that of `normal`. */
export function normalizeGrad(line: Normalized, dnormal: Float64Array): Float64Array {
  const { normal, inverseDeviation } = line;
  const mean = meanOf(dnormal);
  const projection = meanOf(dnormal.map((slope, i) => slope * normal[i]!));
  return dnormal.map((slope, i) => inverseDeviation * (slope - mean - normal[i]! * projection));
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
