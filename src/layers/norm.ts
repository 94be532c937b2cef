/**
 * Layer and group normalisation with their affine parameters (`weight`, `bias`).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { type Activation, layerNorm as layerNormKernel, normedConv1d } from "../kernels.ts";
import type { Conv1dParams } from "./conv1d.ts";
import { constant, type ParameterReader } from "./parameters.ts";
import type { Variable } from "./tensor.ts";

/** `weight [C]`, `bias [C]`, and what is added to the variance. */
export interface NormParams {
  weight: Tensor;
  bias: Tensor;
  eps: number;
}

/** Loads `weight [channels]` and `bias [channels]`; they start as ones and zeros. */
export async function loadNorm(
  reader: ParameterReader,
  channels: number,
  eps: number,
): Promise<NormParams & { weight: Variable; bias: Variable }> {
  return {
    weight: await reader.get("weight", [channels], constant(1)),
    bias: await reader.get("bias", [channels], constant(0)),
    eps,
  };
}

/** Each frame over its channels (Ba et al. 2016). **Shape** `x [..., C]` -> `[..., C]` */
export function layerNorm(params: NormParams, x: Tensor, activation?: Activation): Tensor {
  return layerNormKernel(x, params.weight, params.bias, { eps: params.eps, activation });
}

/**
 * A convolution without padding, then each of its outputs over time (Wu and He 2018, a group per channel); `frames` are
 * those that are wanted.
 *
 * **Shape** `x [B, T, C]` -> `[B, T', O]`
 */
export function groupNormedConv1d(
  { weight: gamma, bias: beta, eps }: NormParams,
  { weight, bias, stride }: Conv1dParams,
  x: Tensor,
  { activation, frames }: {
    activation?: Activation;
    frames?: readonly [from: number, to: number];
  } = {},
): Tensor {
  return normedConv1d(x, weight, { gamma, beta, bias, stride, eps, activation, frames });
}
