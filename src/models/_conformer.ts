/**
 * What the two conformers share: the order of a layer, feed-forward halves, attention and what it knows of positions.
 *
 * A layer is half a feed-forward, attention, a convolution module and another half. The convolution module is each
 * architecture's own; so is what stands before the layers and behind them.
 *
 * Source: Gulati et al. 2020, "Conformer"; Dai et al. 2019, Su et al. 2021 and Shaw et al. 2018 for the positions;
 * arithmetic as `modeling_wav2vec2_conformer.py` and `modeling_wav2vec2_bert.py` of transformers 5.18.
 *
 * @module
 */
import { reshape, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import {
  addBias,
  attention,
  linear as linearKernel,
  relativeScores,
  reshapedWeight,
  rotary,
  scale,
  weightShape,
} from "../kernels.ts";
import { type Conv1dParams, loadConv1d } from "../layers/conv1d.ts";
import { feedForward, type FeedForwardParams, loadFeedForward } from "../layers/feed_forward.ts";
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import { dropout, type Noise } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import { normal, type ParameterReader, uniform } from "../layers/parameters.ts";
import type { EncoderStates } from "../layers/transformer_encoder.ts";
import { COUNT, type TransformerFields } from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import type { EncodeOptions } from "./_speech_forward.ts";

/** The fields of `config.json` that both have. */
export interface ConformerFields extends TransformerFields {
  /** How attention knows positions; null where it does not. */
  position_embeddings_type: "relative" | "relative_key" | "rotary" | null;
  /** Width of the convolution of the layers; odd. */
  conv_depthwise_kernel_size: number;
  conformer_conv_dropout: number;
  rotary_embedding_base: number;
}

/** The fields beyond a transformer's; `kinds` are the positions that the architecture has, its default first. */
export function conformerFields<Kind extends "relative" | "relative_key" | "rotary">(
  reader: ConfigReader,
  { hidden_size, num_attention_heads }: TransformerFields,
  kinds: readonly [Kind, ...Kind[]],
): Omit<ConformerFields, keyof TransformerFields> & { position_embeddings_type: Kind | null } {
  // Unlike elsewhere, null has a meaning of its own here.
  const kind = reader.json.position_embeddings_type === null
    ? null
    : reader.oneOf("position_embeddings_type", kinds, kinds[0]);
  if (kind === "rotary" && (hidden_size / num_attention_heads) % 2 !== 0) {
    reader.fail("num_attention_heads", "heads of an even size for rotary positions");
  }
  const width = reader.integer("conv_depthwise_kernel_size", { or: 31, ...COUNT });
  if (width % 2 === 0) reader.fail("conv_depthwise_kernel_size", "an odd number");
  return {
    position_embeddings_type: kind,
    rotary_embedding_base: reader.number("rotary_embedding_base", { or: 10_000, min: 1, max: 1e9 }),
    conv_depthwise_kernel_size: width,
    conformer_conv_dropout: reader.probability("conformer_conv_dropout", 0.1),
  };
}

/** Four maps `[D, D]`, and those of relative positions. */
export interface ConformerAttentionParams {
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
  /** `[P, D / H]`, a row for each distance, of all heads. */
  distances?: Tensor;
}

/** The halves of a layer in order, and the norm after them. */
export interface ConformerLayerParams<Conv> {
  firstNorm: NormParams;
  first: FeedForwardParams;
  attentionNorm: NormParams;
  attention: ConformerAttentionParams;
  conv: Conv;
  secondNorm: NormParams;
  second: FeedForwardParams;
  finalNorm: NormParams;
}

/** What differs between the loading of layers. */
export interface ConformerLoading<Conv> {
  /** What the norms add to the variance. */
  eps: number;
  /** Distances that have a row of their own, of positions by key. */
  distances?: number;
  loadConv(reader: ParameterReader): Promise<Conv>;
}

/** Loads `ffn1`, `self_attn`, `conv_module`, `ffn2` and the norms of a layer. */
export async function loadConformerLayer<Conv>(
  reader: ParameterReader,
  config: ConformerFields,
  loading: ConformerLoading<Conv>,
): Promise<ConformerLayerParams<Conv>> {
  const { hidden_size: size, intermediate_size: intermediate, hidden_act } = config;
  const norm = (name: string) => loadNorm(reader.at(name), size, loading.eps);
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
    attention: await loadAttention(reader.at("self_attn"), config, loading.distances),
    conv: await loading.loadConv(reader.at("conv_module")),
    secondNorm: await norm("ffn2_layer_norm"),
    second: await half("ffn2"),
    finalNorm: await norm("final_layer_norm"),
  };
}

