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
import { reshape, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { type Activation, weightShape } from "../kernels.ts";
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

/** **Shape** `samples [B, S]` -> `[B, T, C]`; frames `[B, T, C]` that it gave before stay as they are. */
export function convFeatureEncoder(params: ConvFeatureEncoderParams, samples: Tensor): Tensor {
  if (samples.rank === 3) return samples.clone();
  return tidy(() => {
    let x: Tensor = reshape(samples, [...samples.shape, 1]); // [B, S, 1]
    for (const { conv, norm } of params.layers) {
      const input = x;
      x = norm ? normedConv(params, { conv, norm }, x) : conv1d(conv, x, params.activation); // [B, T, C]
      input.dispose();
    }
    return x;
  });
}

function normedConv(
  { kind, activation }: ConvFeatureEncoderParams,
  { conv, norm }: Required<ConvFeatureLayer>,
  x: Tensor,
): Tensor {
  if (kind === "group") return groupNormedConv1d(norm, conv, x, activation);
  return tidy(() => layerNorm(norm, conv1d(conv, x), activation));
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
