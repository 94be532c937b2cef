/**
 * SEW for audio classification: convolutions from samples to frames, a transformer over half as many (or fewer) frames,
 * stretched to their full number again, the mean of its states and a linear classifier.
 *
 * A weighted layer sum sees the squeezed states, so that the stretching takes no part; with a mask, its mean then counts
 * as many frames as before squeezing, padding among them. In training, the reference masks frames of padding as well,
 * since it does not tell SpecAugment the lengths. This file does the same in all three.
 *
 * Not here: pre-training, speech recognition.
 *
 * Source: Wu et al. 2021, "Performance-Efficiency Trade-offs in Unsupervised Pre-training"; names and arithmetic as
 * transformers 5.18 `models/sew/modeling_sew.py`, checked against the golden cases `sew*`.
 *
 * @module
 */
import { type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import {
  classificationHead,
  type ClassificationHeadParams,
  loadClassificationHead,
  pooledStates,
} from "../layers/classification_head.ts";
import {
  convFeatureEncoder,
  type ConvFeatureEncoderParams,
  featureFrames,
  frameCentres,
  loadConvFeatureEncoder,
  receptiveFieldSamples,
} from "../layers/conv_feature_encoder.ts";
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import { dropout, type Noise } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import { clearPadding } from "../layers/padding.ts";
import { constant, normal, type ParameterReader } from "../layers/parameters.ts";
import { loadSpecAugment, specAugment, type SpecAugmentParams } from "../layers/spec_augment.ts";
import {
  loadSqueeze,
  squeezedLengths,
  squeezeFrames,
  type SqueezeParams,
  stretchFrames,
} from "../layers/squeeze.ts";
import { postNormEncoder, type TransformerEncoderParams } from "../layers/transformer_encoder.ts";
import { loadTransformerLayer } from "../layers/transformer_layer.ts";
import {
  type PositionalConvFields,
  positionalConvFields,
  type SpeechFields,
  speechFields,
} from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { asked, CONVOLUTIONS } from "./_speech_forward.ts";
import type { Architecture, ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface SewConfig extends SpeechFields, PositionalConvFields {
  /** Frames that become one for the transformer. */
  squeeze_factor: number;
}

/** All parameters, and the config that they were made for. */
export interface SewParams {
  config: SewConfig;
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureNorm: NormParams;
  /** `[D, C]`; undefined where the features have the hidden size already. */
  featureProjection?: LinearParams;
  squeeze: SqueezeParams;
  encoder: TransformerEncoderParams;
  head: ClassificationHeadParams;
}

const CONV_DIM = [64, 128, 128, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512];
const CONV_KERNEL = [10, 3, 1, 3, 1, 3, 1, 3, 1, 2, 1, 2, 1];
const CONV_STRIDE = [5, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1];

function parseConfig(reader: ConfigReader, classes: number): SewConfig {
  const speech = speechFields(reader, classes, {
    conv_dim: CONV_DIM,
    conv_kernel: CONV_KERNEL,
    conv_stride: CONV_STRIDE,
  });
  return {
    ...speech,
    ...positionalConvFields(reader, speech.hidden_size),
    squeeze_factor: reader.integer("squeeze_factor", { or: 2, min: 1, max: 64 }),
  };
}

async function load(reader: ParameterReader, config: SewConfig): Promise<SewParams> {
  const base = reader.at("sew");
  const { hidden_size: size, layer_norm_eps: eps, num_hidden_layers: depth } = config;
  const features = config.conv_dim.at(-1)!;
  const params: SewParams = {
    config,
    specAugment: await loadSpecAugment(base, config),
    featureEncoder: await loadConvFeatureEncoder(base.at("feature_extractor"), config, {
      bias: constant(0),
    }),
    featureNorm: await loadNorm(base.at("layer_norm"), features, eps),
    featureProjection: features === size ? undefined : await loadLinear(
      base.at("feature_projection"),
      { inputs: features, outputs: size },
      { weight: normal(config.initializer_range) },
    ),
    squeeze: await loadSqueeze(base.at("encoder"), config),
    encoder: { norm: await loadNorm(base.at("encoder.layer_norm"), size, eps), layers: [] },
    head: await loadClassificationHead(reader, config),
  };
  for (let i = 0; i < depth; i++) {
    params.encoder.layers.push(await loadTransformerLayer(base.at("encoder.layers", i), config));
  }
  return params;
}

/** **Shape** `features [B, T, C]` -> `[B, T, D]` */
function project(
  { config, featureNorm, featureProjection }: SewParams,
  features: Tensor,
  noise?: Noise,
): Tensor {
  return tidy(() => {
    const normed = layerNorm(featureNorm, features);
    const projected = featureProjection ? linear(featureProjection, normed) : normed;
    return dropout(projected, config.feat_proj_dropout, noise);
  });
}

function forward(
  params: SewParams,
  { inputs, lengths: samples }: ModelInputs,
  options: ForwardOptions,
): ModelOutput {
  const { noise, wrapLayer } = options;
  const { config, squeeze } = params;
  const lengths = samples && Array.from(samples, (count) => featureFrames(config, count));
  return tidy(() => {
    const features = convFeatureEncoder(params.featureEncoder, inputs); // [B, T, C]
    const frames = features.shape[1]!;
    const augmented = specAugment(params.specAugment, project(params, features, noise), { noise });
    const squeezed = squeezeFrames(squeeze, clearPadding(augmented, lengths)); // [B, T / factor, D]
    const valid = lengths && squeezedLengths(lengths, { frames, factor: squeeze.factor });
    const { states, last } = postNormEncoder(params.encoder, squeezed, {
      rates: config,
      lengths: valid && tensor1d(valid, "int32"),
      noise,
      wrapLayer,
    });
    const stretched = stretchFrames(squeeze, last, frames); // [B, T, D]
    const weighed = config.use_weighted_layer_sum ? states : [stretched];
    const most = weighed[0]!.shape[1]!;
    const counted = lengths && tensor1d(lengths.map((length) => Math.min(length, most)), "int32");
    const pooled = pooledStates(weighed, counted);
    return {
      ...classificationHead(params.head, pooled),
      ...asked(options, {
        ...{ features: pooled, convFeatures: features },
        ...{ hiddenStates: states, lastHiddenState: stretched },
        frameLengths: lengths && { states: [...valid!], last: lengths },
      }),
    };
  });
}

/** SEW as the registry knows it. */
export const sew: Architecture<SewConfig, SewParams> = {
  modelType: "sew",
  className: "SEWForSequenceClassification",
  basePrefix: "sew",
  featureEncoderPrefix: "sew.feature_extractor.",
  layersPrefix: "sew.encoder.layers.",
  behindLayers: () => ["sew.encoder.upsample."],
  parseConfig,
  load,
  forward,
  loadHead: loadClassificationHead,
  convolutions: CONVOLUTIONS,
  classify: ({ head }, features) => classificationHead(head, features),
  frameCentres,
  frames: featureFrames,
  minSamples: (config) => {
    const hopSamples = config.conv_stride.reduce((product, stride) => product * stride, 1);
    return receptiveFieldSamples(config) + (config.squeeze_factor - 1) * hopSamples;
  },
  paddingInvariant: () => false,
};
