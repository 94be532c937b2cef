/**
 * Plain group normalisation with one group per channel: each channel of each clip over time.
 *
 * Reference of `groupNorm` and `groupNormGrad`.
 *
 * @module
 */
import type { NormAttrs } from "../../src/kernels.ts";
import { normalize, normalizeGrad } from "./layer_norm.ts";
import { type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, C]`, `gamma [C]`, `beta [C]` -> `[B, T, C]` */
export function groupNorm(
  { x, gamma, beta }: { x: NdArray; gamma: NdArray; beta: NdArray },
  { eps }: NormAttrs,
): NdArray {
  const y = zeros(x.shape);
  forEachChannel(x.shape, (b, c) => {
    const { normal } = normalize(readChannel(x, b, c), eps);
    writeChannel(y, b, c, normal.map((value) => value * gamma.values[c]! + beta.values[c]!));
  });
  return y;
}

/** `x`, `gamma`, `dy` -> `dx`, `dgamma [C]`, `dbeta [C]` */
export function groupNormGrad(
  { x, gamma, dy }: { x: NdArray; gamma: NdArray; dy: NdArray },
  { eps }: NormAttrs,
): [dx: NdArray, dgamma: NdArray, dbeta: NdArray] {
  const [dx, dgamma, dbeta] = [zeros(x.shape), zeros(gamma.shape), zeros(gamma.shape)];
  forEachChannel(x.shape, (b, c) => {
    const line = normalize(readChannel(x, b, c), eps);
    const slopes = readChannel(dy, b, c);
    slopes.forEach((slope, t) => {
      dgamma.values[c]! += slope * line.normal[t]!;
      dbeta.values[c]! += slope;
    });
    writeChannel(dx, b, c, normalizeGrad(line, slopes.map((slope) => slope * gamma.values[c]!)));
  });
  return [dx, dgamma, dbeta];
}

function forEachChannel(shape: readonly number[], visit: (b: number, c: number) => void): void {
  for (let b = 0; b < shape[0]!; b++) {
    for (let c = 0; c < shape[2]!; c++) visit(b, c);
  }
}

function readChannel(x: NdArray, b: number, c: number): Float64Array {
  const [, frames, channels] = x.shape as [number, number, number];
  return Float64Array.from(
    { length: frames },
    (_, t) => x.values[(b * frames + t) * channels + c]!,
  );
}

function writeChannel(x: NdArray, b: number, c: number, values: Float64Array): void {
  const [, frames, channels] = x.shape as [number, number, number];
  values.forEach((value, t) => x.values[(b * frames + t) * channels + c] = value);
}
