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

/**
 * The activation functions that devices compute, under the names that transformers has for them.
 *
 * `gelu` is exact, by the error function, `gelu_10` the same up to 10, `gelu_new` by tanh, `quick_gelu` `x sigmoid(1.702 x)`,
 * `silu` `x sigmoid(x)`, also called swish, `mish` `x tanh(log(1 + e^x))`, `laplace` the normal distribution around
 * `sqrt(1 / 2)` with deviation `sqrt(1 / (4 pi))`, `leaky_relu` `0.01 x` below 0, `relu2` the square of ReLU, `relu6`
 * ReLU up to 6, `hardswish` `x relu6(x + 3) / 6`, and `sqrtsoftplus` `sqrt(log(1 + e^x))`.
 */
export const ACTIVATIONS = [
  ...FUSED_ACTIVATIONS,
  "gelu_10",
  "gelu_new",
  "hardswish",
  "laplace",
  "leaky_relu",
  "mish",
  "quick_gelu",
  "relu2",
  "relu6",
  "sigmoid",
  "sqrtsoftplus",
  "tanh",
] as const;

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
