/**
 * One norm over many tensors, as a scalar that stays on the device.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Operation } from "./operation.ts";
import { run } from "./run.ts";

/** The list of tensors -> scalar; there is no gradient */
export const globalNormOperation: Operation<Tensor[], object, Tensor> = {
  name: "globalNorm",
  outputs: () => [],
};

/** Euclidean norm of all elements of all tensors together, as a scalar that stays on the device. */
export function globalNorm(tensors: Tensor[]): Tensor {
  return run(globalNormOperation, tensors, {});
}
