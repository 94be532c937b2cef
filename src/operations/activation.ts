/**
 * Element-wise activation functions.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** The activation functions that kernels apply to what they computed; the others are a pass of their own. */
export const FUSED_ACTIVATIONS = ["gelu", "relu", "silu"] as const;

/** The activation functions that devices compute: exact (erf) GELU, ReLU, SiLU `x sigmoid(x)`, also called swish, and tanh. */
export const ACTIVATIONS = [...FUSED_ACTIVATIONS, "tanh"] as const;

/** One of {@linkcode FUSED_ACTIVATIONS}, or none. */
export type FusedActivation = "none" | typeof FUSED_ACTIVATIONS[number];

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

/** Whether kernels apply a function to what they computed. */
export function isFused(kind: Activation): kind is FusedActivation {
  const fused: readonly Activation[] = FUSED_ACTIVATIONS;
  return kind === "none" || fused.includes(kind);
}
