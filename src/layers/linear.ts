/**
 * The affine map of the last axis, with parameters as the hub names them (`weight`, `bias`), and a low-rank change
 * of it that can be trained in its place.
 *
 * Source of the change: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import {
  type Activation,
  activation,
  linear as linearKernel,
  linears as linearKernels,
  scale,
  type Weight,
} from "../kernels.ts";
import { dropout, type Noise } from "./noise.ts";
import { constant, type Initializer, type ParameterReader } from "./parameters.ts";

/** `weight [O, I]`, `bias [O]` */
export interface LinearParams {
  weight: Weight;
  bias?: Tensor;
  /** Added to the weight, where one is trained. */
  lora?: LoraParams;
}

/** `scale * b a` in the place of a change of the weight: `a [R, I]`, `b [O, R]` */
export interface LoraParams {
  a: Tensor;
  b: Tensor;
  scale: number;
  /** Of the input of `a`, in training. */
  dropoutRate: number;
  /** The random stream of the pass in work. */
  noise?: Noise;
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
    weight: await reader.weight("weight", [sizes.outputs, sizes.inputs], init.weight),
    bias: await reader.get("bias", [sizes.outputs], init.bias ?? constant(0)),
  };
}

/** What follows an affine map. */
export interface LinearOptions {
  activation?: Activation;
  /** Of the activated values. @default 0 */
  dropoutRate?: number;
  /** The random stream of training; without one nothing is dropped. */
  noise?: Noise;
  /** Added last. */
  residual?: Tensor;
}

/** `dropout(activation(x W^T + b)) + residual`. **Shape** `x [..., I]` -> `[..., O]` */
export function linear(params: LinearParams, x: Tensor, options: LinearOptions = {}): Tensor {
  const { weight, bias, lora } = params;
  const { activation: kind = "none", dropoutRate: rate = 0, noise, residual } = options;
  if (!lora) {
    const drop = noise && rate > 0 ? { rate, seed: noise.seed() } : undefined;
    return linearKernel(x, weight, { bias, residual, activation: kind, dropout: drop });
  }
  return tidy(() => {
    const y = activation(adapted(lora, x, linearKernel(x, weight, { bias })), kind);
    return dropout(y, rate, noise, residual);
  });
}

/** Several maps of one input, without options. **Shape** `x [..., I]` -> for each map `[..., O]` */
export function linears(maps: LinearParams[], x: Tensor): Tensor[] {
  if (maps.some(({ lora }) => lora)) return maps.map((map) => linear(map, x));
  return linearKernels(x, maps);
}

/** `y + scale * x a^T b^T`. **Shape** `x [..., I]`, `y [..., O]` -> `[..., O]` */
function adapted({ a, b, dropoutRate, noise, scale: factor }: LoraParams, x: Tensor, y: Tensor) {
  const narrow = linearKernel(dropout(x, dropoutRate, noise), a); // [..., R]
  return scale(linearKernel(narrow, b), factor, y);
}
