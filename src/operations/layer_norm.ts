/**
 * Layer normalisation (Ba et al. 2016), alone and with an activation behind it.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { activation, type ActivationAttrs, type FusedActivation, isFused } from "./activation.ts";
import {
  type ComposedOperation,
  gradient,
  type Operation,
  type Shape,
  type With,
} from "./operation.ts";
import { run } from "./run.ts";

/** What every norm has besides its tensors. */
export interface NormAttrs {
  /** Added to the variance. */
  eps: number;
}

/** What {@linkcode layerNorm} has besides its tensors. */
export interface ActivatedNormAttrs extends NormAttrs, Partial<ActivationAttrs> {}

/** What a norm of channels normalises, scales and moves. */
export interface NormInputs {
  x: Tensor;
  gamma: Tensor;
  beta: Tensor;
}

/** `x [..., C]`, `gamma`, `beta [C]` -> `[..., C]` */
export const layerNormOperation: Operation<NormInputs, NormAttrs, Tensor> = {
  name: "layerNorm",
  outputs: outputShape,
  gradient: gradient(["x", "gamma"], ({ dy, inputs, attrs }) => {
    const [dx, dgamma, dbeta] = run(layerNormGrad, { ...inputs, dy }, attrs);
    return { x: () => dx, gamma: () => dgamma, beta: () => dbeta };
  }),
};

/** The same, then an activation */
export const activatedLayerNorm: ComposedOperation<
  NormInputs,
  NormAttrs & { activation: FusedActivation },
  Tensor
> = {
  name: "activatedLayerNorm",
  outputs: outputShape,
  composed: (inputs, { eps, activation: kind }) =>
    activation(run(layerNormOperation, inputs, { eps }), kind),
};

/** `x`, `gamma`, `dy` -> `dx`, `dgamma [C]`, `dbeta [C]` */
export const layerNormGrad: Operation<
  { x: Tensor; gamma: Tensor; dy: Tensor },
  NormAttrs,
  [dx: Tensor, dgamma: Tensor, dbeta: Tensor]
> = {
  name: "layerNormGrad",
  outputs: ({ x, gamma }) => [x, gamma, gamma],
};

function outputShape({ x, gamma, beta }: With<NormInputs, Shape>): Shape {
  expectShape("layerNorm gamma", gamma, x.slice(-1));
  expectShape("layerNorm beta", beta, x.slice(-1));
  return x;
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
  { eps, activation: kind = "none" }: ActivatedNormAttrs,
): Tensor {
  if (kind !== "none" && isFused(kind)) {
    return run(activatedLayerNorm, { x, gamma, beta }, { eps, activation: kind });
  }
  const y = run(layerNormOperation, { x, gamma, beta }, { eps });
  if (kind === "none") return y;
  const activated = activation(y, kind);
  y.dispose();
  return activated;
}
