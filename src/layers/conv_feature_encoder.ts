/**
 * The convolutional feature encoder: strided convolutions from samples to frames of about 20 ms.
 *
 * Two forms, as `feat_extract_norm` says. "group": the first convolution is followed by a norm of each
 * channel over time, the others by none, so a clip's features depend on what it is padded with. "layer": each
 * convolution is followed by a layer norm. An activation after each.
 *
 * Source: Baevski et al. 2020, "wav2vec 2.0"; names as in transformers 5.18 `modeling_wav2vec2.py`.
 *
 * @module
 */
import { concat, reshape, slice, type Tensor, tidy } from "@tensorflow/tfjs-core";
import {
  type Activation,
  isNormedAtOnce,
  isRecording,
  rowsAreStable,
  weightShape,
} from "../kernels.ts";
import { conv1d, conv1dFrames, type Conv1dInit, type Conv1dParams, loadConv1d } from "./conv1d.ts";
import { groupNormedConv1d, layerNorm, loadNorm, type NormParams } from "./norm.ts";
import type { ParameterReader } from "./parameters.ts";

/** The fields of `config.json` that describe the encoder. */
export interface ConvFeatureEncoderConfig {
  conv_dim: number[];
  conv_kernel: number[];
  conv_stride: number[];
  conv_bias: boolean;
  feat_extract_norm: "group" | "layer";
  feat_extract_activation: Activation;
}

/** One convolution, its norm and the kind of norm. */
export interface ConvFeatureLayer {
  conv: Conv1dParams;
  norm?: NormParams;
}

/** The layers in order, and the kind of norm and the activation that they use. */
export interface ConvFeatureEncoderParams {
  kind: "group" | "layer";
  activation: Activation;
  layers: ConvFeatureLayer[];
}

const NORM_EPS = 1e-5;

/** Loads `conv_layers.i.conv` and `conv_layers.i.layer_norm`. */
export async function loadConvFeatureEncoder(
  reader: ParameterReader,
  config: ConvFeatureEncoderConfig,
  init?: Conv1dInit,
): Promise<ConvFeatureEncoderParams> {
  const kind = config.feat_extract_norm;
  const layers: ConvFeatureLayer[] = [];
  for (const [i, outputs] of config.conv_dim.entries()) {
    const layer = reader.at("conv_layers", i);
    const conv = await loadConv1d(layer.at("conv"), {
      inputs: i === 0 ? 1 : config.conv_dim[i - 1]!,
      outputs,
      width: config.conv_kernel[i]!,
      stride: config.conv_stride[i]!,
      bias: config.conv_bias,
    }, init);
    const hasNorm = kind === "layer" || i === 0;
    const norm = hasNorm ? await loadNorm(layer.at("layer_norm"), outputs, NORM_EPS) : undefined;
    layers.push({ conv, norm });
  }
  return { kind, activation: config.feat_extract_activation, layers };
}

/** Frames of a piece of a long clip: of 20 ms, about ten seconds. */
const PIECE_FRAMES = 512;

/** **Shape** `samples [B, S]` -> `[B, T, C]`; frames `[B, T, C]` that it gave before stay as they are. */
export function convFeatureEncoder(params: ConvFeatureEncoderParams, samples: Tensor): Tensor {
  if (samples.rank === 3) return samples.clone();
  return tidy(() => {
    const x: Tensor = reshape(samples, [...samples.shape, 1]); // [B, S, 1]
    const frames = framesOf(params, samples.shape[1]!);
    const pieces = hasPieces(params) ? Math.max(1, Math.ceil(frames / PIECE_FRAMES)) : 1;
    if (pieces === 1) return convolved(params, x);
    // What is between the layers is the largest of a model, and of one piece alone at a time.
    const at = (piece: number) => Math.floor(piece * frames / pieces);
    return concat(
      Array.from(
        { length: pieces },
        (_, piece) => convolved(params, x, [at(piece), at(piece + 1)]),
      ),
      1,
    );
  });
}

