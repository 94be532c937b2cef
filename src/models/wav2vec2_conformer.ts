/**
 * Wav2Vec2-Conformer for audio classification: convolutions from samples to frames, conformer layers over frames, the
 * mean of their states and a linear classifier.
 *
 * Attention knows positions as scores by distance ("relative"), as turned inputs of queries and keys ("rotary"), or not
 * at all. Checkpoints also hold a positional convolution that no forward pass uses; it is kept, so that they are saved
 * as they were. The layers are those of `_conformer.ts`.
 *
 * Not here: pre-training, speech recognition.
 *
 * Source: Gulati et al. 2020, "Conformer"; Dai et al. 2019 and Su et al. 2021 for the positions; names and arithmetic as
 * transformers 5.18 `models/wav2vec2_conformer/modeling_wav2vec2_conformer.py`, checked against the golden cases `conformer-*`.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { activation, conv1d, glu, weightShape } from "../kernels.ts";
import { batchNorm, type BatchNormParams, loadBatchNorm } from "../layers/batch_norm.ts";
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
import { dropout } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import type { ParameterReader } from "../layers/parameters.ts";
import { loadPositionalConv, type PositionalConvParams } from "../layers/positional_conv.ts";
import { loadSpecAugment, type SpecAugmentParams } from "../layers/spec_augment.ts";
import type { EncoderStates } from "../layers/transformer_encoder.ts";
import {
  type PositionalConvFields,
  positionalConvFields,
  type SpeechFields,
  speechFields,
} from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import {
  type ConformerConvolutions,
  type ConformerFields,
  conformerFields,
  conformerLayer,
  type ConformerLayerOptions,
  type ConformerLayerParams,
  conformerStates,
  convolutionLoader,
  loadConformerLayer,
  pointwise,
  type Positions,
  relativePositions,
  rotaryFrequencies,
  rotaryPositions,
} from "./_conformer.ts";
import { CONVOLUTIONS, type EncodeOptions, speechPasses } from "./_speech_forward.ts";
import type { Architecture } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface Wav2Vec2ConformerConfig
  extends SpeechFields, PositionalConvFields, ConformerFields {
  position_embeddings_type: "relative" | "rotary" | null;
}

/** The convolutions, and the norms before the first and after the second. */
export interface Wav2Vec2ConformerConvParams extends ConformerConvolutions {
  norm: NormParams;
  batchNorm: BatchNormParams;
}

/** All parameters, and the config that they were made for. */
export interface Wav2Vec2ConformerParams {
  config: Wav2Vec2ConformerConfig;
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureProjection: FeatureProjectionParams;
  unusedPositionalConv: PositionalConvParams;
  /** Of rotary positions, in radians a frame: half a head of them. */
  frequencies?: Float32Array;
  layers: ConformerLayerParams<Wav2Vec2ConformerConvParams>[];
  norm: NormParams;
  head: ClassificationHeadParams;
}

const NORM_EPS = 1e-5;

function parseConfig(reader: ConfigReader, classes: number): Wav2Vec2ConformerConfig {
  const speech = speechFields(reader, classes);
  return {
    ...speech,
    ...positionalConvFields(reader, speech.hidden_size),
    ...conformerFields(reader, speech, ["relative", "rotary"]),
  };
}

async function load(
  reader: ParameterReader,
  config: Wav2Vec2ConformerConfig,
  loadHead = (from: ParameterReader) => loadClassificationHead(from, config),
): Promise<Wav2Vec2ConformerParams> {
  const base = reader.at("wav2vec2_conformer");
  const { hidden_size: size, layer_norm_eps: eps, num_hidden_layers: depth } = config;
  const params: Wav2Vec2ConformerParams = {
    config,
    specAugment: await loadSpecAugment(base, config),
    featureEncoder: await loadConvFeatureEncoder(base.at("feature_extractor"), config),
    featureProjection: await loadFeatureProjection(base.at("feature_projection"), config),
    unusedPositionalConv: await loadPositionalConv(base.at("encoder.pos_conv_embed"), config),
    frequencies: config.position_embeddings_type === "rotary"
      ? await loadFrequencies(base.at("encoder.embed_positions"), config)
      : undefined,
    layers: [],
    norm: await loadNorm(base.at("encoder.layer_norm"), size, eps),
    head: await loadHead(reader),
  };
  for (let i = 0; i < depth; i++) {
    params.layers.push(
      await loadConformerLayer(base.at("encoder.layers", i), config, {
        eps: NORM_EPS,
        loadConv: (conv) => loadConv(conv, config),
      }),
    );
  }
  return params;
}

