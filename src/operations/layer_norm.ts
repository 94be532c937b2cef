/**
 * Layer normalisation (Ba et al. 2016), alone and with an activation behind it.
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
import { activation } from "./activation.ts";
import type { Shape, With } from "./operation.ts";
import { run } from "./run.ts";

export type { ActivatedNormAttrs, NormAttrs } from "./_norms.ts";

/** `x [..., C]`, `gamma`, `beta [C]` -> `[..., C]` */
export const layerNormOperation: Norm = {
  name: "layerNorm",
  outputs: outputShape,
  gradient: normGradient(() => layerNormGrad),
};

/** The same, then an activation */
export const activatedLayerNorm: ActivatedNorm = {
  name: "activatedLayerNorm",
  outputs: outputShape,
  composed: (inputs, { eps, activation: kind }) =>
    activation(run(layerNormOperation, inputs, { eps }), kind),
};

/** `x`, `gamma`, `dy` -> `dx`, `dgamma [C]`, `dbeta [C]` */
export const layerNormGrad: NormGrad = {
  name: "layerNormGrad",
  outputs: ({ x, gamma }) => [x, gamma, gamma],
};

function outputShape(inputs: With<NormInputs, Shape>): Shape {
  expectChannels("layerNorm", inputs);
  return inputs.x;
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
  const operations = { norm: layerNormOperation, activated: activatedLayerNorm };
  return normalised(operations, { x, gamma, beta }, attrs);
}
