/**
 * WavLM for audio classification: convolutions from samples to frames, a transformer whose attention knows how far apart
 * frames are, the mean of its states and a linear classifier.
 *
 * Each distance between two frames has a bucket, each bucket a bias per head (one table for all layers, stored with the
 * first), and each frame of each layer a gate that scales its biases.
 *
 * Not here: pre-training, speech recognition, speaker verification.
 *
 * Source: Chen et al. 2022, "WavLM"; names and arithmetic as transformers 5.18 `models/wavlm/modeling_wavlm.py`,
 * checked against the golden cases `wavlm-*`.
 *
 * @module
 */
import { reshape, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { add, attention, gruGate, relativeScores } from "../kernels.ts";
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
import { feedForward } from "../layers/feed_forward.ts";
import { linear, type LinearParams, linears, loadLinear } from "../layers/linear.ts";
import { dropout, type Noise } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import { constant, normal, type ParameterReader } from "../layers/parameters.ts";
import {
  loadPositionalConv,
  positionalConv,
  type PositionalConvParams,
} from "../layers/positional_conv.ts";
import { loadSpecAugment, type SpecAugmentParams } from "../layers/spec_augment.ts";
import type { EncoderStates } from "../layers/transformer_encoder.ts";
import { loadTransformerLayer, type TransformerLayerParams } from "../layers/transformer_layer.ts";
import {
  type PositionalConvFields,
  positionalConvFields,
  type SpeechFields,
  speechFields,
} from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { CONVOLUTIONS, type EncodeOptions, speechPasses } from "./_speech_forward.ts";
import type { Architecture } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface WavlmConfig extends SpeechFields, PositionalConvFields {
  /** Whether norms come before each half of a layer instead of after it. */
  do_stable_layer_norm: boolean;
  /** Buckets of distances, half of them for frames that come later. */
  num_buckets: number;
  /** From this many frames on, all distances share the last bucket. */
  max_bucket_distance: number;
}

/** A layer with its gate: `gate [8, D / H]`, `gateFactor [1, H, 1, 1]`. */
export interface WavlmLayerParams extends TransformerLayerParams {
  gate: LinearParams;
  gateFactor: Tensor;
}

/** All parameters, and the config that they were made for. */
export interface WavlmParams {
  config: WavlmConfig;
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureProjection: FeatureProjectionParams;
  positionalConv: PositionalConvParams;
  norm: NormParams;
  /** `[buckets, H]`; undefined where there is no layer. */
  bucketBiases?: Tensor;
  layers: WavlmLayerParams[];
  head: ClassificationHeadParams;
}

/** What each gate is the sigmoid of a sum of; there are two. */
const GATE_PARTS = 4;

function parseConfig(reader: ConfigReader, classes: number): WavlmConfig {
  const speech = speechFields(reader, classes);
  const buckets = reader.integer("num_buckets", { or: 320, min: 4, max: 65_536 });
  return {
    ...speech,
    ...positionalConvFields(reader, speech.hidden_size),
    do_stable_layer_norm: reader.boolean("do_stable_layer_norm", false),
    num_buckets: buckets,
    max_bucket_distance: reader.integer("max_bucket_distance", {
      or: 800,
      min: exactBuckets(buckets) + 1,
      max: 1e6,
    }),
  };
}

async function load(
  reader: ParameterReader,
  config: WavlmConfig,
  loadHead = (from: ParameterReader) => loadClassificationHead(from, config),
): Promise<WavlmParams> {
  const base = reader.at("wavlm");
  const { hidden_size: size, layer_norm_eps: eps, num_hidden_layers: depth } = config;
  const params: WavlmParams = {
    config,
    specAugment: await loadSpecAugment(base, config),
    featureEncoder: await loadConvFeatureEncoder(base.at("feature_extractor"), config),
    featureProjection: await loadFeatureProjection(base.at("feature_projection"), config),
    positionalConv: await loadPositionalConv(base.at("encoder.pos_conv_embed"), config),
    norm: await loadNorm(base.at("encoder.layer_norm"), size, eps),
    bucketBiases: depth > 0
      ? await base.at("encoder.layers.0.attention.rel_attn_embed").get(
        "weight",
        [config.num_buckets, config.num_attention_heads],
        normal(config.initializer_range),
      )
      : undefined,
    layers: [],
    head: await loadHead(reader),
  };
  for (let i = 0; i < depth; i++) {
    params.layers.push(await loadLayer(base.at("encoder.layers", i), config));
  }
  return params;
}

async function loadLayer(reader: ParameterReader, config: WavlmConfig): Promise<WavlmLayerParams> {
  const { hidden_size: size, num_attention_heads: heads, initializer_range: std } = config;
  const ofAttention = reader.at("attention");
  return {
    ...await loadTransformerLayer(reader, config),
    gate: await loadLinear(
      ofAttention.at("gru_rel_pos_linear"),
      { inputs: size / heads, outputs: 2 * GATE_PARTS },
      { weight: normal(std) },
    ),
    gateFactor: await ofAttention.get("gru_rel_pos_const", [1, heads, 1, 1], constant(1)),
  };
}

/** Distances with a bucket of their own in each direction, the shortest ones. */
function exactBuckets(buckets: number): number {
  return Math.floor(Math.floor(buckets / 2) / 2);
}

/**
 * The bucket of each distance from `1 - frames` to `frames - 1`, key after query being positive: one each for the
 * shortest, then wider by the logarithm. Rounded to single precision after each step, as in the reference: where
 * a bucket ends depends on it.
 */
export function distanceBuckets(
  frames: number,
  config: Pick<WavlmConfig, "num_buckets" | "max_bucket_distance">,
): Int32Array {
  const { fround } = Math;
  const half = Math.floor(config.num_buckets / 2);
  const exact = exactBuckets(config.num_buckets);
  const span = fround(Math.log(config.max_bucket_distance / exact));
  return Int32Array.from({ length: 2 * frames - 1 }, (_, i) => {
    const distance = Math.abs(i - frames + 1);
    const first = i >= frames ? half : 0;
    if (distance < exact) return first + distance;
    const share = fround(fround(Math.log(fround(distance / exact))) / span);
    const bucket = Math.trunc(fround(exact + fround(share * (half - exact))));
    return first + Math.min(bucket, half - 1);
  });
}

/** What a layer needs besides its parameters and its input. */
interface LayerContext {
  config: WavlmConfig;
  /** `[buckets, H]` */
  bucketBiases: Tensor;
  /** `[2 T - 1]` */
  buckets: Tensor;
  lengths?: Tensor;
  noise?: Noise;
}

/**
 * How much each frame makes of the biases of its distances, head by head.
 *
 * **Shape** `x [B, T, D]` -> `[B, T, H]`
 */
function gates({ gate, gateFactor }: WavlmLayerParams, x: Tensor): Tensor {
  const [batch, frames, size] = x.shape as [number, number, number];
  const heads = gateFactor.size;
  return tidy(() => {
    const split = reshape(x, [batch, frames, heads, size / heads]);
    const parts = linear(gate, split); // [B, T, H, 8]
    return gruGate(parts, reshape(gateFactor, [heads]));
  });
}

/** Attention with its dropout and a residual. **Shape** `x`, `residual [B, T, D]` -> `[B, T, D]` */
function attend(
  params: WavlmLayerParams,
  x: Tensor,
  { residual, ...context }: LayerContext & { residual: Tensor },
): Tensor {
  const { config, bucketBiases, buckets, lengths, noise } = context;
  const { query, key, value, output, heads } = params.attention;
  return tidy(() => {
    const bias = relativeScores(gates(params, x), bucketBiases, buckets, { heads }); // [B, H, T, T]
    const [queries, keys, values] = linears([query, key, value], x);
    const mixed = attention(queries!, keys!, values!, {
      heads,
      lengths,
      bias,
      dropoutRate: noise ? config.attention_dropout : 0,
      dropoutSeed: noise?.seed(),
    }); // [B, T, D]
    return linear(output, mixed, { dropoutRate: config.hidden_dropout, noise, residual });
  });
}

/** The feed-forward half with a residual. **Shape** `x`, `residual [B, T, D]` -> `[B, T, D]` */
function widen(
  params: WavlmLayerParams,
  x: Tensor,
  { config, noise, residual }: LayerContext & { residual: Tensor },
): Tensor {
  return feedForward(params.feedForward, x, {
    residual,
    activationDropout: config.activation_dropout,
    hiddenDropout: config.hidden_dropout,
    noise,
  });
}

/** A layer with its norms after each half. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function postNormLayer(params: WavlmLayerParams, x: Tensor, context: LayerContext): Tensor {
  return tidy(() => {
    const attended = layerNorm(params.layerNorm, attend(params, x, { ...context, residual: x }));
    const widened = widen(params, attended, { ...context, residual: attended });
    return layerNorm(params.finalLayerNorm, widened);
  });
}

/** A layer with its norms before each half. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function preNormLayer(params: WavlmLayerParams, x: Tensor, context: LayerContext): Tensor {
  return tidy(() => {
    const attended = attend(params, layerNorm(params.layerNorm, x), { ...context, residual: x });
    const middle = layerNorm(params.finalLayerNorm, attended);
    return widen(params, middle, { ...context, residual: attended });
  });
}

/**
 * Positions, the layers and their one norm; the first layer is never dropped.
 *
 * **Shape** `frames [B, T, D]` -> L + 1 states `[B, T, D]`
 */
function encode(
  { config, positionalConv: positions, norm, layers, bucketBiases }: WavlmParams,
  frames: Tensor,
  { lengths, noise, wrapLayer }: EncodeOptions,
): EncoderStates {
  const x = add(frames, positionalConv(positions, frames));
  const isStable = config.do_stable_layer_norm;
  const buckets = tensor1d(distanceBuckets(x.shape[1]!, config), "int32");
  const states = [dropout(isStable ? x : layerNorm(norm, x), config.hidden_dropout, noise)];
  const layerOf = isStable ? preNormLayer : postNormLayer;
  const run = wrapLayer?.(layerOf) ?? layerOf;
  for (const [i, layer] of layers.entries()) {
    const state = states.at(-1)!.clone();
    const isDropped = noise?.dropsLayer(config.layerdrop) && i > 0;
    const context = { config, bucketBiases: bucketBiases!, buckets, lengths, noise };
    states.push(isDropped ? state : run(layer, state, context));
  }
  return { states, last: isStable ? layerNorm(norm, states.at(-1)!) : states.at(-1)! };
}

/** WavLM as the registry knows it. */
export const wavlm: Architecture<WavlmConfig, WavlmParams> = {
  modelType: "wavlm",
  className: "WavLMForSequenceClassification",
  basePrefix: "wavlm",
  featureEncoderPrefix: "wavlm.feature_extractor.",
  layersPrefix: "wavlm.encoder.layers.",
  behindLayers: ({ do_stable_layer_norm: isStable }) =>
    isStable ? ["wavlm.encoder.layer_norm."] : [],
  parseConfig,
  load,
  ...speechPasses(encode),
  loadHead: loadClassificationHead,
  convolutions: CONVOLUTIONS,
  classify: ({ head }, features) => classificationHead(head, features),
  frameCentres,
  frames: featureFrames,
  minSamples: receptiveFieldSamples,
  paddingInvariant: (config) => config.feat_extract_norm === "layer",
};
