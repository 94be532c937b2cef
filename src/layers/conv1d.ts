/**
 * Convolution over time with parameters as the hub names them (`weight`, `bias`).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { type Activation, conv1d as conv1dKernel, type Weight } from "../kernels.ts";
import { type Initializer, normal, type ParameterReader, uniform } from "./parameters.ts";

/** `weight [O, C, K]`, `bias [O]`, and the step between outputs. */
export interface Conv1dParams {
  weight: Weight;
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
  /** Channel groups; `inputs` are the channels of one. @default 1 */
  groups?: number;
  /** The shape in which the weight multiplies. @default `[outputs, inputs, width]` */
  usedAs?: number[];
}

/** How the parameters of a convolution start. */
export interface Conv1dInit {
  /** @default normal, with the variance of He et al. 2015 (2 over the fan-in) */
  weight?: Initializer;
  /** @default uniform within one over the root of the fan-in */
  bias?: Initializer;
}

/** Loads `weight [outputs, inputs, width]` and, where there is one, `bias [outputs]`. */
export async function loadConv1d(
  reader: ParameterReader,
  { inputs, outputs, width, stride, bias, ...use }: Conv1dSizes,
  init: Conv1dInit = {},
): Promise<Conv1dParams> {
  const fanIn = inputs * width;
  const bound = 1 / Math.sqrt(fanIn);
  const ofWeight = init.weight ?? normal(Math.sqrt(2 / fanIn));
  const ofBias = init.bias ?? uniform(-bound, bound);
  return {
    weight: await reader.weight("weight", [outputs, inputs, width], ofWeight, use),
    bias: bias ? await reader.get("bias", [outputs], ofBias) : undefined,
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