async function loadAttention(
  reader: ParameterReader,
  config: ConformerFields,
  distances: number | undefined,
): Promise<ConformerAttentionParams> {
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
    distances: distances === undefined
      ? undefined
      : await reader.get("distance_embedding.weight", [distances, size / heads], weight),
  };
}

/** The convolutions of the module without its norms: `widen [2 D, D, 1]`, `depthwise [D, 1, K]`, `narrow [D, D, 1]`. */
export interface ConformerConvolutions {
  widen: Conv1dParams;
  depthwise: Conv1dParams;
  narrow: Conv1dParams;
}

/** Loads one of `pointwise_conv1`, `depthwise_conv` and `pointwise_conv2`, by what it does. */
export function convolutionLoader(
  reader: ParameterReader,
  config: ConformerFields,
): (part: keyof ConformerConvolutions) => Promise<Conv1dParams> {
  const { hidden_size: size, conv_depthwise_kernel_size: width } = config;
  const plain = { stride: 1, bias: false };
  const pointwise = { inputs: size, width: 1, ...plain };
  const pointwiseTo = (outputs: number) => ({ ...pointwise, outputs, usedAs: [outputs, size] });
  const convolutions = {
    widen: { name: "pointwise_conv1", sizes: pointwiseTo(2 * size) },
    depthwise: {
      name: "depthwise_conv",
      sizes: { inputs: 1, outputs: size, width, groups: size, ...plain },
    },
    narrow: { name: "pointwise_conv2", sizes: pointwiseTo(size) },
  };
  return (part) => {
    const { name, sizes } = convolutions[part];
    return loadConv1d(reader.at(name), sizes);
  };
}

/** What attention gets of the positions of T frames. */
export interface Positions {
  relative?: {
    /** `[2 T - 1, D]`, a row for each distance from a query to a key, from the farthest before it on. */
    table: Tensor;
    /** `[2 T - 1]`, the row of each distance: its own. */
    index: Tensor;
  };
  /** `[T, D / 2H]` each */
  rotary?: { cos: Tensor; sin: Tensor };
  byKey?: {
    /** `[2 T - 1]`, the row of each distance from a query to a key, the farthest ones sharing one. */
    index: Tensor;
    /** `[D, D / H]`, an identity below the other, which gives each head the rows. */
    forHeads: Tensor;
  };
}

/** What a layer needs besides its input. */
export interface ConformerLayerOptions {
  config: ConformerFields;
  positions: Positions;
  /** `[B]`, the frames of each clip that are no padding. */
  lengths?: Tensor;
  /** `[B, T]`, 1 where a frame is padding, for a convolution that is not to see it. */
  padding?: Tensor;
  noise?: Noise;
}

