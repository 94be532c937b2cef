/**
 * Element-wise activation functions.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** The activation functions that devices compute: exact (erf) GELU, ReLU, and SiLU `x sigmoid(x)`, also called swish. */
export const ACTIVATIONS = ["gelu", "relu", "silu"] as const;

/** One of {@linkcode ACTIVATIONS}, or none. */
export type Activation = "none" | typeof ACTIVATIONS[number];

/** Which function {@linkcode activation} applies. */
export interface ActivationAttrs {
  activation: Activation;
}

/** `x` -> the same shape */
export const activationOperation: Operation<{ x: Tensor }, ActivationAttrs, Tensor> = {
  name: "activation",
  outputs: ({ x }) => x,
  gradient: gradient(["x"], ({ dy, inputs, attrs }) => ({
    x: () => run(activationGrad, { ...inputs, dy }, attrs),
  })),
};

/** `x` before the activation, `dy` -> `dx` */
export const activationGrad: Operation<{ x: Tensor; dy: Tensor }, ActivationAttrs, Tensor> = {
  name: "activationGrad",
  outputs: ({ x }) => x,
};

/** Element-wise activation. **Shape** any -> the same */
export function activation(x: Tensor, kind: Activation): Tensor {
  return kind === "none" ? x.clone() : run(activationOperation, { x }, { activation: kind });
}
