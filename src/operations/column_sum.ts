/**
 * The sum over all axes but the last: the gradient of whatever is added to every row.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Operation } from "./operation.ts";

/** `x [..., C]` -> `[C]` */
export const columnSum: Operation<{ x: Tensor }, object, Tensor> = {
  name: "columnSum",
  outputs: ({ x }) => x.slice(-1),
};
