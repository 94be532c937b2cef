/**
 * Convolution over time with parameters as the hub names them (`weight`, `bias`).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { type Activation, conv1d as conv1dKernel } from "../kernels.ts";
import { normal, type ParameterReader, uniform } from "./parameters.ts";

/** `weight [O, C, K]`, `bias [O]`, and the step between outputs. */
export interface Conv1dParams {
  weight: Tensor;
  bias?: Tensor;
  stride: number;
}

/** The sizes of a convolution. */
export interface Conv1dSizes {
  inputs: number;
  outputs: number;
  width: number;
  stride: number;
  bias: boolean;
}

/** Loads a convolution; it starts as He et al. 2015 (normal, fan-in), the bias uniform. */
export async function loadConv1d(
  reader: ParameterReader,
  { inputs, outputs, width, stride, bias }: Conv1dSizes,
): Promise<Conv1dParams> {
  const fanIn = inputs * width;
  const bound = 1 / Math.sqrt(fanIn);
  return {
    weight: await reader.get("weight", [outputs, inputs, width], normal(Math.sqrt(2 / fanIn))),
    bias: bias ? await reader.get("bias", [outputs], uniform(-bound, bound)) : undefined,
    stride,
  };
}

/** **Shape** `x [B, T, C]` -> `[B, floor((T - K) / stride) + 1, O]` */
export function conv1d(params: Conv1dParams, x: Tensor, activation: Activation = "none"): Tensor {
  return conv1dKernel(x, params.weight, {
    bias: params.bias,
    stride: params.stride,
    activation,
  });
}

/** Frames that a convolution without padding gives. */
export function conv1dFrames(frames: number, width: number, stride: number): number {
  return Math.floor((frames - width) / stride) + 1;
}
