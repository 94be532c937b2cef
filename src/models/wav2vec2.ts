/**
 * Wav2Vec2, UniSpeech and UniSpeech-SAT for audio classification: convolutions from samples to frames, a transformer
 * over frames, the mean of its states and a linear classifier. They differ in how they were trained and in their names.
 *
 * Not here: pre-training (its quantizer, projections and label embeddings in a checkpoint are left over), speech
 * recognition, speaker verification, and the convolutional adapter (`add_adapter`), which the reference refuses for
 * classification too.
 *
 * Source: Baevski et al. 2020, "wav2vec 2.0"; Wang et al. 2021, "UniSpeech"; Chen et al. 2021, "UniSpeech-SAT"; names
 * and arithmetic as transformers 5.18 `models/wav2vec2/modeling_wav2vec2.py` and its two likes, checked against the
 * golden cases `wav2vec2-*`, `unispeech-*` and `unispeech-sat-*`.
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
  loadSpecAugment,
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
export interface Wav2Vec2Config
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
export interface Wav2Vec2Params {
  config: Wav2Vec2Config;
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureProjection: FeatureProjectionParams;
  positionalConv: PositionalConvParams;
  encoder: TransformerEncoderParams;
  head: ClassificationHeadParams;
}

/** That in which the architectures differ. */
interface Family {
  modelType: string;
  className: string;
  basePrefix: string;
  loadMasks: (base: ParameterReader, config: Wav2Vec2Config) => Promise<SpecAugmentParams>;
}

function parseConfig(reader: ConfigReader, classes: number): Wav2Vec2Config {
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
  config: Wav2Vec2Config,
  { basePrefix, loadMasks }: Family,
): Promise<Wav2Vec2Params> {
  const base = reader.at(basePrefix);
  const { hidden_size: size, layer_norm_eps: eps, num_hidden_layers: depth } = config;
  const params: Wav2Vec2Params = {
    config,
    specAugment: await loadMasks(base, config),
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
  params: Wav2Vec2Params,
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

/** The embedding of masked frames, also where the config masks nothing. */
async function loadAnyMasks(
  reader: ParameterReader,
  config: Wav2Vec2Config,
): Promise<SpecAugmentParams> {
  const { hidden_size: size } = config;
  return { config, maskedSpecEmbed: await reader.get("masked_spec_embed", [size], uniform(0, 1)) };
}

function member(family: Family): Architecture<Wav2Vec2Config, Wav2Vec2Params> {
  const { modelType, className, basePrefix } = family;
  return {
    modelType,
    className,
    basePrefix,
    featureEncoderPrefix: `${basePrefix}.feature_extractor.`,
    layersPrefix: `${basePrefix}.encoder.layers.`,
    behindLayers: ({ do_stable_layer_norm: isStable }) =>
      isStable ? [`${basePrefix}.encoder.layer_norm.`] : [],
    parseConfig,
    load: (reader, config) => load(reader, config, family),
    forward,
    frames: featureFrames,
    minSamples: receptiveFieldSamples,
    paddingInvariant: (config) => config.feat_extract_norm === "layer",
  };
}

/** Wav2Vec2 as the registry knows it. */
export const wav2vec2: Architecture<Wav2Vec2Config, Wav2Vec2Params> = member({
  modelType: "wav2vec2",
  className: "Wav2Vec2ForSequenceClassification",
  basePrefix: "wav2vec2",
  loadMasks: loadSpecAugment,
});

/** UniSpeech as the registry knows it. */
export const unispeech: Architecture<Wav2Vec2Config, Wav2Vec2Params> = member({
  modelType: "unispeech",
  className: "UniSpeechForSequenceClassification",
  basePrefix: "unispeech",
  loadMasks: loadSpecAugment,
});

/** UniSpeech-SAT as the registry knows it; its checkpoints all hold the embedding of masked frames. */
export const unispeechSat: Architecture<Wav2Vec2Config, Wav2Vec2Params> = member({
  modelType: "unispeech-sat",
  className: "UniSpeechSatForSequenceClassification",
  basePrefix: "unispeech_sat",
  loadMasks: loadAnyMasks,
});
