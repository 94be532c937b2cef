/**
 * The weight of a convolution that checkpoints store as a gain and a direction for each kernel tap.
 *
 * Source: Salimans and Kingma 2016, "Weight Normalization".
 *
 * @module
 */
import { type Weight, weightNorm, weightShape } from "../kernels.ts";
import type { GainAndDirection } from "./parameters.ts";

/** `g [1, 1, K]` and `v [O, I, K]` or, for a model that will not change, what they multiply to. */
export type NormalisedWeight = GainAndDirection | Weight;

/**
 * `g v / |v|`, with the length of `v` over all but the taps; the caller's scope disposes it.
 *
 * **Shape** `g [1, 1, K]`, `v [O, I, K]` -> `[O, I, K]`
 */
export function normalisedWeight(weight: NormalisedWeight): Weight {
  return "g" in weight ? weightNorm(weight.g, weight.v) : weight;
}

/** Taps of the kernel, K. */
export function kernelTaps(weight: NormalisedWeight): number {
  return weightShape("g" in weight ? weight.v : weight)[2]!;
}
