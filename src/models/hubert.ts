/**
 * HuBERT for audio classification: convolutions from samples to frames, a transformer over frames, the mean of its
 * states and a linear classifier.
 *
 * Distilled checkpoints have no norm before the projection (`feat_proj_layer_norm`); some have a batch norm before the
 * positional convolution instead of a weight norm in it (`conv_pos_batch_norm`), which sees padding. In training, the reference masks
 * frames of padding as well, since it does not tell SpecAugment the lengths; so does this file.
 *
 * Not here: pre-training, speech recognition.
 *
 * Source: Hsu et al. 2021, "HuBERT"; names and arithmetic as transformers 5.18 `models/hubert/modeling_hubert.py`,
 * checked against the golden cases `hubert-*`.
 *
 * @module
 */
import { type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { type Activation, add, conv1d, type Weight, weightShape } from "../kernels.ts";
import { batchNorm, type BatchNormParams, loadBatchNorm } from "../layers/batch_norm.ts";
import {
  classificationHead,
  type ClassificationHeadParams,
  headStates,
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
import {
  loadPositionalConv,
  positionalConv,
  type PositionalConvParams,
} from "../layers/positional_conv.ts";
import { loadSpecAugment, specAugment, type SpecAugmentParams } from "../layers/spec_augment.ts";
import {
  postNormEncoder,
  preNormEncoder,
  type TransformerEncoderParams,
} from "../layers/transformer_encoder.ts";
import { loadTransformerLayer } from "../layers/transformer_layer.ts";
import {
  type NormOrderFields,
  normOrderFields,
  type PositionalConvFields,
  positionalConvFields,
  type SpeechFields,
  speechFields,
} from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { asked, CONVOLUTIONS } from "./_speech_forward.ts";
import type { Architecture, ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface HubertConfig extends SpeechFields, PositionalConvFields, NormOrderFields {
  /** Whether frames are normalised before the positional convolution, and its weight is not. */
  conv_pos_batch_norm: boolean;
  /** Whether the features are normalised before they are projected. */
  feat_proj_layer_norm: boolean;
}

/** `norm [C]`, absent in distilled checkpoints, and `projection [D, C]`. */
export interface HubertProjectionParams {
  norm?: NormParams;
  projection: LinearParams;
}

/** A positional convolution behind a batch norm: `weight [D, D / groups, K]`, `bias [D]`. */
export interface HubertNormedConvParams {
  norm: BatchNormParams;
  weight: Weight;
  bias: Tensor;
  groups: number;
  activation: Activation;
}

/** All parameters, and the config that they were made for. */
export interface HubertParams {
  config: HubertConfig;
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureProjection: HubertProjectionParams;
  positionalConv: PositionalConvParams | HubertNormedConvParams;
  encoder: TransformerEncoderParams;
  head: ClassificationHeadParams;
}

function parseConfig(reader: ConfigReader, classes: number): HubertConfig {
  const speech = speechFields(reader, classes);
  return {
    ...speech,
    ...positionalConvFields(reader, speech.hidden_size),
    ...normOrderFields(reader),
    conv_pos_batch_norm: reader.boolean("conv_pos_batch_norm", false),
    feat_proj_layer_norm: reader.boolean("feat_proj_layer_norm", true),
  };
}

async function load(reader: ParameterReader, config: HubertConfig): Promise<HubertParams> {
  const base = reader.at("hubert");
  const { hidden_size: size, layer_norm_eps: eps, num_hidden_layers: depth } = config;
  const params: HubertParams = {
    config,
    specAugment: await loadSpecAugment(base, config),
    featureEncoder: await loadConvFeatureEncoder(base.at("feature_extractor"), config, {
      bias: constant(0),
    }),
    featureProjection: await loadProjection(base.at("feature_projection"), config),
    positionalConv: await loadPositions(base.at("encoder.pos_conv_embed"), config),
    encoder: { norm: await loadNorm(base.at("encoder.layer_norm"), size, eps), layers: [] },
    head: await loadClassificationHead(reader, config),
  };
  for (let i = 0; i < depth; i++) {
    params.encoder.layers.push(await loadTransformerLayer(base.at("encoder.layers", i), config));
  }
  return params;
}

async function loadPositions(
  reader: ParameterReader,
  config: HubertConfig,
): Promise<PositionalConvParams | HubertNormedConvParams> {
  const { hidden_size: size, num_conv_pos_embeddings: width } = config;
  const groups = config.num_conv_pos_embedding_groups;
  if (!config.conv_pos_batch_norm) return await loadPositionalConv(reader, config);
  const shape: [number, number, number] = [size, size / groups, width];
  const std = Math.sqrt(2 / (shape[1] * width));
  return {
    norm: await loadBatchNorm(reader.at("batch_norm"), size),
    weight: await reader.weight("conv.weight", shape, normal(std), { groups }),
    bias: await reader.get("conv.bias", [size], constant(0)),
    groups,
    activation: config.feat_extract_activation,
  };
}

async function loadProjection(
  reader: ParameterReader,
  config: HubertConfig,
): Promise<HubertProjectionParams> {
  const features = config.conv_dim.at(-1)!;
  return {
    norm: config.feat_proj_layer_norm
      ? await loadNorm(reader.at("layer_norm"), features, config.layer_norm_eps)
      : undefined,
    projection: await loadLinear(
      reader.at("projection"),
      { inputs: features, outputs: config.hidden_size },
      { weight: normal(config.initializer_range) },
    ),
  };
}

/** **Shape** `features [B, T, C]` -> `[B, T, D]` */
function project(
  { norm, projection }: HubertProjectionParams,
  features: Tensor,
  { dropoutRate, noise }: { dropoutRate: number; noise?: Noise },
): Tensor {
  return tidy(() => {
    const x = norm ? layerNorm(norm, features) : features;
    return dropout(linear(projection, x), dropoutRate, noise);
  });
}

/** The positions of frames, seen through their neighbours. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function positionsOf(
  params: PositionalConvParams | HubertNormedConvParams,
  x: Tensor,
  noise?: Noise,
): Tensor {
  if (!("norm" in params)) return positionalConv(params, x);
  const { norm, weight, bias, groups, activation } = params;
  const width = weightShape(weight)[2]!;
  const padLeft = Math.floor(width / 2);
  return tidy(() =>
    conv1d(batchNorm(norm, x, noise), weight, {
      bias,
      groups,
      padLeft,
      padRight: width - 1 - padLeft,
      activation,
    })
  );
}

function forward(
  params: HubertParams,
  { inputs, lengths: samples }: ModelInputs,
  options: ForwardOptions,
): ModelOutput {
  const { noise, wrapLayer } = options;
  const { config } = params;
  const lengths = samples && Array.from(samples, (count) => featureFrames(config, count));
  return tidy(() => {
    const valid = lengths && tensor1d(lengths, "int32");
    const features = convFeatureEncoder(params.featureEncoder, inputs); // [B, T, C]
    const projected = project(params.featureProjection, features, {
      dropoutRate: config.feat_proj_dropout,
      noise,
    }); // [B, T, D]
    const augmented = specAugment(params.specAugment, projected, { noise });
    const frames = clearPadding(augmented, lengths);
    const placed = add(frames, positionsOf(params.positionalConv, frames, noise));
    const encode = config.do_stable_layer_norm ? preNormEncoder : postNormEncoder;
    const encoded = encode(params.encoder, placed, {
      rates: config,
      lengths: valid,
      noise,
      wrapLayer,
    });
    const pooled = pooledStates(headStates(encoded, config), valid);
    return {
      ...classificationHead(params.head, pooled),
      ...asked(options, {
        ...{ features: pooled, convFeatures: features },
        ...{ hiddenStates: encoded.states, lastHiddenState: encoded.last },
        frameLengths: lengths && { states: lengths, last: lengths },
      }),
    };
  });
}

/** HuBERT as the registry knows it. */
export const hubert: Architecture<HubertConfig, HubertParams> = {
  modelType: "hubert",
  className: "HubertForSequenceClassification",
  basePrefix: "hubert",
  featureEncoderPrefix: "hubert.feature_extractor.",
  layersPrefix: "hubert.encoder.layers.",
  behindLayers: ({ do_stable_layer_norm: isStable }) =>
    isStable ? ["hubert.encoder.layer_norm."] : [],
  parseConfig,
  load,
  forward,
  loadHead: loadClassificationHead,
  convolutions: CONVOLUTIONS,
  classify: ({ head }, features) => classificationHead(head, features),
  frameCentres,
  frames: featureFrames,
  minSamples: receptiveFieldSamples,
  paddingInvariant: (config) => config.feat_extract_norm === "layer" && !config.conv_pos_batch_norm,
};
