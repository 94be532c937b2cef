/**
 * The optimiser's part of the contract: one norm over all gradients, and one step of one parameter or of many.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { hasKernel, run, runAll } from "./run.ts";

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

/** One parameter with its gradient and its moments. */
export interface AdamwState {
  param: Tensor;
  grad: Tensor;
  m: Tensor;
  v: Tensor;
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
 * `param`, `m` and `v` are spent, and the caller disposes them: a device may write the results over them. Clones of
 * them keep their values.
 *
 * @returns the next `[param, m, v]`.
 */
export function adamwStep(
  state: AdamwState & { norm: Tensor },
  attrs: AdamwAttrs,
): [Tensor, Tensor, Tensor] {
  expectAlike(state);
  return runAll("EarshotAdamwStep", { ...state }, attrs) as [Tensor, Tensor, Tensor];
}

/**
 * {@linkcode adamwStep} of many parameters, which share all settings but the decay and the number of the step.
 *
 * A device takes many at once if it can, otherwise one after the other as the results are asked for; so the tensors
 * that are spent are best disposed on the way.
 *
 * @returns the next `[param, m, v]` of each, in the order of the states.
 */
export function* adamwSteps(
  states: AdamwState[],
  norm: Tensor,
  steps: AdamwAttrs[],
): Generator<[param: Tensor, m: Tensor, v: Tensor]> {
  if (states.length === 0 || !hasKernel("EarshotAdamwSteps")) {
    for (const [i, state] of states.entries()) yield adamwStep({ ...state, norm }, steps[i]!);
    return;
  }
  for (const state of states) expectAlike({ ...state, norm });
  const tensors = states.flatMap(({ param, grad, m, v }) => [param, grad, m, v]);
  const next = runAll("EarshotAdamwSteps", [norm, ...tensors], { steps });
  for (let at = 0; at < next.length; at += 3) yield [next[at]!, next[at + 1]!, next[at + 2]!];
}

function expectAlike({ param, grad, m, v, norm }: AdamwState & { norm: Tensor }): void {
  for (const [name, tensor] of Object.entries({ grad, m, v })) {
    expectShape(`adamwStep ${name}`, tensor, param.shape);
  }
  expectShape("adamwStep norm", norm, []);
}