/** Positions as the sines of distances. */
export function relativePositions(frames: number, size: number): Positions {
  const distances = 2 * frames - 1;
  return {
    relative: {
      table: sinusoids(frames, size),
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

/** Positions as turns, by the frequencies of half a head. */
export function rotaryPositions(frequencies: Float32Array, frames: number): Positions {
  const half = frequencies.length;
  const angles = Float32Array.from(
    { length: frames * half },
    (_, i) => Math.floor(i / half) * frequencies[i % half]!,
  );
  const table = (body: (angle: number) => number) => tensor2d(angles.map(body), [frames, half]);
  return { rotary: { cos: table(Math.cos), sin: table(Math.sin) } };
}

/** The frequencies that the config says. **Shape** -> `[D / 2H]` */
export function rotaryFrequencies(config: ConformerFields): Float32Array {
  const { rotary_embedding_base: base } = config;
  const half = config.hidden_size / config.num_attention_heads / 2;
  return Float32Array.from({ length: half }, (_, i) => base ** (-i / half));
}

/** A feed-forward of half weight, with its norm. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function halfStep(
  norm: NormParams,
  params: FeedForwardParams,
  x: Tensor,
  { config, noise }: ConformerLayerOptions,
): Tensor {
  const { activation_dropout: activationDropout, hidden_dropout: hiddenDropout } = config;
  const y = feedForward(params, layerNorm(norm, x), { activationDropout, hiddenDropout, noise });
  return scale(y, 0.5, x);
}

/** **Shape** `x [B, T, D]` -> `[B, T, D]` */
function selfAttention(
  params: ConformerAttentionParams,
  x: Tensor,
  { config, positions, lengths, noise }: ConformerLayerOptions,
): Tensor {
  const { num_attention_heads: heads, attention_dropout } = config;
  const placed = positions.rotary ? rotary(x, positions.rotary, { heads }) : x;
  const query = linear(params.query, placed);
  const { content, bias } = placedQuery(params, query, positions, heads);
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
function placedQuery(
  { relative, distances }: ConformerAttentionParams,
  query: Tensor,
  positions: Positions,
  heads: number,
): { content: Tensor; bias?: Tensor } {
  const size = query.shape[2]!;
  const asScores = { heads, scale: 1 / Math.sqrt(size / heads) };
  if (positions.byKey) {
    const { index, forHeads } = positions.byKey;
    const rows = linearKernel(distances!, forHeads); // [P, D]
    return { content: query, bias: relativeScores(query, rows, index, asScores) };
  }
  if (!positions.relative) return { content: query };
  const { table, index } = positions.relative;
  const { position, contentBias, positionBias } = relative!;
  const rows = linear(position, table); // [2 T - 1, D]
  const meetsPositions = addBias(query, reshape(positionBias, [size]));
  return {
    content: addBias(query, reshape(contentBias, [size])),
    bias: relativeScores(meetsPositions, rows, index, asScores),
  };
}

/** A convolution of width 1. **Shape** `x [B, T, C]` -> `[B, T, O]` */
export function pointwise({ weight }: Conv1dParams, x: Tensor): Tensor {
  return linearKernel(x, reshapedWeight(weight, weightShape(weight).slice(0, 2)));
}

/** A convolution module with its residual. **Shape** `x [B, T, D]` -> `[B, T, D]` */
type ConvModule<Conv> = (params: Conv, x: Tensor, options: ConformerLayerOptions) => Tensor;

/** The layer around a convolution module. **Shape** `x [B, T, D]` -> `[B, T, D]` */
export function conformerLayer<Conv>(convModule: ConvModule<Conv>) {
  return (
    params: ConformerLayerParams<Conv>,
    x: Tensor,
    options: ConformerLayerOptions,
  ): Tensor => {
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
  };
}

/** All layers. **Shape** `x [B, T, D]` -> L + 1 states `[B, T, D]` */
export function conformerStates<Conv>(
  layers: readonly ConformerLayerParams<Conv>[],
  x: Tensor,
  layerOf: ReturnType<typeof conformerLayer<Conv>>,
  { wrapLayer, ...options }: ConformerLayerOptions & Pick<EncodeOptions, "wrapLayer">,
): EncoderStates["states"] {
  const { config, noise } = options;
  const states = [dropout(x, config.hidden_dropout, noise)];
  const run = wrapLayer?.(layerOf) ?? layerOf;
  for (const layer of layers) {
    const state = states.at(-1)!.clone();
    const skipped = noise?.dropsLayer(config.layerdrop);
    states.push(skipped ? state : run(layer, state, options));
  }
  return states;
}
