/**
 * Relative positions from a wide grouped convolution with weight normalisation, followed by an activation.
 *
 * Checkpoints spell the normalised weight in two ways: `weight_g`/`weight_v`, and since torch 2
 * `parametrizations.weight.original0/1`. Both are read, the second is written.
 *
 * Source: Baevski et al. 2020; Salimans and Kingma 2016 for the norm, here per kernel tap.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { type Activation, conv1d as conv1dKernel } from "../kernels.ts";
import { kernelTaps, type NormalisedWeight, normalisedWeight } from "./_normalised_weight.ts";
import { constant, type Initializer, type ParameterReader, uniform } from "./parameters.ts";

/** `weight`: `g [1, 1, K]`, `v [D, D / groups, K]`; `bias [D]` */
export interface PositionalConvParams {
  weight: NormalisedWeight;
  bias: Tensor;
  groups: number;
  activation: Activation;
}

/** The fields of `config.json` that describe the convolution. */
export interface PositionalConvConfig {
  hidden_size: number;
  /** The width of its kernel. */
  num_conv_pos_embeddings: number;
  num_conv_pos_embedding_groups: number;
  feat_extract_activation: Activation;
}

/**
 * Loads `conv` below the reader's path. The direction starts uniform within one over the root of the
 * fan-in, the gain at the norm of the direction, so that the two cancel at first.
 */
export async function loadPositionalConv(
  reader: ParameterReader,
  config: PositionalConvConfig,
): Promise<PositionalConvParams> {
  const { hidden_size: size, num_conv_pos_embeddings: width } = config;
  const groups = config.num_conv_pos_embedding_groups;
  const conv = reader.at("conv");
  const shape: [number, number, number] = [size, size / groups, width];
  const bound = 1 / Math.sqrt(shape[1] * width);
  let direction: Float32Array | undefined;
  const drawn: Initializer = (count, random) => direction = uniform(-bound, bound)(count, random);
  const names = (part: number, old: string): [string, string] => [
    `parametrizations.weight.original${part}`,
    old,
  ];
  const norms: Initializer = (taps) =>
    direction ? tapNorms(direction, taps) : new Float32Array(taps).fill(1);
  const weight = await conv.normalisedWeight(
    { names: names(1, "weight_v"), shape, init: drawn },
    { names: names(0, "weight_g"), shape: [1, 1, width], init: norms },
    { groups },
  );
  const bias = await conv.get("bias", [size], constant(0));
  return { weight, bias, groups, activation: config.feat_extract_activation };
}

/** The Euclidean norm of each tap over the first two axes of `[O, I, K]`. */
function tapNorms(weight: Float32Array, taps: number): Float32Array {
  const squares = new Float64Array(taps);
  weight.forEach((value, i) => squares[i % taps] = squares[i % taps]! + value * value);
  return Float32Array.from(squares, Math.sqrt);
}

/**
 * The position of each frame, seen through its neighbours. An even kernel sees one frame more
 * to the left than to the right.
 *
 * **Shape** `x [B, T, D]` -> `[B, T, D]`
 */
export function positionalConv(params: PositionalConvParams, x: Tensor): Tensor {
  const width = kernelTaps(params.weight);
  const padLeft = Math.floor(width / 2);
  return tidy(() =>
    conv1dKernel(x, normalisedWeight(params.weight), {
      bias: params.bias,
      groups: params.groups,
      padLeft,
      padRight: width - 1 - padLeft,
      activation: params.activation,
    })
  );
}
