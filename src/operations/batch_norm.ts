/**
 * Batch normalisation with given statistics (Ioffe and Szegedy 2015).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import type { NormAttrs } from "./_norms.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** What {@linkcode batchNorm} scales, moves and normalises by, each `[C]`. */
export interface BatchNormChannels {
  gamma: Tensor;
  beta: Tensor;
  mean: Tensor;
  variance: Tensor;
}

/** `x [..., C]`, the others `[C]` -> `[..., C]` */
export const batchNormOperation: Operation<{ x: Tensor } & BatchNormChannels, NormAttrs, Tensor> = {
  name: "batchNorm",
  outputs: ({ x, ...channels }) => {
    for (const [name, shape] of Object.entries(channels)) {
      expectShape(`batchNorm ${name}`, shape, x.slice(-1));
    }
    return x;
  },
  gradient: gradient(["x", "gamma", "mean", "variance"], ({ dy, inputs, attrs }) => {
    const [dx, dgamma, dbeta] = run(batchNormGrad, { ...inputs, dy }, attrs);
    return { x: () => dx, gamma: () => dgamma, beta: () => dbeta };
  }),
};

/** `x`, `gamma`, `mean`, `variance`, `dy` -> `dx`, `dgamma [C]`, `dbeta [C]` */
export const batchNormGrad: Operation<
  { x: Tensor; dy: Tensor } & Omit<BatchNormChannels, "beta">,
  NormAttrs,
  [dx: Tensor, dgamma: Tensor, dbeta: Tensor]
> = {
  name: "batchNormGrad",
  outputs: ({ x, gamma }) => [x, gamma, gamma],
};

/**
 * Batch normalisation with given statistics, which are constants: `(x - mean) / sqrt(variance + eps) * gamma + beta`.
 *
 * **Shape** `x [..., C]`, the others `[C]` -> `[..., C]`
 *
 * With the statistics of the batch itself it is `groupNorm` on all clips as one.
 */
export function batchNorm(x: Tensor, channels: BatchNormChannels, attrs: NormAttrs): Tensor {
  return run(batchNormOperation, { x, ...channels }, attrs);
}
