/**
 * Wav2Vec2-Conformer for audio classification: convolutions from samples to frames, conformer layers over frames, the
 * mean of their states and a linear classifier.
 *
 * A layer is half a feed-forward, attention, a convolution module and another half. Attention knows positions
 * as scores by distance ("relative"), as turned inputs of queries and keys ("rotary"), or not at all. Checkpoints also hold
 * a positional convolution that no forward pass uses; it is kept, so that they are saved as they were.
 *
 * Not here: pre-training, speech recognition.
 *
 * Source: Gulati et al. 2020, "Conformer"; Dai et al. 2019 and Su et al. 2021 for the positions; names and arithmetic as
 * transformers 5.18 `models/wav2vec2_conformer/modeling_wav2vec2_conformer.py`, checked against the golden cases `conformer-*`.
 *
 * @module
 */
import { reshape, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import {
  activation,
  addBias,
  attention,
  conv1d,
  glu,
  linear as linearKernel,
  relativeScores,
  reshapedWeight,
  rotary,
  scale,
  weightShape,
} from "../kernels.ts";
import { batchNorm, type BatchNormParams, loadBatchNorm } from "../layers/batch_norm.ts";
import {
  classificationHead,
  type ClassificationHeadParams,
  loadClassificationHead,
} from "../layers/classification_head.ts";
import { type Conv1dParams, loadConv1d } from "../layers/conv1d.ts";
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
import { feedForward, type FeedForwardParams, loadFeedForward } from "../layers/feed_forward.ts";
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import { dropout, type Noise } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import { normal, type ParameterReader, uniform } from "../layers/parameters.ts";
import { loadPositionalConv, type PositionalConvParams } from "../layers/positional_conv.ts";
import { loadSpecAugment, type SpecAugmentParams } from "../layers/spec_augment.ts";
import type { EncoderStates } from "../layers/transformer_encoder.ts";
import {
  COUNT,
  type PositionalConvFields,
  positionalConvFields,
  type SpeechFields,
  speechFields,
} from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { CONVOLUTIONS, type EncodeOptions, speechForward } from "./_speech_forward.ts";
import type { Architecture } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface Wav2Vec2ConformerConfig extends SpeechFields, PositionalConvFields {
  /** How attention knows positions; null where it does not. */
  position_embeddings_type: "relative" | "rotary" | null;
  rotary_embedding_base: number;
  /** Width of the convolution of the layers; odd. */
  conv_depthwise_kernel_size: number;
  conformer_conv_dropout: number;
}

/** Four maps `[D, D]`, and those of relative positions. */
export interface Wav2Vec2ConformerAttentionParams {
  query: LinearParams;
  key: LinearParams;
  value: LinearParams;
  output: LinearParams;
  relative?: {
    /** `[D, D]` */
    position: LinearParams;
    /** `[H, D / H]`, added to queries that meet keys. */
    contentBias: Tensor;
    /** `[H, D / H]`, added to queries that meet positions. */
    positionBias: Tensor;
  };
}

/** `widen [2 D, D, 1]`, `depthwise [D, 1, K]`, `narrow [D, D, 1]`, and the norms before the first and after the second. */
export interface Wav2Vec2ConformerConvParams {
  norm: NormParams;
  widen: Conv1dParams;
  depthwise: Conv1dParams;
  batchNorm: BatchNormParams;
  narrow: Conv1dParams;
}

/** The halves of a layer in order, and the norm after them. */
export interface Wav2Vec2ConformerLayerParams {
  firstNorm: NormParams;
  first: FeedForwardParams;
  attentionNorm: NormParams;
  attention: Wav2Vec2ConformerAttentionParams;
  conv: Wav2Vec2ConformerConvParams;
  secondNorm: NormParams;
  second: FeedForwardParams;
  finalNorm: NormParams;
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
  layers: Wav2Vec2ConformerLayerParams[];
  norm: NormParams;
  head: ClassificationHeadParams;
}

const NORM_EPS = 1e-5;

function parseConfig(reader: ConfigReader, classes: number): Wav2Vec2ConformerConfig {
  const speech = speechFields(reader, classes);
  const config: Wav2Vec2ConformerConfig = {
    ...speech,
    ...positionalConvFields(reader, speech.hidden_size),
    position_embeddings_type: positionsField(reader),
    rotary_embedding_base: reader.number("rotary_embedding_base", { or: 10_000, min: 1, max: 1e9 }),
    conv_depthwise_kernel_size: reader.integer("conv_depthwise_kernel_size", { or: 31, ...COUNT }),
    conformer_conv_dropout: reader.probability("conformer_conv_dropout", 0.1),
  };
  if (config.conv_depthwise_kernel_size % 2 === 0) {
    reader.fail("conv_depthwise_kernel_size", "an odd number");
  }
  const headSize = config.hidden_size / config.num_attention_heads;
  if (config.position_embeddings_type === "rotary" && headSize % 2 !== 0) {
    reader.fail("num_attention_heads", "heads of an even size for rotary positions");
  }
  return config;
}

/** Unlike elsewhere, null has a meaning of its own here. */
function positionsField(reader: ConfigReader): "relative" | "rotary" | null {
  if (reader.json.position_embeddings_type === null) return null;
  return reader.oneOf("position_embeddings_type", ["relative", "rotary"] as const, "relative");
}

async function load(
  reader: ParameterReader,
  config: Wav2Vec2ConformerConfig,
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
    head: await loadClassificationHead(reader, config),
  };
  for (let i = 0; i < depth; i++) {
    params.layers.push(await loadLayer(base.at("encoder.layers", i), config));
  }
  return params;
}

