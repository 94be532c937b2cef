/**
 * SEW-D for audio classification: convolutions from samples to frames, a transformer with disentangled attention over half
 * as many (or fewer) frames, stretched to their full number again, the mean of its states and a linear classifier.
 *
 * Disentangled: besides the product of query and key, a score holds that of the query with the key of their distance,
 * and that of the key with the query of it; the distances are embeddings that all layers share.
 *
 * A weighted layer sum sees the squeezed states, so that the stretching takes no part; with a mask, its mean then counts
 * as many frames as before squeezing, padding among them. In training, the reference masks frames of padding as well,
 * since it does not tell SpecAugment the lengths. This file does the same in all three.
 *
 * Not here: pre-training, speech recognition, and what no published config asks for (`conv_kernel_size`).
 *
 * Source: Wu et al. 2021, "Performance-Efficiency Trade-offs in Unsupervised Pre-training"; He et al. 2021, "DeBERTa", for
 * the attention; names and arithmetic as transformers 5.18 `models/sew_d/modeling_sew_d.py`, checked against the golden
 * cases `sew-d*`.
 *
 * @module
 */
import { reshape, slice, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import {
  type Activation,
  add,
  attention,
  isRecording,
  relativeScores,
  rowsAreStable,
} from "../kernels.ts";
import {
  classificationHead,
  type ClassificationHeadConfig,
  type ClassificationHeadParams,
  loadClassificationHead,
  pooledStates,
} from "../layers/classification_head.ts";
import {
  convFeatureEncoder,
  type ConvFeatureEncoderConfig,
  type ConvFeatureEncoderParams,
  featureFrames,
  frameCentres,
  loadConvFeatureEncoder,
  receptiveFieldSamples,
} from "../layers/conv_feature_encoder.ts";
import { feedForward, type FeedForwardParams } from "../layers/feed_forward.ts";
import { linear, type LinearParams, linears, loadLinear } from "../layers/linear.ts";
import { dropout, type Noise } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import { clearPadding } from "../layers/padding.ts";
import { constant, normal, type ParameterReader } from "../layers/parameters.ts";
import {
  loadSpecAugment,
  specAugment,
  type SpecAugmentConfig,
  type SpecAugmentParams,
} from "../layers/spec_augment.ts";
import {
  loadSqueeze,
  squeezedLengths,
  squeezeFrames,
  type SqueezeParams,
  stretchFrames,
} from "../layers/squeeze.ts";
import type { LayerWrapper } from "../layers/tensor.ts";
import {
  activationField,
  convFeatureEncoderFields,
  DEPTH,
  divisor,
  headFields,
  type PositionalConvFields,
  positionalConvFields,
  SIZE,
  specAugmentFields,
  WIDE,
} from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { asked, CONVOLUTIONS } from "./_speech_forward.ts";
import type { Architecture, ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";

/** Which products with distances a score holds. */
export type PositionScore = "c2p" | "p2c";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface SewDConfig
  extends
    ConvFeatureEncoderConfig,
    PositionalConvFields,
    SpecAugmentConfig,
    ClassificationHeadConfig {
  /** Frames that become one for the transformer. */
  squeeze_factor: number;
  feat_proj_dropout: number;
  feature_layer_norm_eps: number;
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
  hidden_act: Activation;
  layer_norm_eps: number;
  initializer_range: number;
  attention_dropout: number;
  activation_dropout: number;
  relative_attention: boolean;
  pos_att_type: PositionScore[];
  /** Whether distances go through the layer's own query and key maps. */
  share_att_key: boolean;
  /** Buckets in each direction; 0 where each distance has its own. */
  position_buckets: number;
  /** From this many frames on, all distances share the last bucket. */
  max_relative_positions: number;
  /** Whether the embeddings of distances are normalised. */
  normalizesPositions: boolean;
}

/** `query`, `key`, `value`, `output`, all `[D, D]`, and the maps of distances where they are not the same. */
export interface SewDAttentionParams {
  query: LinearParams;
  key: LinearParams;
  value: LinearParams;
  positionKey?: LinearParams;
  positionQuery?: LinearParams;
  output: LinearParams;
  norm: NormParams;
}

/** A layer: attention and feed-forward, each with its norm behind it. */
export interface SewDLayerParams {
  attention: SewDAttentionParams;
  feedForward: FeedForwardParams;
  norm: NormParams;
}

/** `embeddings [2 span, D]` of distances, where attention is relative, and their norm, which is stored in any case. */
export interface SewDPositionParams {
  embeddings?: Tensor;
  norm?: NormParams;
}

/** All parameters, and the config that they were made for. */
export interface SewDParams {
  config: SewDConfig;
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureNorm: NormParams;
  /** `[D, C]`; undefined where the features have the hidden size already. */
  featureProjection?: LinearParams;
  squeeze: SqueezeParams;
  positions: SewDPositionParams;
  layers: SewDLayerParams[];
  head: ClassificationHeadParams;
}

const CONV_DIM = [64, 128, 128, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512];
const CONV_KERNEL = [10, 3, 1, 3, 1, 3, 1, 3, 1, 2, 1, 2, 1];
const CONV_STRIDE = [5, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1];
const MAX_POSITIONS = 65_536;

function parseConfig(reader: ConfigReader, classes: number): SewDConfig {
  if (Number(reader.json.conv_kernel_size ?? 0) > 0) reader.fail("conv_kernel_size", "0");
  const hidden_size = reader.integer("hidden_size", { or: 768, ...SIZE });
  return {
    ...convFeatureEncoderFields(reader, {
      conv_dim: CONV_DIM,
      conv_kernel: CONV_KERNEL,
      conv_stride: CONV_STRIDE,
    }),
    ...positionalConvFields(reader, hidden_size),
    ...specAugmentFields(reader),
    ...headFields(reader, classes),
    squeeze_factor: reader.integer("squeeze_factor", { or: 2, min: 1, max: 64 }),
    feat_proj_dropout: reader.probability("feat_proj_dropout", 0),
    feature_layer_norm_eps: reader.number("feature_layer_norm_eps", { or: 1e-5, min: 0, max: 1 }),
    hidden_size,
    num_hidden_layers: reader.integer("num_hidden_layers", { or: 12, ...DEPTH }),
    num_attention_heads: divisor(reader, "num_attention_heads", { of: hidden_size, or: 12 }),
    intermediate_size: reader.integer("intermediate_size", { or: 3072, ...WIDE }),
    hidden_act: activationField(reader, "hidden_act"),
    layer_norm_eps: reader.number("layer_norm_eps", { or: 1e-7, min: 0, max: 1 }),
    initializer_range: reader.number("initializer_range", { or: 0.02, min: 0, max: 10 }),
    attention_dropout: reader.probability("attention_dropout", 0.1),
    activation_dropout: reader.probability("activation_dropout", 0.1),
    ...positionFields(reader),
  };
}

type PositionFields = Pick<
  SewDConfig,
  | "relative_attention"
  | "pos_att_type"
  | "share_att_key"
  | "position_buckets"
  | "max_relative_positions"
  | "normalizesPositions"
>;

function positionFields(reader: ConfigReader): PositionFields {
  const buckets = reader.integer("position_buckets", { or: 256, min: -1, max: MAX_POSITIONS });
  // Half of one bucket is none, by which the reference divides.
  if (buckets === 1) reader.fail("position_buckets", "none or at least 2");
  const limits = { or: 512, min: 1, max: MAX_POSITIONS };
  const positions = reader.integer("max_position_embeddings", limits);
  const own = reader.integer("max_relative_positions", { ...limits, or: -1, min: -1 });
  const most = own < 1 ? positions : own;
  const kinds = reader.json.pos_att_type ?? ["p2c", "c2p"];
  if (!Array.isArray(kinds) || !kinds.every((kind) => kind === "p2c" || kind === "c2p")) {
    reader.fail("pos_att_type", `a list of "p2c" and "c2p"`);
  }
  const norms = String(reader.json.norm_rel_ebd ?? "layer_norm").toLowerCase().split("|");
  return {
    relative_attention: reader.boolean("relative_attention", true),
    pos_att_type: kinds as PositionScore[],
    share_att_key: reader.boolean("share_att_key", true),
    position_buckets: Math.max(0, buckets),
    max_relative_positions: most,
    normalizesPositions: norms.some((norm) => norm.trim() === "layer_norm"),
  };
}

async function load(reader: ParameterReader, config: SewDConfig): Promise<SewDParams> {
  const base = reader.at("sew_d");
  const { hidden_size: size, num_hidden_layers: depth } = config;
  const features = config.conv_dim.at(-1)!;
  const transformer = base.at("encoder.encoder");
  const params: SewDParams = {
    config,
    specAugment: await loadSpecAugment(base, config),
    featureEncoder: await loadConvFeatureEncoder(base.at("feature_extractor"), config, {
      bias: constant(0),
    }),
    featureNorm: await loadNorm(base.at("layer_norm"), features, config.feature_layer_norm_eps),
    featureProjection: features === size ? undefined : await loadLinear(
      base.at("feature_projection"),
      { inputs: features, outputs: size },
      { weight: normal(config.initializer_range) },
    ),
    squeeze: await loadSqueeze(base.at("encoder"), config),
    positions: await loadPositions(transformer, config),
    layers: [],
    head: await loadClassificationHead(reader, config),
  };
  for (let i = 0; i < depth; i++) {
    params.layers.push(await loadLayer(transformer.at("layer", i), config));
  }
  return params;
}

async function loadPositions(
  reader: ParameterReader,
  config: SewDConfig,
): Promise<SewDPositionParams> {
  const { hidden_size: size } = config;
  return {
    embeddings: config.relative_attention
      ? await reader.get(
        "rel_embeddings.weight",
        [2 * spanOf(config), size],
        normal(config.initializer_range),
      )
      : undefined,
    norm: config.normalizesPositions
      ? await loadNorm(reader.at("LayerNorm"), size, config.layer_norm_eps)
      : undefined,
  };
}

async function loadLayer(reader: ParameterReader, config: SewDConfig): Promise<SewDLayerParams> {
  const { hidden_size: size, intermediate_size: wide, layer_norm_eps: eps } = config;
  const init = { weight: normal(config.initializer_range) };
  const ofOutput = reader.at("output");
  return {
    attention: await loadAttention(reader.at("attention"), config),
    feedForward: {
      intermediate: await loadLinear(
        reader.at("intermediate.dense"),
        { inputs: size, outputs: wide },
        init,
      ),
      output: await loadLinear(ofOutput.at("dense"), { inputs: wide, outputs: size }, init),
      activation: config.hidden_act,
    },
    norm: await loadNorm(ofOutput.at("LayerNorm"), size, eps),
  };
}

async function loadAttention(
  reader: ParameterReader,
  config: SewDConfig,
): Promise<SewDAttentionParams> {
  const { hidden_size: size, pos_att_type: kinds } = config;
  const map = (name: string): Promise<LinearParams> =>
    loadLinear(
      reader.at(name),
      { inputs: size, outputs: size },
      { weight: normal(config.initializer_range) },
    );
  const hasOwnMaps = config.relative_attention && !config.share_att_key;
  const [hasKey, hasQuery] = [kinds.includes("c2p"), kinds.includes("p2c")];
  return {
    query: await map("self.query_proj"),
    key: await map("self.key_proj"),
    value: await map("self.value_proj"),
    positionKey: hasOwnMaps && hasKey ? await map("self.pos_key_proj") : undefined,
    positionQuery: hasOwnMaps && hasQuery ? await map("self.pos_query_proj") : undefined,
    output: await map("output.dense"),
    norm: await loadNorm(reader.at("output.LayerNorm"), size, config.layer_norm_eps),
  };
}

/** Embeddings in each direction. */
function spanOf({ position_buckets, max_relative_positions }: SewDConfig): number {
  return position_buckets > 0 ? position_buckets : max_relative_positions;
}

/** Distances with a bucket of their own in each direction, the shortest ones. */
function halfOf(buckets: number): number {
  return Math.floor(buckets / 2);
}

/**
 * The embedding of each distance from `1 - frames` to `frames - 1`, key after query being positive: one each for the
 * shortest, then shared by the logarithm. Rounded to single precision after each step, as in the reference: where
 * a bucket ends depends on it. Where `max_relative_positions` leaves nothing to share, longer distances go back to
 * buckets of shorter ones, as they do there.
 */
export function distancePositions(
  frames: number,
  config: Pick<SewDConfig, "position_buckets" | "max_relative_positions">,
): Int32Array {
  const span = spanOf(config as SewDConfig);
  const bucketOf = config.position_buckets > 0 ? logBucket(config) : (distance: number) => distance;
  return Int32Array.from({ length: 2 * frames - 1 }, (_, i) => {
    const back = frames - 1 - i;
    const bucket = Math.sign(back) * bucketOf(Math.abs(back));
    // The reference converts what is no number to the least integer.
    if (!Number.isFinite(bucket)) return 0;
    return Math.min(Math.max(bucket + span, 0), 2 * span - 1);
  });
}

function logBucket(
  config: Pick<SewDConfig, "position_buckets" | "max_relative_positions">,
): (distance: number) => number {
  const { fround } = Math;
  const half = halfOf(config.position_buckets);
  const whole = fround(Math.log(fround((config.max_relative_positions - 1) / half)));
  return (distance) => {
    if (distance <= half) return distance;
    const share = fround(fround(Math.log(fround(distance / half))) / whole);
    return Math.ceil(fround(share * (half - 1))) + half;
  };
}

/** **Shape** `features [B, T, C]` -> `[B, T, D]` */
function project(
  { config, featureNorm, featureProjection }: SewDParams,
  features: Tensor,
  noise?: Noise,
): Tensor {
  return tidy(() => {
    const normed = layerNorm(featureNorm, features);
    const projected = featureProjection ? linear(featureProjection, normed) : normed;
    return dropout(projected, config.feat_proj_dropout, noise);
  });
}

/** What a layer needs besides its parameters and its input. */
interface LayerContext {
  config: SewDConfig;
  /** `embeddings [2 span, D]` and the `index [2 T - 1]` of each distance; undefined without relative attention. */
  positions?: { embeddings: Tensor; index: Tensor };
  lengths?: Tensor;
  noise?: Noise;
}

/**
 * The scores of distances, if there are any.
 *
 * **Shape** `query`, `key [B, T, D]` -> `[B, H, T, T]`
 */
function distanceScores(
  params: SewDAttentionParams,
  { query, key }: { query: Tensor; key: Tensor },
  { config, positions, noise, scale }: LayerContext & { scale: number },
): Tensor | undefined {
  const { pos_att_type: kinds, num_attention_heads: heads } = config;
  if (!positions || kinds.length === 0) return undefined;
  const embeddings = dropout(positions.embeddings, config.activation_dropout, noise);
  const scores = [...new Set(kinds)].map((kind) => {
    const map = kind === "c2p"
      ? params.positionKey ?? params.key
      : params.positionQuery ?? params.query;
    const owner = kind === "c2p" ? "query" : "key";
    const options = { heads, scale, owner } as const;
    return relativeScores(
      kind === "c2p" ? query : key,
      linear(map, embeddings),
      positions.index,
      options,
    );
  });
  return scores.reduce((a, b) => add(a, b));
}

/** Attention, dropout, residual and norm. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function attend(params: SewDAttentionParams, x: Tensor, context: LayerContext): Tensor {
  const { config, lengths, noise } = context;
  const { num_attention_heads: heads, hidden_size: size, pos_att_type: kinds } = config;
  return tidy(() => {
    const scale = 1 / Math.sqrt(size / heads * (1 + new Set(kinds).size));
    const [query, key, value] = linears([params.query, params.key, params.value], x);
    const mixed = attention(query!, key!, value!, {
      heads,
      scale,
      lengths,
      bias: distanceScores(params, { query: query!, key: key! }, { ...context, scale }),
      dropoutRate: noise ? config.attention_dropout : 0,
      dropoutSeed: noise?.seed(),
    }); // [B, T, D]
    const dropped = { dropoutRate: config.activation_dropout, noise };
    return layerNorm(params.norm, linear(params.output, mixed, { ...dropped, residual: x }));
  });
}

/** **Shape** `x [B, T, D]` -> `[B, T, D]` */
function layerOf(params: SewDLayerParams, x: Tensor, context: LayerContext): Tensor {
  const { config, noise } = context;
  return tidy(() => {
    const attended = attend(params.attention, x, context);
    const widened = feedForward(params.feedForward, attended, {
      residual: attended,
      activationDropout: 0,
      hiddenDropout: config.activation_dropout,
      noise,
    });
    return layerNorm(params.norm, widened);
  });
}

/**
 * The embeddings of the distances in an index, and the index among these. Every layer maps them all, which costs a
 * short clip more than the rest of a layer. Training keeps all: their gradients and noise have a place each.
 */
function occurring(
  embeddings: Tensor,
  index: Int32Array,
): { embeddings: Tensor; index: Int32Array } {
  if (isRecording() || !rowsAreStable()) return { embeddings, index };
  const [from, to] = [Math.min(...index), Math.max(...index) + 1];
  const [rows, size] = embeddings.shape as [number, number];
  const some = slice(reshape(embeddings, [1, rows, size]), [0, from, 0], [1, to - from, size]);
  return {
    embeddings: reshape(some, [to - from, size]),
    index: index.map((position) => position - from),
  };
}

/** What the encoder needs besides its parameters and its input. */
interface EncodeOptions {
  lengths?: Tensor;
  noise?: Noise;
  wrapLayer?: LayerWrapper;
}

/** The input of the first layer, then the output of each. **Shape** `x [B, T, D]` -> L + 1 of `[B, T, D]` */
function encode(
  { config, positions, layers }: SewDParams,
  x: Tensor,
  { lengths, noise, wrapLayer }: EncodeOptions,
): Tensor[] {
  const { embeddings, norm } = positions;
  const found = embeddings && occurring(embeddings, distancePositions(x.shape[1]!, config));
  const context: LayerContext = {
    config,
    positions: found && {
      embeddings: norm ? layerNorm(norm, found.embeddings) : found.embeddings,
      index: tensor1d(found.index, "int32"),
    },
    lengths,
    noise,
  };
  const states = [x];
  const run = wrapLayer?.(layerOf) ?? layerOf;
  for (const layer of layers) states.push(run(layer, states.at(-1)!.clone(), context));
  return states;
}

function forward(
  params: SewDParams,
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
    const states = encode(params, squeezed, {
      lengths: valid && tensor1d(valid, "int32"),
      noise,
      wrapLayer,
    });
    const stretched = stretchFrames(squeeze, states.at(-1)!, frames); // [B, T, D]
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

/** SEW-D as the registry knows it. */
export const sewD: Architecture<SewDConfig, SewDParams> = {
  modelType: "sew-d",
  className: "SEWDForSequenceClassification",
  basePrefix: "sew_d",
  featureEncoderPrefix: "sew_d.feature_extractor.",
  layersPrefix: "sew_d.encoder.encoder.layer.",
  attentionProjections: {
    q_proj: "attention.self.query_proj",
    k_proj: "attention.self.key_proj",
    v_proj: "attention.self.value_proj",
    out_proj: "attention.output.dense",
  },
  behindLayers: () => ["sew_d.encoder.upsample."],
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
