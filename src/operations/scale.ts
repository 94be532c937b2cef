/**
 * A tensor times a number.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x`, `residual` of one shape -> that shape */
export const scaleOperation: Operation<
  { x: Tensor; residual?: Tensor },
  { factor: number },
  Tensor
> = {
  name: "scale",
  outputs: ({ x, residual }) => {
    if (residual) expectShape("scale residual", residual, x);
    return x;
  },
  gradient: gradient([], ({ dy, attrs }) => ({
    x: () => run(scaleOperation, { x: dy }, attrs),
    residual: () => dy.clone(),
  })),
};

/**
 * `x * factor`, plus a residual if one is given.
 *
 * **Shape** `x`, `residual` any -> the same
 */
export function scale(x: Tensor, factor: number, residual?: Tensor): Tensor {
  return run(scaleOperation, { x, residual }, { factor });
}