/** The table of angles is made on the host for each length, so the frequencies are wanted there. */
async function loadFrequencies(
  reader: ParameterReader,
  config: Wav2Vec2ConformerConfig,
): Promise<Float32Array> {
  const half = config.hidden_size / config.num_attention_heads / 2;
  const first = () =>
    Float32Array.from({ length: half }, (_, i) => config.rotary_embedding_base ** (-i / half));
  const stored = await reader.get("inv_freq", [half], first, { trainable: false });
  return await stored.data() as Float32Array;
}

async function loadLayer(
  reader: ParameterReader,
  config: Wav2Vec2ConformerConfig,
): Promise<Wav2Vec2ConformerLayerParams> {
  const { hidden_size: size, intermediate_size: intermediate, hidden_act } = config;
  const norm = (name: string) => loadNorm(reader.at(name), size, NORM_EPS);
  const half = (name: string) =>
    loadFeedForward(
      reader.at(name),
      { size, intermediate, activation: hidden_act },
      { weight: normal(config.initializer_range) },
    );
  return {
    firstNorm: await norm("ffn1_layer_norm"),
    first: await half("ffn1"),
    attentionNorm: await norm("self_attn_layer_norm"),
    attention: await loadAttention(reader.at("self_attn"), config),
    conv: await loadConv(reader.at("conv_module"), config),
    secondNorm: await norm("ffn2_layer_norm"),
    second: await half("ffn2"),
    finalNorm: await norm("final_layer_norm"),
  };
}

async function loadAttention(
  reader: ParameterReader,
  config: Wav2Vec2ConformerConfig,
): Promise<Wav2Vec2ConformerAttentionParams> {
  const { hidden_size: size, num_attention_heads: heads } = config;
  const weight = normal(config.initializer_range);
  const map = (name: string) =>
    loadLinear(reader.at(name), { inputs: size, outputs: size }, { weight });
  const bound = Math.sqrt(6 / (heads + size / heads));
  const bias = (name: string) => reader.get(name, [heads, size / heads], uniform(-bound, bound));
  return {
    query: await map("linear_q"),
    key: await map("linear_k"),
    value: await map("linear_v"),
    output: await map("linear_out"),
    relative: config.position_embeddings_type === "relative"
      ? {
        position: { weight: await reader.weight("linear_pos.weight", [size, size], weight) },
        contentBias: await bias("pos_bias_u"),
        positionBias: await bias("pos_bias_v"),
      }
      : undefined,
  };
}

