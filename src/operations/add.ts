/**
 * The sum of two tensors of one shape.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x`, `y` of one shape -> that shape */
export const addOperation: Operation<{ x: Tensor; y: Tensor }, object, Tensor> = {
  name: "add",
  outputs: ({ x, y }) => {
    expectShape("add y", y, x);
    return x;
  },
  gradient: gradient([], ({ dy }) => ({ x: () => dy.clone(), y: () => dy.clone() })),
};

/** Sum of two tensors. **Shape** `x`, `y` the same -> the same */
export function add(x: Tensor, y: Tensor): Tensor {
  return run(addOperation, { x, y }, {});
}
