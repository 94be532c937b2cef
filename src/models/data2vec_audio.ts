/**
 * Data2Vec for audio classification: convolutions from samples to frames, a transformer over frames, the mean of its
 * states and a linear classifier.
 *
 * Positions come from several convolutions in a row, each followed by a norm without parameters and GELU. These
 * see padding beside a clip, so a clip's scores depend on what it is padded with.
 *
 * Not here: pre-training, speech recognition, the text and image models of the same name.
 *
 * Source: Baevski et al. 2022, "data2vec"; names and arithmetic as transformers 5.18
 * `models/data2vec/modeling_data2vec_audio.py`, checked against the golden cases `data2vec-audio*`.
 *
 * @module
 */
import { type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import {
  type Activation,
  activation,
  add,
  conv1d,
  layerNorm,
  type Weight,
  weightShape,
} from "../kernels.ts";
import {
  classificationHead,
  type ClassificationHeadParams,
  loadClassificationHead,
} from "../layers/classification_head.ts";
import {
  type ConvFeatureEncoderParams,
  featureFrames,
  frameCentres,
  loadConvFeatureEncoder,
  receptiveFieldSamples,
} from "../layers/conv_feature_encoder.ts";
import {
  type FeatureProjectionParams,
  loadFeatureProjection,
} from "../layers/feature_projection.ts";
import { loadNorm } from "../layers/norm.ts";
import { constant, normal, type ParameterReader } from "../layers/parameters.ts";
import { loadSpecAugment, type SpecAugmentParams } from "../layers/spec_augment.ts";
import {
  type EncoderStates,
  postNormEncoder,
  type TransformerEncoderParams,
} from "../layers/transformer_encoder.ts";
import { loadTransformerLayer } from "../layers/transformer_layer.ts";
import { COUNT, DEPTH, divisor, type SpeechFields, speechFields } from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { CONVOLUTIONS, type EncodeOptions, speechPasses } from "./_speech_forward.ts";
import type { Architecture } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface Data2VecAudioConfig extends SpeechFields {
  /** Convolutions in a row. */
  num_conv_pos_embeddings: number;
  num_conv_pos_embedding_groups: number;
  conv_pos_kernel_size: number;
}

/** One positional convolution: `weight [D, D / groups, K]`, `bias [D]` */
export interface Data2VecAudioPositionParams {
  weight: Weight;
  bias: Tensor;
  groups: number;
}

/** All parameters, and the config that they were made for. */
export interface Data2VecAudioParams {
  config: Data2VecAudioConfig;
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureProjection: FeatureProjectionParams;
  positions: Data2VecAudioPositionParams[];
  encoder: TransformerEncoderParams;
  head: ClassificationHeadParams;
}

const NORM_EPS = 1e-5;

function parseConfig(reader: ConfigReader, classes: number): Data2VecAudioConfig {
  const speech = speechFields(reader, classes);
  return {
    ...speech,
    feat_extract_norm: "layer",
    num_conv_pos_embeddings: reader.integer("num_conv_pos_embeddings", {
      or: 5,
      min: 0,
      max: DEPTH.max,
    }),
    num_conv_pos_embedding_groups: divisor(reader, "num_conv_pos_embedding_groups", {
      of: speech.hidden_size,
      or: 16,
    }),
    conv_pos_kernel_size: reader.integer("conv_pos_kernel_size", { or: 19, ...COUNT }),
  };
}

async function load(
  reader: ParameterReader,
  config: Data2VecAudioConfig,
  loadHead = (from: ParameterReader) => loadClassificationHead(from, config),
): Promise<Data2VecAudioParams> {
  const base = reader.at("data2vec_audio");
  const { hidden_size: size, layer_norm_eps: eps, num_hidden_layers: depth } = config;
  const params: Data2VecAudioParams = {
    config,
    specAugment: await loadSpecAugment(base, config),
    featureEncoder: await loadConvFeatureEncoder(base.at("feature_extractor"), config),
    featureProjection: await loadFeatureProjection(base.at("feature_projection"), config),
    positions: [],
    encoder: { norm: await loadNorm(base.at("encoder.layer_norm"), size, eps), layers: [] },
    head: await loadHead(reader),
  };
  for (let i = 0; i < config.num_conv_pos_embeddings; i++) {
    const reader = base.at("encoder.pos_conv_embed.layers", i, "conv");
    params.positions.push(await loadPosition(reader, config));
  }
  for (let i = 0; i < depth; i++) {
    params.encoder.layers.push(await loadTransformerLayer(base.at("encoder.layers", i), config));
  }
  return params;
}

async function loadPosition(
  reader: ParameterReader,
  config: Data2VecAudioConfig,
): Promise<Data2VecAudioPositionParams> {
  const { hidden_size: size, num_conv_pos_embedding_groups: groups } = config;
  const shape: [number, number, number] = [size, size / groups, config.conv_pos_kernel_size];
  const std = Math.sqrt(2 / (shape[1] * shape[2]));
  return {
    weight: await reader.weight("weight", shape, normal(std), { groups }),
    bias: await reader.get("bias", [size], constant(0)),
    groups,
  };
}

/** The positions of frames, seen through their neighbours. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function positionsOf(
  layers: Data2VecAudioPositionParams[],
  x: Tensor,
  kind: Activation,
): Tensor {
  const size = x.shape[2]!;
  return tidy(() => {
    const ones = tensor1d(new Float32Array(size).fill(1));
    const zeros = tensor1d(new Float32Array(size));
    return layers.reduce((y, { weight, bias, groups }) => {
      const width = weightShape(weight)[2]!;
      const padLeft = Math.floor(width / 2);
      const padRight = width - 1 - padLeft;
      const near = conv1d(y, weight, { bias, groups, padLeft, padRight }); // [B, T, D]
      return activation(layerNorm(near, ones, zeros, { eps: NORM_EPS }), kind);
    }, x);
  });
}

/** Positions, the norm and the layers. **Shape** `frames [B, T, D]` -> L + 1 states `[B, T, D]` */
function encode(
  { config, positions, encoder }: Data2VecAudioParams,
  frames: Tensor,
  options: EncodeOptions,
): EncoderStates {
  const placed = add(frames, positionsOf(positions, frames, config.feat_extract_activation));
  return postNormEncoder(encoder, placed, { rates: config, ...options });
}

/** Data2Vec for audio as the registry knows it. */
export const data2vecAudio: Architecture<Data2VecAudioConfig, Data2VecAudioParams> = {
  modelType: "data2vec-audio",
  className: "Data2VecAudioForSequenceClassification",
  basePrefix: "data2vec_audio",
  featureEncoderPrefix: "data2vec_audio.feature_extractor.",
  layersPrefix: "data2vec_audio.encoder.layers.",
  parseConfig,
  load,
  ...speechPasses(encode),
  loadHead: loadClassificationHead,
  convolutions: CONVOLUTIONS,
  classify: ({ head }, features) => classificationHead(head, features),
  frameCentres,
  frames: featureFrames,
  minSamples: receptiveFieldSamples,
  paddingInvariant: () => false,
};
