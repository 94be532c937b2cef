/**
 * The optimiser's part of the contract: one norm over all gradients, and one step of one parameter.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { run, runAll } from "./run.ts";

/** The settings of one {@linkcode adamwStep}. */
export interface AdamwAttrs {
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  /** Decoupled: the parameter shrinks by `learningRate * weightDecay` first. */
  weightDecay: number;
  /** Number of this step, from 1, for the bias correction. */
  step: number;
  /** Gradients are multiplied by `min(1, maxGradNorm / (norm + 1e-6))`; 0 leaves them alone. */
  maxGradNorm: number;
}

/** Euclidean norm of all elements of all tensors together, as a scalar that stays on the device. */
export function globalNorm(tensors: Tensor[]): Tensor {
  return run("EarshotGlobalNorm", tensors, {});
}

/**
 * One AdamW step of one parameter (Loshchilov and Hutter 2019, as PyTorch orders it).
 *
 * **Shape** `param`, `grad`, `m`, `v` the same; `norm` scalar from {@linkcode globalNorm}
 *
 * @returns the next `[param, m, v]`.
 */
export function adamwStep(
  state: { param: Tensor; grad: Tensor; m: Tensor; v: Tensor; norm: Tensor },
  attrs: AdamwAttrs,
): [Tensor, Tensor, Tensor] {
  const { param, grad, m, v, norm } = state;
  for (const [name, tensor] of Object.entries({ grad, m, v })) {
    expectShape(`adamwStep ${name}`, tensor, param.shape);
  }
  expectShape("adamwStep norm", norm, []);
  return runAll("EarshotAdamwStep", state, attrs) as [Tensor, Tensor, Tensor];
}
