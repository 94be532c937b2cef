/**
 * Wav2Vec2-BERT for audio classification: pairs of mel frames, conformer layers over them, the mean of their states and
 * a linear classifier.
 *
 * Unlike Wav2Vec2-Conformer it takes a spectrogram in the place of samples. Its convolutions look back only and are
 * normalised frame by frame, and padding is kept out of them, so that a clip's scores do not depend on its batch. There
 * is no norm behind the layers. Attention knows positions as scores by distance, of sines ("relative") or of learned
 * rows ("relative_key"), as turned inputs of queries and keys ("rotary"), or not at all.
 *
 * Not here: speech recognition, and the adapter, which the reference refuses for classification as well.
 *
 * Source: Communication et al. 2023, "Seamless: Multilingual Expressive and Streaming Speech Translation"; names and
 * arithmetic as transformers 5.18 `models/wav2vec2_bert/modeling_wav2vec2_bert.py`, checked against the golden cases
 * `wav2vec2-bert-*`.
 *
 * @module
 */
import { type Tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { activation, conv1d, glu, maskFrames, weightShape } from "../kernels.ts";
import {
  classificationHead,
  type ClassificationHeadConfig,
  type ClassificationHeadParams,
  loadClassificationHead,
} from "../layers/classification_head.ts";
import {
  featureProjection,
  type FeatureProjectionParams,
  loadFeatureProjection,
} from "../layers/feature_projection.ts";
import { dropout } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import type { ParameterReader } from "../layers/parameters.ts";
import { clearPadding } from "../layers/padding.ts";
import {
  loadSpecAugment,
  specAugment,
  type SpecAugmentConfig,
  type SpecAugmentParams,
} from "../layers/spec_augment.ts";
import type { EncoderStates } from "../layers/transformer_encoder.ts";
import { headFields, SIZE, specAugmentFields, transformerFields } from "./_config_fields.ts";
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
import { clipForward } from "./_speech_forward.ts";
import type { Architecture, ForwardOptions, HeadInput, ModelInputs } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface Wav2Vec2BertConfig
  extends ConformerFields, SpecAugmentConfig, ClassificationHeadConfig {
  /** Numbers that stand for a frame: the mel bands of `stride` frames of the extractor. */
  feature_projection_input_dim: number;
  feat_proj_dropout: number;
  /** The farthest distance back, and ahead, that has a row of its own with "relative_key". */
  left_max_position_embeddings: number;
  right_max_position_embeddings: number;
}

/** The convolutions, and the norms before the first and after the second. */
export interface Wav2Vec2BertConvParams extends ConformerConvolutions {
  norm: NormParams;
  depthwiseNorm: NormParams;
}

/** All parameters, and the config that they were made for. */
export interface Wav2Vec2BertParams {
  config: Wav2Vec2BertConfig;
  specAugment: SpecAugmentParams;
  featureProjection: FeatureProjectionParams;
  layers: ConformerLayerParams<Wav2Vec2BertConvParams>[];
  head: ClassificationHeadParams;
}

/** One mel frame of the extractor, 25 ms at the 16 kHz of every published checkpoint. */
const WINDOW_SAMPLES = 400;
/** From one mel frame to the next, 10 ms. */
const HOP_SAMPLES = 160;
/** Mel frames that the extractor of every published checkpoint makes one of. */
const STRIDE = 2;

const DISTANCE = { min: 0, max: 65_536 };

const LARGE = {
  hidden_size: 1024,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  intermediate_size: 4096,
  hidden_act: "silu",
  dropout: 0,
} as const;

function parseConfig(reader: ConfigReader, classes: number): Wav2Vec2BertConfig {
  const transformer = transformerFields(reader, LARGE);
  if (reader.boolean("use_intermediate_ffn_before_adapter", false)) {
    reader.fail("use_intermediate_ffn_before_adapter", "false for classification");
  }
  return {
    ...transformer,
    ...conformerFields(reader, transformer, ["relative_key", "relative", "rotary"]),
    ...specAugmentFields(reader),
    ...headFields(reader, classes, 768),
    feature_projection_input_dim: reader.integer("feature_projection_input_dim", {
      or: 160,
      ...SIZE,
    }),
    feat_proj_dropout: reader.probability("feat_proj_dropout", 0),
    left_max_position_embeddings: reader.integer("left_max_position_embeddings", {
      or: 64,
      ...DISTANCE,
    }),
    right_max_position_embeddings: reader.integer("right_max_position_embeddings", {
      or: 8,
      ...DISTANCE,
    }),
  };
}

async function load(
  reader: ParameterReader,
  config: Wav2Vec2BertConfig,
  loadHead = (from: ParameterReader) => loadClassificationHead(from, config),
): Promise<Wav2Vec2BertParams> {
  const base = reader.at("wav2vec2_bert");
  const params: Wav2Vec2BertParams = {
    config,
    specAugment: await loadSpecAugment(base, config),
    featureProjection: await loadFeatureProjection(base.at("feature_projection"), {
      ...config,
      conv_dim: [config.feature_projection_input_dim],
    }),
    layers: [],
    head: await loadHead(reader),
  };
  for (let i = 0; i < config.num_hidden_layers; i++) {
    params.layers.push(
      await loadConformerLayer(base.at("encoder.layers", i), config, {
        eps: config.layer_norm_eps,
        distances: config.position_embeddings_type === "relative_key"
          ? config.left_max_position_embeddings + config.right_max_position_embeddings + 1
          : undefined,
        loadConv: (conv) => loadConv(conv, config),
      }),
    );
  }
  return params;
}

async function loadConv(
  reader: ParameterReader,
  config: Wav2Vec2BertConfig,
): Promise<Wav2Vec2BertConvParams> {
  const { hidden_size: size, layer_norm_eps: eps } = config;
  const convolution = convolutionLoader(reader, config);
  return {
    norm: await loadNorm(reader.at("layer_norm"), size, eps),
    widen: await convolution("widen"),
    depthwise: await convolution("depthwise"),
    depthwiseNorm: await loadNorm(reader.at("depthwise_layer_norm"), size, eps),
    narrow: await convolution("narrow"),
  };
}

function positionsOf(config: Wav2Vec2BertConfig, frames: number): Positions {
  switch (config.position_embeddings_type) {
    case "relative":
      return relativePositions(frames, config.hidden_size);
    case "relative_key":
      return { byKey: distancesByKey(config, frames) };
    case "rotary":
      return rotaryPositions(rotaryFrequencies(config), frames);
    case null:
      return {};
  }
}

/** Distances within the limits have a row each, those beyond share the outermost. */
function distancesByKey(
  config: Wav2Vec2BertConfig,
  frames: number,
): NonNullable<Positions["byKey"]> {
  const { left_max_position_embeddings: left, right_max_position_embeddings: right } = config;
  const { hidden_size: size, num_attention_heads: heads } = config;
  const rows = Int32Array.from({ length: 2 * frames - 1 }, (_, i) => {
    return Math.min(Math.max(i - (frames - 1), -left), right) + left;
  });
  const part = size / heads;
  const identities = new Float32Array(size * part);
  for (let row = 0; row < size; row++) identities[row * part + row % part] = 1;
  return { index: tensor1d(rows, "int32"), forHeads: tensor2d(identities, [size, part]) };
}

/** Gate, look back, mix. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function convModule(
  params: Wav2Vec2BertConvParams,
  x: Tensor,
  { config, noise, padding }: ConformerLayerOptions,
): Tensor {
  const { depthwise } = params;
  const groups = x.shape[2]!;
  const normed = layerNorm(params.norm, x);
  const real = padding ? maskFrames(normed, padding, tensor1d(new Float32Array(groups))) : normed; // [B, T, D]
  const gated = glu(pointwise(params.widen, real)); // [B, T, D]
  const padLeft = weightShape(depthwise.weight)[2]! - 1;
  const near = conv1d(gated, depthwise.weight, { groups, padLeft });
  const mixed = pointwise(
    params.narrow,
    activation(layerNorm(params.depthwiseNorm, near), config.hidden_act),
  );
  return dropout(mixed, config.conformer_conv_dropout, noise, x);
}

const layerOf = conformerLayer(convModule);

/** All layers. **Shape** `x [B, T, D]` -> L + 1 states `[B, T, D]` */
function encode(
  { config, layers }: Wav2Vec2BertParams,
  x: Tensor,
  { lengths, ...options }: Omit<ConformerLayerOptions, "config" | "positions" | "lengths"> & {
    lengths?: readonly number[];
    wrapLayer?: ForwardOptions["wrapLayer"];
  },
): EncoderStates {
  const frames = x.shape[1]!;
  const states = conformerStates(layers, x, layerOf, {
    ...options,
    config,
    positions: positionsOf(config, frames),
    lengths: lengths && tensor1d([...lengths], "int32"),
    padding: lengths && paddingOf(lengths, frames),
  });
  return { states, last: states.at(-1)! };
}

/** 1 where a frame is padding; nothing where none is. **Shape** -> `[B, T]` */
function paddingOf(lengths: readonly number[], frames: number): Tensor | undefined {
  if (lengths.every((length) => length >= frames)) return undefined;
  const marks = Int32Array.from(
    { length: lengths.length * frames },
    (_, i) => i % frames < lengths[Math.floor(i / frames)]! ? 0 : 1,
  );
  return tensor2d(marks, [lengths.length, frames], "int32");
}

function states(
  params: Wav2Vec2BertParams,
  { inputs, lengths: known }: ModelInputs,
  { noise, wrapLayer }: ForwardOptions,
): HeadInput {
  const { config } = params;
  expectSpectrogram(inputs, config);
  const lengths = known && Array.from(known);
  const projected = featureProjection(params.featureProjection, inputs, {
    dropoutRate: config.feat_proj_dropout,
    noise,
  }); // [B, T, D]
  const augmented = specAugment(params.specAugment, projected, { lengths, noise });
  const frames = clearPadding(augmented, lengths);
  return { encoded: encode(params, frames, { lengths, noise, wrapLayer }), lengths };
}

function expectSpectrogram(
  inputs: Tensor,
  { feature_projection_input_dim: size }: Wav2Vec2BertConfig,
): void {
  if (inputs.rank === 3 && inputs.shape[2] === size) return;
  throw new ShapeError(
    `Cannot classify a spectrogram: expected shape [clips,frames,${size}], found [${inputs.shape}]`,
  );
}

function frames(_: unknown, samples: number): number {
  const melFrames = Math.floor((samples - WINDOW_SAMPLES) / HOP_SAMPLES) + 1;
  return Math.floor(melFrames / STRIDE);
}

/** A frame lies over the mel frames that it is made of. */
function frameCentres(_: unknown, { frames }: { frames: number }): Float64Array {
  const first = ((STRIDE - 1) * HOP_SAMPLES + WINDOW_SAMPLES) / 2;
  return Float64Array.from({ length: frames }, (_, i) => first + i * STRIDE * HOP_SAMPLES);
}

/** Wav2Vec2-BERT as the registry knows it. */
export const wav2vec2Bert: Architecture<Wav2Vec2BertConfig, Wav2Vec2BertParams> = {
  modelType: "wav2vec2-bert",
  className: "Wav2Vec2BertForSequenceClassification",
  basePrefix: "wav2vec2_bert",
  layersPrefix: "wav2vec2_bert.encoder.layers.",
  attentionProjections: {
    q_proj: "self_attn.linear_q",
    k_proj: "self_attn.linear_k",
    v_proj: "self_attn.linear_v",
    out_proj: "self_attn.linear_out",
  },
  parseConfig,
  load,
  states,
  forward: clipForward(states),
  loadHead: loadClassificationHead,
  classify: ({ head }, features) => classificationHead(head, features),
  frameCentres,
  frames,
  minSamples: () => WINDOW_SAMPLES + (STRIDE - 1) * HOP_SAMPLES,
  // Attention and convolutions know of padding, and neither looks past a frame into it.
  paddingInvariant: () => true,
};
