/**
 * Plain batch normalisation with given statistics: each channel moved and scaled by constants.
 *
 * Reference of `batchNorm` and `batchNormGrad`.
 *
 * @module
 */
import type { NormAttrs } from "../../src/kernels.ts";
import { map, type NdArray, zeros } from "./nd_array.ts";

/** What belongs to the channels, each `[C]`. */
export type ChannelInputs = Record<"gamma" | "beta" | "mean" | "variance", NdArray>;

/** `x [..., C]` -> `[..., C]` */
export function batchNorm(
  { x, gamma, beta, mean, variance }: { x: NdArray } & ChannelInputs,
  { eps }: NormAttrs,
): NdArray {
  const channels = gamma.values.length;
  return map(x, (value, i) => {
    const c = i % channels;
    const normal = (value - mean.values[c]!) / Math.sqrt(variance.values[c]! + eps);
    return normal * gamma.values[c]! + beta.values[c]!;
  });
}

/** -> `dx`, `dgamma [C]`, `dbeta [C]` */
export function batchNormGrad(
  { x, gamma, mean, variance, dy }: { x: NdArray; dy: NdArray } & Omit<ChannelInputs, "beta">,
  { eps }: NormAttrs,
): [dx: NdArray, dgamma: NdArray, dbeta: NdArray] {
  const channels = gamma.values.length;
  const [dx, dgamma, dbeta] = [zeros(x.shape), zeros(gamma.shape), zeros(gamma.shape)];
  dy.values.forEach((slope, i) => {
    const c = i % channels;
    const deviation = Math.sqrt(variance.values[c]! + eps);
    dx.values[i] = slope * gamma.values[c]! / deviation;
    dgamma.values[c]! += slope * (x.values[i]! - mean.values[c]!) / deviation;
    dbeta.values[c]! += slope;
  });
  return [dx, dgamma, dbeta];
}
