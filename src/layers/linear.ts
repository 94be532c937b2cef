/**
 * The affine map of the last axis, with parameters as the hub names them (`weight`, `bias`), and a low-rank change
 * of it that can be trained in its place.
 *
 * Source of the change: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { type Activation, activation, add, linear as linearKernel, scale } from "../kernels.ts";
import { dropout, type Noise } from "./noise.ts";
import { constant, type Initializer, type ParameterReader } from "./parameters.ts";

/** `weight [O, I]`, `bias [O]` */
export interface LinearParams {
  weight: Tensor;
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
  const { weight, bias, lora } = params;
  if (!lora) return linearKernel(x, weight, { bias, ...options });
  const { activation: kind, residual } = options;
  return tidy(() => {
    if (!kind) return adapted(lora, x, linearKernel(x, weight, { bias, residual }));
    const y = activation(adapted(lora, x, linearKernel(x, weight, { bias })), kind);
    return residual ? add(y, residual) : y;
  });
}

/** `y + scale * x a^T b^T`. **Shape** `x [..., I]`, `y [..., O]` -> `[..., O]` */
function adapted({ a, b, dropoutRate, noise, scale: factor }: LoraParams, x: Tensor, y: Tensor) {
  const narrow = linearKernel(dropout(x, dropoutRate, noise), a); // [..., R]
  return scale(linearKernel(narrow, b), factor, y);
}