async function loadConv(
  reader: ParameterReader,
  config: Wav2Vec2ConformerConfig,
): Promise<Wav2Vec2ConformerConvParams> {
  const { hidden_size: size, conv_depthwise_kernel_size: width } = config;
  const plain = { stride: 1, bias: false };
  const pointwise = { inputs: size, width: 1, ...plain };
  const pointwiseTo = (outputs: number) => ({ ...pointwise, outputs, usedAs: [outputs, size] });
  const depthwise = { inputs: 1, outputs: size, width, groups: size, ...plain };
  return {
    norm: await loadNorm(reader.at("layer_norm"), size, NORM_EPS),
    widen: await loadConv1d(reader.at("pointwise_conv1"), pointwiseTo(2 * size)),
    depthwise: await loadConv1d(reader.at("depthwise_conv"), depthwise),
    batchNorm: await loadBatchNorm(reader.at("batch_norm"), size),
    narrow: await loadConv1d(reader.at("pointwise_conv2"), pointwiseTo(size)),
  };
}

/** What attention gets of the positions of T frames. */
interface Positions {
  relative?: {
    /** `[2 T - 1, D]`, a row for each distance from a query to a key, from the farthest before it on. */
    table: Tensor;
    /** `[2 T - 1]`, the row of each distance: its own. */
    index: Tensor;
  };
  /** `[T, D / 2H]` each */
  rotary?: { cos: Tensor; sin: Tensor };
}

/** What a layer needs besides its input. */
interface LayerOptions {
  config: Wav2Vec2ConformerConfig;
  positions: Positions;
  /** `[B]`, the frames of each clip that are no padding. */
  lengths?: Tensor;
  noise?: Noise;
}

function positionsOf(params: Wav2Vec2ConformerParams, frames: number): Positions {
  const { config, frequencies } = params;
  if (frequencies) return { rotary: rotaryAngles(frequencies, frames) };
  if (config.position_embeddings_type === null) return {};
  const distances = 2 * frames - 1;
  return {
    relative: {
      table: sinusoids(frames, config.hidden_size),
      index: tensor1d(Int32Array.from({ length: distances }, (_, i) => i), "int32"),
    },
  };
}

/** Sines in the even columns, cosines in the odd ones; row r is that of `T - 1 - r` frames. **Shape** -> `[2 T - 1, D]` */
function sinusoids(frames: number, size: number): Tensor {
  const rows = 2 * frames - 1;
  const values = new Float32Array(rows * size);
  for (let column = 0; column < size; column += 2) {
    const frequency = Math.fround(Math.exp(-Math.log(10_000) * column / size));
    for (let row = 0; row < rows; row++) {
      const angle = Math.fround((frames - 1 - row) * frequency);
      values[row * size + column] = Math.sin(angle);
      if (column + 1 < size) values[row * size + column + 1] = Math.cos(angle);
    }
  }
  return tensor2d(values, [rows, size]);
}

