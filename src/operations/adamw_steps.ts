/**
 * The optimiser's step of many parameters at once.
 *
 * Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", in the order of PyTorch.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import type { Operation, Shape } from "./operation.ts";
import { run } from "./run.ts";

/** The settings of the step of one parameter. */
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

/** Tensors of one state, and of its successor, in the lists of {@linkcode adamwStepsOperation}. */
export const ADAMW_TENSORS = { state: 4, next: 3 } as const;

/** The list `norm` (scalar), then `param`, `grad`, `m`, `v` of each -> the next `param`, `m`, `v` of each */
export const adamwStepsOperation: Operation<
  [norm: Tensor, ...states: Tensor[]],
  { steps: readonly AdamwAttrs[] },
  Tensor[]
> = {
  name: "adamwSteps",
  outputs: ([norm, ...shapes], { steps }) => {
    expectShape("adamwSteps norm", norm, []);
    return steps.flatMap((_, n) => {
      const [param = [], grad = [], m = [], v = []] = shapes.slice(
        ADAMW_TENSORS.state * n,
        ADAMW_TENSORS.state * (n + 1),
      );
      const others: Record<string, Shape> = { grad, m, v };
      for (const [name, shape] of Object.entries(others)) {
        expectShape(`adamwSteps ${name}`, shape, param);
      }
      return [param, param, param];
    });
  },
};

/**
 * One AdamW step of many parameters, which share all settings but the decay and the number of the step.
 *
 * **Shape** of each `param`, `grad`, `m`, `v` the same; `norm` scalar from `globalNorm`
 *
 * `param`, `m` and `v` are spent, and the caller disposes them: a device may write the results over them. Clones of
 * them keep their values.
 *
 * @returns the next `[param, m, v]` of each, in the order of the states.
 * @throws {ShapeError} when the sizes do not fit.
 */
export function adamwSteps(
  states: readonly AdamwState[],
  norm: Tensor,
  steps: readonly AdamwAttrs[],
): [param: Tensor, m: Tensor, v: Tensor][] {
  const tensors = states.flatMap(({ param, grad, m, v }) => [param, grad, m, v]);
  const next = run(adamwStepsOperation, [norm, ...tensors], { steps });
  return states.map((_, n) => {
    const at = ADAMW_TENSORS.next * n;
    return [next[at]!, next[at + 1]!, next[at + 2]!];
  });
}
