/**
 * The same vector added to every row.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { columnSum } from "./column_sum.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** `x [..., C]`, `bias [C]` -> `[..., C]` */
export const addBiasOperation: Operation<{ x: Tensor; bias: Tensor }, object, Tensor> = {
  name: "addBias",
  outputs: ({ x, bias }) => {
    expectShape("addBias bias", bias, x.slice(-1));
    return x;
  },
  gradient: gradient([], ({ dy }) => ({
    x: () => dy.clone(),
    bias: () => run(columnSum, { x: dy }, {}),
  })),
};

/** The same vector added to every row. **Shape** `x [..., C]`, `bias [C]` -> `[..., C]` */
export function addBias(x: Tensor, bias: Tensor): Tensor {
  return run(addBiasOperation, { x, bias }, {});
}
