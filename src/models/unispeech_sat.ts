/**
 * UniSpeech-SAT for audio classification: convolutions from samples to frames, a transformer over frames, the mean of
 * its states and a linear classifier.
 *
 * Every checkpoint holds the embedding of masked frames, also where its config masks nothing.
 *
 * Not here: pre-training (its quantizer, speaker projection and label embeddings in a checkpoint are left over),
 * speech recognition and speaker verification.
 *
 * Source: Chen et al. 2021, "UniSpeech-SAT"; names and arithmetic as transformers 5.18
 * `models/unispeech_sat/modeling_unispeech_sat.py`, checked against the golden cases `unispeech-sat-*`.
 *
 * @module
 */
import { tensor1d, tidy } from "@tensorflow/tfjs-core";
import { add } from "../kernels.ts";
import {
  classificationHead,
  type ClassificationHeadConfig,
  type ClassificationHeadParams,
  headStates,
  loadClassificationHead,
} from "../layers/classification_head.ts";
import {
  convFeatureEncoder,
  type ConvFeatureEncoderConfig,
  type ConvFeatureEncoderParams,
  featureFrames,
  loadConvFeatureEncoder,
  receptiveFieldSamples,
} from "../layers/conv_feature_encoder.ts";
import {
  featureProjection,
  type FeatureProjectionParams,
  loadFeatureProjection,
} from "../layers/feature_projection.ts";
import { loadNorm } from "../layers/norm.ts";
import { clearPadding } from "../layers/padding.ts";
import { type ParameterReader, uniform } from "../layers/parameters.ts";
import {
  loadPositionalConv,
  positionalConv,
  type PositionalConvParams,
} from "../layers/positional_conv.ts";
import {
  specAugment,
  type SpecAugmentConfig,
  type SpecAugmentParams,
} from "../layers/spec_augment.ts";
import {
  postNormEncoder,
  preNormEncoder,
  type TransformerEncoderParams,
} from "../layers/transformer_encoder.ts";
import { loadTransformerLayer } from "../layers/transformer_layer.ts";
import {
  convFeatureEncoderFields,
  headFields,
  type NormOrderFields,
  normOrderFields,
  type PositionalConvFields,
  positionalConvFields,
  specAugmentFields,
  type TransformerFields,
  transformerFields,
} from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import type { Architecture, ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface UniSpeechSatConfig
  extends
    ConvFeatureEncoderConfig,
    PositionalConvFields,
    TransformerFields,
    NormOrderFields,
    SpecAugmentConfig,
    ClassificationHeadConfig {
  feat_proj_dropout: number;
}

/** All parameters, and the config that they were made for. */
export interface UniSpeechSatParams {
  config: UniSpeechSatConfig;
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureProjection: FeatureProjectionParams;
  positionalConv: PositionalConvParams;
  encoder: TransformerEncoderParams;
  head: ClassificationHeadParams;
}

function parseConfig(reader: ConfigReader, classes: number): UniSpeechSatConfig {
  const transformer = transformerFields(reader);
  return {
    ...convFeatureEncoderFields(reader),
    ...positionalConvFields(reader, transformer.hidden_size),
    ...transformer,
    ...normOrderFields(reader),
    ...specAugmentFields(reader),
    ...headFields(reader, classes),
    feat_proj_dropout: reader.dropout("feat_proj_dropout", 0),
  };
}

async function load(
  reader: ParameterReader,
  config: UniSpeechSatConfig,
): Promise<UniSpeechSatParams> {
  const base = reader.at("unispeech_sat");
  const { hidden_size: size, layer_norm_eps: eps, num_hidden_layers: depth } = config;
  const params: UniSpeechSatParams = {
    config,
    specAugment: {
      config,
      maskedSpecEmbed: await base.get("masked_spec_embed", [size], uniform(0, 1)),
    },
    featureEncoder: await loadConvFeatureEncoder(base.at("feature_extractor"), config),
    featureProjection: await loadFeatureProjection(base.at("feature_projection"), config),
    positionalConv: await loadPositionalConv(base.at("encoder.pos_conv_embed"), config),
    encoder: { norm: await loadNorm(base.at("encoder.layer_norm"), size, eps), layers: [] },
    head: await loadClassificationHead(reader, config),
  };
  for (let i = 0; i < depth; i++) {
    params.encoder.layers.push(await loadTransformerLayer(base.at("encoder.layers", i), config));
  }
  return params;
}

function forward(
  params: UniSpeechSatParams,
  { inputs, lengths: samples }: ModelInputs,
  { noise, wrapLayer, outputHiddenStates }: ForwardOptions,
): ModelOutput {
  const { config } = params;
  const lengths = samples && Array.from(samples, (count) => featureFrames(config, count));
  return tidy(() => {
    const valid = lengths && tensor1d(lengths, "int32");
    const features = convFeatureEncoder(params.featureEncoder, inputs); // [B, T, C]
    const projected = featureProjection(params.featureProjection, features, {
      dropoutRate: config.feat_proj_dropout,
      noise,
    }); // [B, T, D]
    const augmented = specAugment(params.specAugment, projected, { lengths, noise });
    const frames = clearPadding(augmented, lengths);
    const placed = add(frames, positionalConv(params.positionalConv, frames));
    const encode = config.do_stable_layer_norm ? preNormEncoder : postNormEncoder;
    const encoded = encode(params.encoder, placed, {
      rates: config,
      lengths: valid,
      noise,
      wrapLayer,
    });
    const scores = classificationHead(params.head, headStates(encoded, config), valid);
    if (!outputHiddenStates) return scores;
    const { states, last } = encoded;
    return { ...scores, hiddenStates: states, convFeatures: features, lastHiddenState: last };
  });
}

/** UniSpeech-SAT as the registry knows it. */
export const unispeechSat: Architecture<UniSpeechSatConfig, UniSpeechSatParams> = {
  modelType: "unispeech-sat",
  className: "UniSpeechSatForSequenceClassification",
  basePrefix: "unispeech_sat",
  featureEncoderPrefix: "unispeech_sat.feature_extractor.",
  layersPrefix: "unispeech_sat.encoder.layers.",
  behindLayers: ({ do_stable_layer_norm: isStable }) =>
    isStable ? ["unispeech_sat.encoder.layer_norm."] : [],
  parseConfig,
  load,
  forward,
  frames: featureFrames,
  minSamples: receptiveFieldSamples,
  paddingInvariant: (config) => config.feat_extract_norm === "layer",
};
