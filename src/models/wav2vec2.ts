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
import type { Tensor } from "@tensorflow/tfjs-core";
import { add } from "../kernels.ts";
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
import { type ParameterReader, uniform } from "../layers/parameters.ts";
import {
  loadPositionalConv,
  positionalConv,
  type PositionalConvParams,
} from "../layers/positional_conv.ts";
import { loadSpecAugment, type SpecAugmentParams } from "../layers/spec_augment.ts";
import {
  type EncoderStates,
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
import {
  CONVOLUTIONS,
  type EncodeOptions,
  speechForward,
  speechPasses,
} from "./_speech_forward.ts";
import type { Architecture } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface Wav2Vec2Config extends SpeechFields, PositionalConvFields, NormOrderFields {
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
  /** Whether transformers has it with heads for speakers and for frames as well. */
  hasOtherHeads: boolean;
  loadMasks: (base: ParameterReader, config: Wav2Vec2Config) => Promise<SpecAugmentParams>;
}

function parseConfig(reader: ConfigReader, classes: number): Wav2Vec2Config {
  const speech = speechFields(reader, classes);
  return {
    ...speech,
    ...positionalConvFields(reader, speech.hidden_size),
    ...normOrderFields(reader),
  };
}

async function load(
  reader: ParameterReader,
  config: Wav2Vec2Config,
  { basePrefix, loadMasks }: Family,
  loadHead = (from: ParameterReader) => loadClassificationHead(from, config),
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
    head: await loadHead(reader),
  };
  for (let i = 0; i < depth; i++) {
    params.encoder.layers.push(await loadTransformerLayer(base.at("encoder.layers", i), config));
  }
  return params;
}

/** Positions, the layers and their one norm. **Shape** `frames [B, T, D]` -> L + 1 states `[B, T, D]` */
function encode(
  { config, positionalConv: positions, encoder }: Wav2Vec2Params,
  frames: Tensor,
  options: EncodeOptions,
): EncoderStates {
  const placed = add(frames, positionalConv(positions, frames));
  const encodeFrames = config.do_stable_layer_norm ? preNormEncoder : postNormEncoder;
  return encodeFrames(encoder, placed, { rates: config, ...options });
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
  const { modelType, className, basePrefix, hasOtherHeads } = family;
  return {
    modelType,
    className,
    basePrefix,
    featureEncoderPrefix: `${basePrefix}.feature_extractor.`,
    layersPrefix: `${basePrefix}.encoder.layers.`,
    behindLayers: ({ do_stable_layer_norm: isStable }) =>
      isStable ? [`${basePrefix}.encoder.layer_norm.`] : [],
    parseConfig,
    load: (reader, config, loadHead) => load(reader, config, family, loadHead),
    ...hasOtherHeads ? speechPasses(encode) : { forward: speechForward(encode) },
    loadHead: loadClassificationHead,
    convolutions: CONVOLUTIONS,
    classify: ({ head }, features) => classificationHead(head, features),
    frameCentres,
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
  hasOtherHeads: true,
  loadMasks: loadSpecAugment,
});

/** UniSpeech as the registry knows it. */
export const unispeech: Architecture<Wav2Vec2Config, Wav2Vec2Params> = member({
  modelType: "unispeech",
  className: "UniSpeechForSequenceClassification",
  basePrefix: "unispeech",
  hasOtherHeads: false,
  loadMasks: loadSpecAugment,
});

/** UniSpeech-SAT as the registry knows it; its checkpoints all hold the embedding of masked frames. */
export const unispeechSat: Architecture<Wav2Vec2Config, Wav2Vec2Params> = member({
  modelType: "unispeech-sat",
  className: "UniSpeechSatForSequenceClassification",
  basePrefix: "unispeech_sat",
  hasOtherHeads: true,
  loadMasks: loadAnyMasks,
});
