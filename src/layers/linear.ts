/**
 * The affine map of the last axis, with parameters as the hub names them (`weight`, `bias`).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { type Activation, linear as linearKernel } from "../kernels.ts";
import { constant, type Initializer, type ParameterReader } from "./parameters.ts";

/** `weight [O, I]`, `bias [O]` */
export interface LinearParams {
  weight: Tensor;
  bias?: Tensor;
}

/** How the parameters of a linear layer start. */
export interface LinearInit {
  weight: Initializer;
  /** @default zeros */
  bias?: Initializer;
}

/** Loads `weight [outputs, inputs]` and `bias [outputs]`. */
export async function loadLinear(
  reader: ParameterReader,
  sizes: { inputs: number; outputs: number },
  init: LinearInit,
): Promise<LinearParams> {
  return {
    weight: await reader.get("weight", [sizes.outputs, sizes.inputs], init.weight),
    bias: await reader.get("bias", [sizes.outputs], init.bias ?? constant(0)),
  };
}

/** `activation(x W^T + b) + residual`. **Shape** `x [..., I]` -> `[..., O]` */
export function linear(
  params: LinearParams,
  x: Tensor,
  options: { activation?: Activation; residual?: Tensor } = {},
): Tensor {
  return linearKernel(x, params.weight, { bias: params.bias, ...options });
}
