/**
 * Group normalisation with one group per channel (Wu and He 2018), alone and with an activation behind it.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import {
  type ActivatedNorm,
  type ActivatedNormAttrs,
  expectChannels,
  type Norm,
  normalised,
  type NormGrad,
  normGradient,
  type NormInputs,
} from "./_norms.ts";
import { expectRank } from "./_shapes.ts";
import { activation } from "./activation.ts";
import type { Shape, With } from "./operation.ts";
import { run } from "./run.ts";

/** `x [B, T, C]`, `gamma`, `beta [C]` -> `[B, T, C]` */
export const groupNormOperation: Norm = {
  name: "groupNorm",
  outputs: outputShape,
  gradient: normGradient(() => groupNormGrad),
};

/** The same, then an activation */
export const activatedGroupNorm: ActivatedNorm = {
  name: "activatedGroupNorm",
  outputs: outputShape,
  composed: (inputs, { eps, activation: kind }) =>
    activation(run(groupNormOperation, inputs, { eps }), kind),
};

/** `x`, `gamma`, `dy` -> `dx`, `dgamma [C]`, `dbeta [C]` */
export const groupNormGrad: NormGrad = {
  name: "groupNormGrad",
  outputs: ({ x, gamma }) => [x, gamma, gamma],
};

function outputShape(inputs: With<NormInputs, Shape>): Shape {
  expectRank("groupNorm x", inputs.x, 3);
  expectChannels("groupNorm", inputs);
  return inputs.x;
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
  const operations = { norm: groupNormOperation, activated: activatedGroupNorm };
  return normalised(operations, { x, gamma, beta }, attrs);
}