/** The table of angles is made on the host for each length, so the frequencies are wanted there. */
async function loadFrequencies(
  reader: ParameterReader,
  config: Wav2Vec2ConformerConfig,
): Promise<Float32Array> {
  const half = config.hidden_size / config.num_attention_heads / 2;
  const first = () => rotaryFrequencies(config);
  const stored = await reader.get("inv_freq", [half], first, { trainable: false });
  return await stored.data() as Float32Array;
}

async function loadConv(
  reader: ParameterReader,
  config: Wav2Vec2ConformerConfig,
): Promise<Wav2Vec2ConformerConvParams> {
  const { hidden_size: size } = config;
  const convolution = convolutionLoader(reader, config);
  return {
    norm: await loadNorm(reader.at("layer_norm"), size, NORM_EPS),
    widen: await convolution("widen"),
    depthwise: await convolution("depthwise"),
    batchNorm: await loadBatchNorm(reader.at("batch_norm"), size),
    narrow: await convolution("narrow"),
  };
}

function positionsOf(params: Wav2Vec2ConformerParams, frames: number): Positions {
  const { config, frequencies } = params;
  if (frequencies) return rotaryPositions(frequencies, frames);
  if (config.position_embeddings_type === null) return {};
  return relativePositions(frames, config.hidden_size);
}

/** Gate, look at neighbours, mix. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function convModule(
  params: Wav2Vec2ConformerConvParams,
  x: Tensor,
  { config, noise }: ConformerLayerOptions,
): Tensor {
  const { depthwise } = params;
  const groups = x.shape[2]!;
  const pad = Math.floor(weightShape(depthwise.weight)[2]! / 2);
  const gated = glu(pointwise(params.widen, layerNorm(params.norm, x))); // [B, T, D]
  const near = conv1d(gated, depthwise.weight, { groups, padLeft: pad, padRight: pad });
  const normed = batchNorm(params.batchNorm, near, noise);
  const mixed = pointwise(params.narrow, activation(normed, config.hidden_act));
  return dropout(mixed, config.conformer_conv_dropout, noise, x);
}

const layerOf = conformerLayer(convModule);

/** All layers, then the norm. **Shape** `x [B, T, D]` -> L + 1 states `[B, T, D]` */
function encode(
  params: Wav2Vec2ConformerParams,
  x: Tensor,
  { lengths, noise, wrapLayer }: EncodeOptions,
): EncoderStates {
  const { config } = params;
  const positions = positionsOf(params, x.shape[1]!);
  const options = { config, positions, lengths, noise, wrapLayer };
  const states = conformerStates(params.layers, x, layerOf, options);
  return { states, last: layerNorm(params.norm, states.at(-1)!) };
}

/** Wav2Vec2-Conformer as the registry knows it. */
export const wav2vec2Conformer: Architecture<Wav2Vec2ConformerConfig, Wav2Vec2ConformerParams> = {
  modelType: "wav2vec2-conformer",
  className: "Wav2Vec2ConformerForSequenceClassification",
  basePrefix: "wav2vec2_conformer",
  featureEncoderPrefix: "wav2vec2_conformer.feature_extractor.",
  layersPrefix: "wav2vec2_conformer.encoder.layers.",
  attentionProjections: {
    q_proj: "self_attn.linear_q",
    k_proj: "self_attn.linear_k",
    v_proj: "self_attn.linear_v",
    out_proj: "self_attn.linear_out",
  },
  behindLayers: () => ["wav2vec2_conformer.encoder.layer_norm."],
  parseConfig,
  load,
  ...speechPasses(encode),
  loadHead: loadClassificationHead,
  convolutions: CONVOLUTIONS,
  classify: ({ head }, features) => classificationHead(head, features),
  frameCentres,
  frames: featureFrames,
  minSamples: receptiveFieldSamples,
  // The convolutions of the layers look into the padding.
  paddingInvariant: () => false,
};