function framesOf({ layers }: ConvFeatureEncoderParams, samples: number): number {
  return layers.reduce(
    (frames, { conv }) => conv1dFrames(frames, weightShape(conv.weight)[2]!, conv.stride),
    samples,
  );
}

/** Whether pieces have the bits of the whole. */
function hasPieces({ kind, activation, layers }: ConvFeatureEncoderParams): boolean {
  const isOwn = kind === "layer" || isNormedAtOnce(layers[0]!.conv.weight, activation);
  return isOwn && rowsAreStable() && !isRecording();
}

type Range = readonly [from: number, to: number];

/** All frames, or a range of them. **Shape** `x [B, S, 1]` -> `[B, T, C]` */
function convolved(params: ConvFeatureEncoderParams, x: Tensor, wanted?: Range): Tensor {
  const { kind, activation, layers } = params;
  // The frames of each layer that those of the last are made of, back to the samples.
  const ranges = [wanted];
  for (const { conv } of layers.toReversed()) ranges.unshift(before(conv, ranges[0]));
  return tidy(() => {
    let y = x;
    for (const [i, { conv, norm }] of layers.entries()) {
      const input = i === 0 && ranges[0] && kind === "layer" ? sliced(y, ranges[0]) : y;
      if (!norm) y = conv1d(conv, input, activation);
      else if (kind === "layer") y = tidy(() => layerNorm(norm, conv1d(conv, input), activation));
      else y = groupNormedConv1d(norm, conv, input, { activation, frames: ranges[1] });
      if (input !== x) input.dispose();
    }
    return y;
  });
}

/** The inputs of a range of outputs. */
function before({ weight, stride }: Conv1dParams, range: Range | undefined): Range | undefined {
  return range && [range[0] * stride, (range[1] - 1) * stride + weightShape(weight)[2]!];
}

function sliced(x: Tensor, [from, to]: Range): Tensor {
  return slice(x, [0, from, 0], [-1, to - from, -1]);
}

/** Frames that the encoder gives for a number of samples; 0 or less where the clip is too short. */
export function featureFrames(config: ConvFeatureEncoderConfig, samples: number): number {
  return config.conv_kernel.reduce(
    (frames, width, i) => conv1dFrames(frames, width, config.conv_stride[i]!),
    samples,
  );
}

/** How frames lie in the samples of which they are made. */
export interface FrameLayout {
  /** Samples from the first of a frame to the first of the next. */
  hopSamples: number;
  /** Samples of a frame. */
  fieldSamples: number;
}

/** How the frames of an encoder lie, where each is made of its own samples alone; undefined with a group norm. */
export function ownFrames(params: ConvFeatureEncoderParams): FrameLayout | undefined {
  if (params.kind === "group") return undefined;

  const conv_stride = params.layers.map(({ conv }) => conv.stride);
  const conv_kernel = params.layers.map(({ conv }) => weightShape(conv.weight)[2]!);
  return {
    hopSamples: hopOf({ conv_stride }),
    fieldSamples: receptiveFieldSamples({ conv_kernel, conv_stride }),
  };
}

/**
 * The middle of each frame in samples, of frames as the encoder gives them, or of a whole number of them joined.
 *
 * **Shape** -> `[frames]`
 */
export function frameCentres(
  config: ConvFeatureEncoderConfig,
  { frames, samples }: { frames: number; samples: number },
): Float64Array {
  const hop = hopOf(config);
  const joined = Math.max(1, Math.round(featureFrames(config, samples) / frames));
  const first = (receptiveFieldSamples(config) + (joined - 1) * hop) / 2;
  return Float64Array.from({ length: frames }, (_, i) => first + i * joined * hop);
}

/** The fewest samples that give one frame. */
export function receptiveFieldSamples(
  config: Pick<ConvFeatureEncoderConfig, "conv_kernel" | "conv_stride">,
): number {
  return config.conv_kernel.reduceRight(
    (samples, width, i) => (samples - 1) * config.conv_stride[i]! + width,
    1,
  );
}

function hopOf({ conv_stride }: Pick<ConvFeatureEncoderConfig, "conv_stride">): number {
  return conv_stride.reduce((product, stride) => product * stride, 1);
}
