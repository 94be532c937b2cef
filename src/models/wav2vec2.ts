/**
 * Wav2Vec2 for audio classification: convolutions from samples to frames, a transformer over frames, the mean of its
 * states and a linear classifier.
 *
 * Not here: pre-training, speech recognition, the convolutional adapter (`add_adapter`), which the reference refuses for
 * classification too.
 *
 * Source: Baevski et al. 2020, "wav2vec 2.0"; names and arithmetic as transformers 5.18
 * `models/wav2vec2/modeling_wav2vec2.py`, checked against the golden cases `wav2vec2-*`.
 *
 * @module
 */
import { type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { type Activation, add, maskChannels, maskFrames } from "../kernels.ts";
import {
  classificationHead,
  type ClassificationHeadParams,
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
import { feedForward, type FeedForwardParams, loadFeedForward } from "../layers/feed_forward.ts";
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import {
  type AttentionParams,
  loadAttention,
  multiHeadAttention,
} from "../layers/multi_head_attention.ts";
import { dropout, type Noise } from "../layers/noise.ts";
import { layerNorm, loadNorm, type NormParams } from "../layers/norm.ts";
import { normal, type ParameterReader, uniform } from "../layers/parameters.ts";
import {
  loadPositionalConv,
  positionalConv,
  type PositionalConvParams,
} from "../layers/positional_conv.ts";
import { spanMask } from "../layers/spec_augment.ts";
import type { ConfigReader } from "./_config_reader.ts";
import type { Architecture, ForwardOptions, ModelInputs, ModelOutput } from "./architecture.ts";

/** The fields of `config.json` that the model uses, under the hub's names. */
export interface Wav2Vec2Config extends ConvFeatureEncoderConfig {
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
  hidden_act: Activation;
  num_conv_pos_embeddings: number;
  num_conv_pos_embedding_groups: number;
  /** Whether norms come before each half of a layer instead of after it. */
  do_stable_layer_norm: boolean;
  layer_norm_eps: number;
  /** Width of the attention adapters, if there are any. */
  adapter_attn_dim?: number;
  use_weighted_layer_sum: boolean;
  /** Whether the weighted sum sees the last state after the final norm, as before transformers 5. */
  weightedSumAfterNorm: boolean;
  classifier_proj_size: number;
  initializer_range: number;
  classes: number;
  feat_proj_dropout: number;
  hidden_dropout: number;
  attention_dropout: number;
  activation_dropout: number;
  layerdrop: number;
  apply_spec_augment: boolean;
  mask_time_prob: number;
  mask_time_length: number;
  mask_time_min_masks: number;
  mask_feature_prob: number;
  mask_feature_length: number;
  mask_feature_min_masks: number;
}

/** One transformer layer; `adapter` only in stable layers of checkpoints that have them. */
export interface Wav2Vec2LayerParams {
  attention: AttentionParams;
  layerNorm: NormParams;
  feedForward: FeedForwardParams;
  finalLayerNorm: NormParams;
  adapter?: { norm: NormParams; down: LinearParams; up: LinearParams };
}

/** All parameters, and the config that they were made for. */
export interface Wav2Vec2Params {
  config: Wav2Vec2Config;
  featureEncoder: ConvFeatureEncoderParams;
  projectionNorm: NormParams;
  projection: LinearParams;
  /** `[D]`, in place of masked frames. */
  maskedSpecEmbed?: Tensor;
  positionalConv: PositionalConvParams;
  encoderNorm: NormParams;
  layers: Wav2Vec2LayerParams[];
  head: ClassificationHeadParams;
}

const SIZE = { min: 1, max: 16_384 };
const COUNT = { min: 1, max: 1_024 };

function parseConfig(reader: ConfigReader, classes: number): Wav2Vec2Config {
  if (reader.boolean("add_adapter", false)) reader.fail("add_adapter", "false for classification");
  const config: Wav2Vec2Config = {
    conv_dim: reader.integers("conv_dim", { or: [512, 512, 512, 512, 512, 512, 512], ...SIZE }),
    conv_kernel: reader.integers("conv_kernel", { or: [10, 3, 3, 3, 3, 2, 2], ...COUNT }),
    conv_stride: reader.integers("conv_stride", { or: [5, 2, 2, 2, 2, 2, 2], ...COUNT }),
    conv_bias: reader.boolean("conv_bias", false),
    feat_extract_norm: reader.oneOf("feat_extract_norm", ["group", "layer"], "group"),
    hidden_size: reader.integer("hidden_size", { or: 768, ...SIZE }),
    num_hidden_layers: reader.integer("num_hidden_layers", { or: 12, min: 0, max: 256 }),
    num_attention_heads: reader.integer("num_attention_heads", { or: 12, ...COUNT }),
    intermediate_size: reader.integer("intermediate_size", { or: 3072, min: 1, max: 65_536 }),
    hidden_act: reader.oneOf("hidden_act", ["gelu", "relu"], "gelu"),
    num_conv_pos_embeddings: reader.integer("num_conv_pos_embeddings", { or: 128, ...COUNT }),
    num_conv_pos_embedding_groups: reader.integer("num_conv_pos_embedding_groups", {
      or: 16,
      ...COUNT,
    }),
    do_stable_layer_norm: reader.boolean("do_stable_layer_norm", false),
    layer_norm_eps: reader.number("layer_norm_eps", { or: 1e-5, min: 0, max: 1 }),
    adapter_attn_dim: reader.has("adapter_attn_dim")
      ? reader.integer("adapter_attn_dim", SIZE)
      : undefined,
    use_weighted_layer_sum: reader.boolean("use_weighted_layer_sum", false),
    weightedSumAfterNorm: Number.parseInt(String(reader.json.transformers_version ?? "5")) < 5,
    classifier_proj_size: reader.integer("classifier_proj_size", { or: 256, ...SIZE }),
    initializer_range: reader.number("initializer_range", { or: 0.02, min: 0, max: 10 }),
    classes,
    feat_proj_dropout: reader.share("feat_proj_dropout", 0),
    hidden_dropout: reader.share("hidden_dropout", 0.1),
    attention_dropout: reader.share("attention_dropout", 0.1),
    activation_dropout: reader.share("activation_dropout", 0.1),
    layerdrop: reader.share("layerdrop", 0.1),
    apply_spec_augment: reader.boolean("apply_spec_augment", true),
    mask_time_prob: reader.share("mask_time_prob", 0.05),
    mask_time_length: reader.integer("mask_time_length", { or: 10, min: 1, max: 1e6 }),
    mask_time_min_masks: reader.integer("mask_time_min_masks", { or: 2, min: 0, max: 1e6 }),
    mask_feature_prob: reader.share("mask_feature_prob", 0),
    mask_feature_length: reader.integer("mask_feature_length", { or: 10, min: 1, max: 1e6 }),
    mask_feature_min_masks: reader.integer("mask_feature_min_masks", { or: 0, min: 0, max: 1e6 }),
  };
  checkSizes(reader, config);
  return config;
}

function checkSizes(reader: ConfigReader, config: Wav2Vec2Config): void {
  const convolutions = config.conv_dim.length;
  for (const key of ["conv_kernel", "conv_stride"] as const) {
    if (config[key].length !== convolutions) reader.fail(key, `${convolutions} numbers`);
  }
  const divisors = ["num_attention_heads", "num_conv_pos_embedding_groups"] as const;
  for (const key of divisors) {
    if (config.hidden_size % config[key] !== 0) {
      reader.fail(key, `a divisor of hidden_size ${config.hidden_size}`);
    }
  }
}

async function load(reader: ParameterReader, config: Wav2Vec2Config): Promise<Wav2Vec2Params> {
  const base = reader.at("wav2vec2");
  const { hidden_size: size, layer_norm_eps: eps } = config;
  const features = config.conv_dim.at(-1)!;
  const bound = 1 / Math.sqrt(features);
  const masks = config.mask_time_prob > 0 || config.mask_feature_prob > 0;
  const layers: Wav2Vec2LayerParams[] = [];
  const params: Wav2Vec2Params = {
    config,
    maskedSpecEmbed: masks ? await base.get("masked_spec_embed", [size], uniform(0, 1)) : undefined,
    featureEncoder: await loadConvFeatureEncoder(base.at("feature_extractor"), config),
    projectionNorm: await loadNorm(base.at("feature_projection.layer_norm"), features, eps),
    projection: await loadLinear(
      base.at("feature_projection.projection"),
      { inputs: features, outputs: size },
      { weight: uniform(-bound, bound), bias: uniform(-bound, bound) },
    ),
    positionalConv: await loadPositionalConv(base.at("encoder.pos_conv_embed"), {
      size,
      width: config.num_conv_pos_embeddings,
      groups: config.num_conv_pos_embedding_groups,
    }),
    encoderNorm: await loadNorm(base.at("encoder.layer_norm"), size, eps),
    layers,
    head: await loadClassificationHead(reader, {
      size,
      projection: config.classifier_proj_size,
      classes: config.classes,
      states: config.use_weighted_layer_sum ? config.num_hidden_layers + 1 : undefined,
      initializerRange: config.initializer_range,
    }),
  };
  for (let i = 0; i < config.num_hidden_layers; i++) {
    layers.push(await loadLayer(base.at("encoder.layers", i), config));
  }
  return params;
}

async function loadLayer(
  reader: ParameterReader,
  config: Wav2Vec2Config,
): Promise<Wav2Vec2LayerParams> {
  const { hidden_size: size, layer_norm_eps: eps } = config;
  const init = { weight: normal(config.initializer_range) };
  return {
    attention: await loadAttention(
      reader.at("attention"),
      { size, heads: config.num_attention_heads },
      init,
    ),
    layerNorm: await loadNorm(reader.at("layer_norm"), size, eps),
    feedForward: await loadFeedForward(
      reader.at("feed_forward"),
      { size, intermediate: config.intermediate_size, activation: config.hidden_act },
      init,
    ),
    finalLayerNorm: await loadNorm(reader.at("final_layer_norm"), size, eps),
    adapter: config.adapter_attn_dim && config.do_stable_layer_norm
      ? await loadAdapter(reader.at("adapter_layer"), size, config.adapter_attn_dim, init.weight)
      : undefined,
  };
}

async function loadAdapter(
  reader: ParameterReader,
  size: number,
  width: number,
  weight: ReturnType<typeof normal>,
): Promise<Wav2Vec2LayerParams["adapter"]> {
  return {
    norm: await loadNorm(reader.at("norm"), size, 1e-5),
    down: await loadLinear(reader.at("linear_1"), { inputs: size, outputs: width }, { weight }),
    up: await loadLinear(reader.at("linear_2"), { inputs: width, outputs: size }, { weight }),
  };
}

/** What a layer needs besides its input. */
interface LayerContext {
  config: Wav2Vec2Config;
  lengths?: Tensor;
  noise?: Noise;
}

/** Attention with its dropout and residual. **Shape** `x`, `residual [B, T, D]` -> `[B, T, D]` */
function attend(
  params: Wav2Vec2LayerParams,
  x: Tensor,
  residual: Tensor,
  { config, lengths, noise }: LayerContext,
): Tensor {
  const context = multiHeadAttention(params.attention, x, {
    lengths,
    dropoutRate: config.attention_dropout,
    noise,
  });
  return dropout(context, config.hidden_dropout, noise, residual);
}

/** The feed-forward half with its dropouts and residual. */
function widen(
  params: Wav2Vec2LayerParams,
  x: Tensor,
  residual: Tensor,
  { config, noise }: LayerContext,
): Tensor {
  return feedForward(params.feedForward, x, {
    residual,
    activationDropout: config.activation_dropout,
    hiddenDropout: config.hidden_dropout,
    noise,
  });
}

/** A layer with its norms after each half. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function postNormLayer(params: Wav2Vec2LayerParams, x: Tensor, context: LayerContext): Tensor {
  return tidy(() => {
    const attended = layerNorm(params.layerNorm, attend(params, x, x, context));
    return layerNorm(params.finalLayerNorm, widen(params, attended, attended, context));
  });
}

/** A layer with its norms before each half ("stable"). **Shape** `x [B, T, D]` -> `[B, T, D]` */
function preNormLayer(params: Wav2Vec2LayerParams, x: Tensor, context: LayerContext): Tensor {
  return tidy(() => {
    const attended = attend(params, layerNorm(params.layerNorm, x), x, context);
    const normed = layerNorm(params.finalLayerNorm, attended);
    const y = widen(params, normed, attended, context);
    if (!params.adapter) return y;
    const { norm, down, up } = params.adapter;
    const narrow = linear(down, layerNorm(norm, y), { activation: "relu" }); // [B, T, A]
    return linear(up, narrow, { residual: y });
  });
}

/** Samples to projected frames. **Shape** `[B, S]` -> `features [B, T, C]`, `frames [B, T, D]` */
function embed(
  params: Wav2Vec2Params,
  samples: Tensor,
  noise?: Noise,
): { features: Tensor; frames: Tensor } {
  return tidy(() => {
    const features = convFeatureEncoder(params.featureEncoder, samples);
    const projected = linear(params.projection, layerNorm(params.projectionNorm, features));
    return { features, frames: dropout(projected, params.config.feat_proj_dropout, noise) };
  });
}

/** SpecAugment in training. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function augment(params: Wav2Vec2Params, x: Tensor, lengths?: number[], noise?: Noise): Tensor {
  const { config, maskedSpecEmbed } = params;
  if (!noise || !config.apply_spec_augment || !maskedSpecEmbed) return x;
  const [batch, frames, size] = x.shape as [number, number, number];
  return tidy(() => {
    let y = x;
    if (config.mask_time_prob > 0) {
      const mask = spanMask(batch, frames, {
        prob: config.mask_time_prob,
        span: config.mask_time_length,
        minSpans: config.mask_time_min_masks,
        lengths,
        random: noise.random,
      });
      y = maskFrames(y, tensor2d(mask, [batch, frames], "int32"), maskedSpecEmbed);
    }
    if (config.mask_feature_prob > 0) {
      const mask = spanMask(batch, size, {
        prob: config.mask_feature_prob,
        span: config.mask_feature_length,
        minSpans: config.mask_feature_min_masks,
        random: noise.random,
      });
      y = maskChannels(y, tensor2d(mask, [batch, size], "int32"));
    }
    return y;
  });
}

/** Zeroes the frames that belong to padding. **Shape** `x [B, T, D]` -> `[B, T, D]` */
function clearPadding(x: Tensor, lengths?: number[]): Tensor {
  if (!lengths) return x;
  const [batch, frames, size] = x.shape as [number, number, number];
  const padding = Int32Array.from(
    { length: batch * frames },
    (_, i) => i % frames < lengths[Math.floor(i / frames)]! ? 0 : 1,
  );
  return tidy(() =>
    maskFrames(
      x,
      tensor2d(padding, [batch, frames], "int32"),
      tensor1d(new Float32Array(size)),
    )
  );
}

/** The transformer. **Shape** `x [B, T, D]` -> L + 1 states `[B, T, D]`, and the last one after a final norm */
function encode(
  params: Wav2Vec2Params,
  x: Tensor,
  context: LayerContext,
): { states: Tensor[]; normed?: Tensor } {
  const { config, noise } = context;
  const stable = config.do_stable_layer_norm;
  const placed = add(x, positionalConv(params.positionalConv, x));
  const first = stable ? placed : layerNorm(params.encoderNorm, placed);
  const states = [dropout(first, config.hidden_dropout, noise)];
  for (const layer of params.layers) {
    const state = states.at(-1)!;
    const skipped = noise?.dropsLayer(config.layerdrop);
    const next = stable ? preNormLayer : postNormLayer;
    states.push(skipped ? state.clone() : next(layer, state, context));
  }
  return { states, normed: stable ? layerNorm(params.encoderNorm, states.at(-1)!) : undefined };
}

function forward(
  params: Wav2Vec2Params,
  { inputs, lengths: samples }: ModelInputs,
  { noise, outputHiddenStates }: ForwardOptions,
): ModelOutput {
  const { config } = params;
  const lengths = samples && Array.from(samples, (count) => featureFrames(config, count));
  return tidy(() => {
    const { features, frames } = embed(params, inputs, noise);
    const clean = clearPadding(augment(params, frames, lengths, noise), lengths);
    const valid = lengths && tensor1d(Int32Array.from(lengths), "int32");
    const { states, normed } = encode(params, clean, { config, lengths: valid, noise });
    const last = normed ?? states.at(-1)!;
    const summed = config.weightedSumAfterNorm ? [...states.slice(0, -1), last] : states;
    const weighted = config.use_weighted_layer_sum ? summed : [last];
    const { logits, pooled } = classificationHead(params.head, weighted, valid);
    if (!outputHiddenStates) return { logits, pooled };
    return {
      logits,
      pooled,
      hiddenStates: states,
      convFeatures: features,
      ...(normed && { lastHiddenState: normed }),
    };
  });
}

/** Wav2Vec2 as the registry knows it. */
export const wav2vec2: Architecture<Wav2Vec2Config, Wav2Vec2Params> = {
  modelType: "wav2vec2",
  className: "Wav2Vec2ForSequenceClassification",
  basePrefix: "wav2vec2",
  featureEncoderPrefix: "wav2vec2.feature_extractor.",
  parseConfig,
  load,
  forward,
  frames: featureFrames,
  minSamples: receptiveFieldSamples,
  paddingInvariant: (config) => config.feat_extract_norm === "layer",
};
