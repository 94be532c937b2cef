/**
 * What layer and group normalisation have in common: scaled and moved channels, their slopes, an activation behind.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { activation, type ActivationAttrs, type FusedActivation, isFused } from "./activation.ts";
import {
  type ComposedOperation,
  type Gradient,
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

/** What a norm with an activation behind it has besides its tensors. */
export interface ActivatedNormAttrs extends NormAttrs, Partial<ActivationAttrs> {}

/** What a norm of channels normalises, scales and moves. */
export interface NormInputs {
  x: Tensor;
  gamma: Tensor;
  beta: Tensor;
}

/** `x`, `gamma`, `beta` -> as `x` */
export type Norm = Operation<NormInputs, NormAttrs, Tensor>;

/** The same, then an activation */
export type ActivatedNorm = ComposedOperation<
  NormInputs,
  NormAttrs & { activation: FusedActivation },
  Tensor
>;

/** `x`, `gamma`, `dy` -> `dx`, `dgamma [C]`, `dbeta [C]` */
export type NormGrad = Operation<
  { x: Tensor; gamma: Tensor; dy: Tensor },
  NormAttrs,
  [dx: Tensor, dgamma: Tensor, dbeta: Tensor]
>;

/** Throws where there is no gain or offset for each channel, the last axis of `x`. */
export function expectChannels(name: string, { x, gamma, beta }: With<NormInputs, Shape>): void {
  expectShape(`${name} gamma`, gamma, x.slice(-1));
  expectShape(`${name} beta`, beta, x.slice(-1));
}

/** The gradient of a norm, all of it in one run; a norm comes before its gradient in a file. */
export function normGradient(grad: () => NormGrad): Gradient<NormInputs, NormAttrs, Tensor> {
  return gradient(["x", "gamma"], ({ dy, inputs, attrs }) => {
    const [dx, dgamma, dbeta] = run(grad(), { ...inputs, dy }, attrs);
    return { x: () => dx, gamma: () => dgamma, beta: () => dbeta };
  });
}

/** A norm and what follows it: in one run where the activation can be, else in two. */
export function normalised(
  operations: { norm: Norm; activated: ActivatedNorm },
  inputs: NormInputs,
  { eps, activation: kind = "none" }: ActivatedNormAttrs,
): Tensor {
  if (kind !== "none" && isFused(kind)) {
    return run(operations.activated, inputs, { eps, activation: kind });
  }
  const y = run(operations.norm, inputs, { eps });
  if (kind === "none") return y;
  const activated = activation(y, kind);
  y.dispose();
  return activated;
}
