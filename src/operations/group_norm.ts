/**
 * Group normalisation with one group per channel (Wu and He 2018), alone and with an activation behind it.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectRank, expectShape } from "./_shapes.ts";
import { activation, type FusedActivation, isFused } from "./activation.ts";
import type { ActivatedNormAttrs, NormAttrs, NormInputs } from "./layer_norm.ts";
import {
  type ComposedOperation,
  gradient,
  type Operation,
  type Shape,
  type With,
} from "./operation.ts";
import { run } from "./run.ts";

/** `x [B, T, C]`, `gamma`, `beta [C]` -> `[B, T, C]` */
export const groupNormOperation: Operation<NormInputs, NormAttrs, Tensor> = {
  name: "groupNorm",
  outputs: outputShape,
  gradient: gradient(["x", "gamma"], ({ dy, inputs, attrs }) => {
    const [dx, dgamma, dbeta] = run(groupNormGrad, { ...inputs, dy }, attrs);
    return { x: () => dx, gamma: () => dgamma, beta: () => dbeta };
  }),
};

/** The same, then an activation */
export const activatedGroupNorm: ComposedOperation<
  NormInputs,
  NormAttrs & { activation: FusedActivation },
  Tensor
> = {
  name: "activatedGroupNorm",
  outputs: outputShape,
  composed: (inputs, { eps, activation: kind }) =>
    activation(run(groupNormOperation, inputs, { eps }), kind),
};

/** `x`, `gamma`, `dy` -> `dx`, `dgamma [C]`, `dbeta [C]` */
export const groupNormGrad: Operation<
  { x: Tensor; gamma: Tensor; dy: Tensor },
  NormAttrs,
  [dx: Tensor, dgamma: Tensor, dbeta: Tensor]
> = {
  name: "groupNormGrad",
  outputs: ({ x, gamma }) => [x, gamma, gamma],
};

function outputShape({ x, gamma, beta }: With<NormInputs, Shape>): Shape {
  expectRank("groupNorm x", x, 3);
  expectShape("groupNorm gamma", gamma, x.slice(-1));
  expectShape("groupNorm beta", beta, x.slice(-1));
  return x;
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
  { eps, activation: kind = "none" }: ActivatedNormAttrs,
): Tensor {
  if (kind !== "none" && isFused(kind)) {
    return run(activatedGroupNorm, { x, gamma, beta }, { eps, activation: kind });
  }
  const y = run(groupNormOperation, { x, gamma, beta }, { eps });
  if (kind === "none") return y;
  const activated = activation(y, kind);
  y.dispose();
  return activated;
}