function rotaryAngles(frequencies: Float32Array, frames: number): { cos: Tensor; sin: Tensor } {
  const half = frequencies.length;
  const angles = Float32Array.from(
    { length: frames * half },
    (_, i) => Math.floor(i / half) * frequencies[i % half]!,
  );
  const table = (body: (angle: number) => number) => tensor2d(angles.map(body), [frames, half]);
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** A feed-forward of half weight, with its norm. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function halfStep(
  norm: NormParams,
  params: FeedForwardParams,
  x: Tensor,
  { config, noise }: LayerOptions,
): Tensor {
  const { activation_dropout: activationDropout, hidden_dropout: hiddenDropout } = config;
  const y = feedForward(params, layerNorm(norm, x), { activationDropout, hiddenDropout, noise });
  return scale(y, 0.5, x);
}

/** **Shape** `x [B, T, D]` -> `[B, T, D]` */
function selfAttention(
  params: Wav2Vec2ConformerAttentionParams,
  x: Tensor,
  { config, positions, lengths, noise }: LayerOptions,
): Tensor {
  const { num_attention_heads: heads, attention_dropout } = config;
  const placed = positions.rotary ? rotary(x, positions.rotary, { heads }) : x;
  const query = linear(params.query, placed);
  const { content, bias } = positions.relative
    ? relativeQuery(params, query, { ...positions.relative, heads })
    : { content: query, bias: undefined };
  const context = attention(content, linear(params.key, placed), linear(params.value, x), {
    heads,
    lengths,
    bias,
    dropoutRate: noise ? attention_dropout : 0,
    dropoutSeed: noise?.seed(),
  });
  return linear(params.output, context);
}

/** The query as it meets keys, and its scores by distance. **Shape** `query [B, T, D]` -> `[B, T, D]`, `[B, H, T, T]` */
function relativeQuery(
  { relative }: Wav2Vec2ConformerAttentionParams,
  query: Tensor,
  { table, index, heads }: { table: Tensor; index: Tensor; heads: number },
): { content: Tensor; bias: Tensor } {
  const { position, contentBias, positionBias } = relative!;
  const size = query.shape[2]!;
  const rows = linear(position, table); // [2 T - 1, D]
  const meetsPositions = addBias(query, reshape(positionBias, [size]));
  return {
    content: addBias(query, reshape(contentBias, [size])),
    bias: relativeScores(meetsPositions, rows, index, {
      heads,
      scale: 1 / Math.sqrt(size / heads),
    }),
  };
}

/** Gate, look at neighbours, mix. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function convModule(
  params: Wav2Vec2ConformerConvParams,
  x: Tensor,
  { config, noise }: LayerOptions,
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

/** A convolution of width 1. **Shape** `x [B, T, C]` -> `[B, T, O]` */
function pointwise({ weight }: Conv1dParams, x: Tensor): Tensor {
  return linearKernel(x, reshapedWeight(weight, weightShape(weight).slice(0, 2)));
}

/** **Shape** `x [B, T, D]` -> `[B, T, D]` */
function conformerLayer(
  params: Wav2Vec2ConformerLayerParams,
  x: Tensor,
  options: LayerOptions,
): Tensor {
  const { config, noise } = options;
  return tidy(() => {
    const widened = halfStep(params.firstNorm, params.first, x, options);
    const normed = layerNorm(params.attentionNorm, widened);
    const context = selfAttention(params.attention, normed, options);
    const attended = dropout(context, config.attention_dropout, noise, widened);
    const convolved = convModule(params.conv, attended, options);
    const y = halfStep(params.secondNorm, params.second, convolved, options);
    return layerNorm(params.finalNorm, y);
  });
}

/** All layers, then the norm. **Shape** `x [B, T, D]` -> L + 1 states `[B, T, D]` */
function encode(
  params: Wav2Vec2ConformerParams,
  x: Tensor,
  { lengths, noise, wrapLayer }: EncodeOptions,
): EncoderStates {
  const { config } = params;
  const options = { config, positions: positionsOf(params, x.shape[1]!), lengths, noise };
  const states = [dropout(x, config.hidden_dropout, noise)];
  const run = wrapLayer?.(conformerLayer) ?? conformerLayer;
  for (const layer of params.layers) {
    const state = states.at(-1)!.clone();
    const skipped = noise?.dropsLayer(config.layerdrop);
    states.push(skipped ? state : run(layer, state, options));
  }
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
  forward: speechForward(encode),
  loadHead: loadClassificationHead,
  convolutions: CONVOLUTIONS,
  classify: ({ head }, features) => classificationHead(head, features),
  frameCentres,
  frames: featureFrames,
  minSamples: receptiveFieldSamples,
  // The convolutions of the layers look into the padding.
  paddingInvariant: () => false,
};
