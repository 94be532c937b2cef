/**
 * Adafactor's step of one parameter, which keeps squares of rows and columns in the place of those of all elements.
 *
 * Source: Shazeer and Stern 2018, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", as transformers 5.18
 * computes it: axes before the last two are matrices of their own.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import type { Operation } from "./operation.ts";
import { run } from "./run.ts";

/** The settings of the step of one parameter. */
export interface AdafactorAttrs {
  /** The rate, or with `leastScale` the rate of a parameter whose values have a mean square of 1. */
  learningRate: number;
  /** The rate is multiplied by the root mean square of the parameter, by this at least. @default the rate as it is */
  leastScale?: number;
  /** What is kept of the squares before. */
  squaresDecay: number;
  /** Added to each square. */
  eps: number;
  /** An update is scaled down to this root mean square. */
  clipThreshold: number;
  /** What is kept of the update before; used where there is one. */
  beta1: number;
  /** Decoupled: the parameter shrinks by the rate times this. */
  weightDecay: number;
  /** Gradients are multiplied by `min(1, maxGradNorm / (norm + 1e-6))`; 0 leaves them alone. */
  maxGradNorm: number;
}

/** One parameter with its gradient and what is kept of those before. */
export interface AdafactorState {
  param: Tensor;
  grad: Tensor;
  /** Mean squares of each row; of a vector, of each element. */
  rows: Tensor;
  /** Mean squares of each column; undefined of a vector. */
  columns?: Tensor;
  /** The mean update, where one is kept. */
  mean?: Tensor;
}

/** The state with `norm`, a scalar -> the next `param`, `rows`, and `columns` and `mean` where they are there. */
export const adafactorStepOperation: Operation<
  AdafactorState & { norm: Tensor },
  AdafactorAttrs,
  Tensor[]
> = {
  name: "adafactorStep",
  outputs: ({ param, grad, rows, columns, mean, norm }) => {
    expectShape("adafactorStep norm", norm, []);
    expectShape("adafactorStep grad", grad, param);
    const isFactored = param.length > 1;
    expectShape("adafactorStep rows", rows, isFactored ? param.slice(0, -1) : param);
    const columnsOf = [...param.slice(0, -2), ...param.slice(-1)];
    if (isFactored) expectShape("adafactorStep columns", columns ?? [], columnsOf);
    if (mean) expectShape("adafactorStep mean", mean, param);
    return [param, rows, ...isFactored ? [columnsOf] : [], ...mean ? [param] : []];
  },
};

/**
 * Adafactor's step of one parameter.
 *
 * **Shape** `param`, `grad`, `mean` [..., R, C]; `rows` [..., R]; `columns` [..., C]; `norm` scalar from `globalNorm`.
 * Of a vector all are of its shape, and there are no `columns`.
 *
 * @returns the next state, without the gradient.
 * @throws {ShapeError} when the sizes do not fit.
 */
export function adafactorStep(
  state: AdafactorState,
  norm: Tensor,
  attrs: AdafactorAttrs,
): Omit<AdafactorState, "grad"> {
  const next = run(adafactorStepOperation, { ...state, norm }, attrs);
  const [param, rows, ...others] = next;
  const columns = state.columns && others.shift();
  const mean = state.mean && others.shift();
  return { param: param!, rows: rows!, columns, mean };
}
