/**
 * A convolution with a batch norm behind it, which in a model that will not change is part of the convolution.
 *
 * Folded, each output's weights are multiplied by `gamma / sqrt(variance + eps)`, and what the norm adds besides is a
 * bias. What is held and saved as the norm then changes nothing but that: a mean of 0, a variance of 1 with eps, a gain of 1,
 * and the bias.
 *
 * @module
 */
import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import type { Weight } from "../kernels.ts";
import { type BatchNormParams, loadBatchNorm } from "./batch_norm.ts";
import type { Initializer, ParameterReader } from "./parameters.ts";

/** `weight [O, ...]`, and the norm of its outputs, or what is left of it: `bias [O]`. */
export interface NormedConvolution {
  weight: Weight;
  norm?: BatchNormParams;
  bias?: Tensor;
}

/** The weight of a convolution whose outputs are normalised. */
export interface NormedWeight {
  shape: [outputs: number, ...others: number[]];
  init: Initializer;
  /** The shape in which it multiplies; absent where it is read as it is. */
  usedAs?: number[];
}

/** Loads `0.weight`, and of `1` all that a batch norm has. */
export async function loadNormedConvolution(
  reader: ParameterReader,
  { shape, init, usedAs }: NormedWeight,
  { eps, momentum }: { eps: number; momentum: number },
): Promise<NormedConvolution> {
  const norm = await loadBatchNorm(reader.at(1), shape[0], { eps, momentum });
  const { weight: gamma, bias, mean, variance } = norm;
  const convolution = reader.at(0);
  if (!reader.isPrepared) {
    return { weight: await convolution.get("weight", shape, init), norm };
  }
  const [gains, offsets, means, variances] = await Promise.all(
    [gamma, bias, mean, variance].map((part) => part.data() as Promise<Float32Array>),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const factors = gains.map((gain, i) => gain / Math.sqrt(variances[i]! + eps));
  const weight = await convolution.scaledWeight({ names: "weight", shape, init }, factors, usedAs);
  const folded: [typeof gamma, (value: number, i: number) => number][] = [
    [gamma, () => 1],
    [bias, (offset, i) => offset - means[i]! * factors[i]!],
    [mean, () => 0],
    [variance, () => 1 - eps],
  ];
  for (const [part, valueOf] of folded) {
    const values = tensor1d(offsets.map(valueOf));
    part.assign(values);
    values.dispose();
  }
  return { weight, bias };
}
