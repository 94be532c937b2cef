/**
 * Norms of the contract: of activations, of the statistics that one of them runs on, and of a weight.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { expectRank, expectShape } from "./_shapes.ts";
import { type Activation, activation } from "./elements.ts";
import { hasKernel, isRecording, run, runAll } from "./run.ts";

/** What every norm has besides its tensors. */
export interface NormAttrs {
  /** Added to the variance. */
  eps: number;
}

/** What {@linkcode layerNorm} and {@linkcode groupNorm} have besides their tensors. */
export interface ActivatedNormAttrs extends NormAttrs {
  /** Applied to what is normalised. @default "none" */
  activation?: Activation;
}

/** How fast {@linkcode updateStatistics} forgets. */
export interface StatisticsAttrs {
  /** Weight of the new statistics, 0 to 1. */
  momentum: number;
}

/**
 * Normalisation of each vector of the last axis to mean 0 and variance 1, then `gamma`, `beta` and an activation.
 *
 * **Shape** `x [..., C]`, `gamma [C]`, `beta [C]` -> `[..., C]`
 */
export function layerNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  attrs: ActivatedNormAttrs,
): Tensor {
  expectShape("layerNorm gamma", gamma, x.shape.slice(-1));
  expectShape("layerNorm beta", beta, x.shape.slice(-1));
  return activatedNorm("LayerNorm", { x, gamma, beta }, attrs);
}

/**
 * Group normalisation with one group per channel: each channel of each clip over its time axis, then an activation.
 *
 * **Shape** `x [B, T, C]`, `gamma [C]`, `beta [C]` -> `[B, T, C]`
 */
export function groupNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  attrs: ActivatedNormAttrs,
): Tensor {
  expectRank("groupNorm x", x, 3);
  expectShape("groupNorm gamma", gamma, x.shape.slice(-1));
  expectShape("groupNorm beta", beta, x.shape.slice(-1));
  return activatedNorm("GroupNorm", { x, gamma, beta }, attrs);
}

/** In one kernel where the device has it, save while gradients are recorded: that of the activation needs its input. */
function activatedNorm(
  norm: "LayerNorm" | "GroupNorm",
  tensors: { x: Tensor; gamma: Tensor; beta: Tensor },
  { eps, activation: kind = "none" }: ActivatedNormAttrs,
): Tensor {
  if (kind === "none") return run(`Earshot${norm}`, tensors, { eps });
  const both = `EarshotActivated${norm}`;
  if (!isRecording() && hasKernel(both)) return run(both, tensors, { eps, activation: kind });
  return tidy(() => activation(run(`Earshot${norm}`, tensors, { eps }), kind));
}

/**
 * Batch normalisation with given statistics, which are constants: `(x - mean) / sqrt(variance + eps) * gamma + beta`.
 *
 * **Shape** `x [..., C]`, the others `[C]` -> `[..., C]`
 *
 * With the statistics of the batch itself it is {@linkcode groupNorm} on all clips as one.
 */
export function batchNorm(
  x: Tensor,
  affine: { gamma: Tensor; beta: Tensor; mean: Tensor; variance: Tensor },
  attrs: NormAttrs,
): Tensor {
  for (const [name, tensor] of Object.entries(affine)) {
    expectShape(`batchNorm ${name}`, tensor, x.shape.slice(-1));
  }
  return run("EarshotBatchNorm", { x, ...affine }, attrs);
}

/**
 * Running statistics after one more batch: `old + momentum * (new - old)`, the new variance being the
 * unbiased one of each channel over all other axes (the biased one where there is a single row).
 *
 * **Shape** `x [..., C]`, `mean [C]`, `variance [C]` -> `[mean, variance]`; no gradient
 */
export function updateStatistics(
  x: Tensor,
  statistics: { mean: Tensor; variance: Tensor },
  attrs: StatisticsAttrs,
): [Tensor, Tensor] {
  for (const [name, tensor] of Object.entries(statistics)) {
    expectShape(`updateStatistics ${name}`, tensor, x.shape.slice(-1));
  }
  return runAll("EarshotUpdateStatistics", { x, ...statistics }, attrs) as [Tensor, Tensor];
}

/**
 * Weight normalisation of a convolution, per kernel tap: `g * v / |v|`, the norm over the first two axes.
 *
 * **Shape** `g [1, 1, K]`, `v [O, I, K]` -> `[O, I, K]`
 */
export function weightNorm(g: Tensor, v: Tensor): Tensor {
  expectRank("weightNorm v", v, 3);
  expectShape("weightNorm g", g, [1, 1, v.shape[2]!]);
  return run("EarshotWeightNorm", { g, v }, {});
}
