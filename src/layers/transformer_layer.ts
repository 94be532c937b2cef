/**
 * One transformer layer: attention and feed-forward, each with dropout and a residual, in the two orders of norms.
 *
 * "Post": the norm follows each half, as in Vaswani et al. 2017. "Pre" ("stable" in config files): it comes
 * before, and a last norm after the whole stack is the encoder's affair. Attention with positions of its own
 * is not here; the models that have it write their layers themselves.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { Activation } from "../kernels.ts";
import {
  attentionAdapter,
  type AttentionAdapterParams,
  loadAttentionAdapter,
} from "./_attention_adapter.ts";
import { feedForward, type FeedForwardParams, loadFeedForward } from "./feed_forward.ts";
import { type AttentionParams, loadAttention, multiHeadAttention } from "./multi_head_attention.ts";
import type { Noise } from "./noise.ts";
import { layerNorm, loadNorm, type NormParams } from "./norm.ts";
import { cropFrames } from "./padding.ts";
import { normal, type ParameterReader } from "./parameters.ts";

/** The fields of `config.json` that give a layer its sizes and its first values. */
export interface TransformerLayerConfig {
  hidden_size: number;
  num_attention_heads: number;
  intermediate_size: number;
  hidden_act: Activation;
  layer_norm_eps: number;
  initializer_range: number;
  /** Width of the attention adapters, if there are any. */
  adapter_attn_dim?: number;
}

/** The fields of `config.json` that say how much of a layer is dropped in training. */
export interface TransformerRates {
  hidden_dropout: number;
  attention_dropout: number;
  activation_dropout: number;
}

/** The parameters of a layer; only {@linkcode preNormLayer} looks at the adapter. */
export interface TransformerLayerParams {
  attention: AttentionParams;
  layerNorm: NormParams;
  feedForward: FeedForwardParams;
  finalLayerNorm: NormParams;
  adapter?: AttentionAdapterParams;
}

/** What a layer needs besides its input. */
export interface TransformerLayerOptions {
  rates: TransformerRates;
  /** `[B]`, the frames of each clip that are no padding. */
  lengths?: Tensor;
  noise?: Noise;
  /** Of {@linkcode preNormLayer}: frames, from the first, that are all it is to give. @default all */
  firstFrames?: number;
}

/** Loads `attention`, `layer_norm`, `feed_forward`, `final_layer_norm` and `adapter_layer`. */
export async function loadTransformerLayer(
  reader: ParameterReader,
  config: TransformerLayerConfig,
): Promise<TransformerLayerParams> {
  const { hidden_size: size, layer_norm_eps: eps, adapter_attn_dim: width } = config;
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
    adapter: width
      ? await loadAttentionAdapter(reader.at("adapter_layer"), { size, width }, init)
      : undefined,
  };
}

/** A layer with its norms after each half. **Shape** `x [B, T, D]` -> `[B, T, D]` */
export function postNormLayer(
  params: TransformerLayerParams,
  x: Tensor,
  options: TransformerLayerOptions,
): Tensor {
  return tidy(() => {
    const attended = layerNorm(params.layerNorm, attend(params, x, { ...options, residual: x }));
    const widened = widen(params, attended, { ...options, residual: attended });
    return layerNorm(params.finalLayerNorm, widened);
  });
}

/** A layer with its norms before each half. **Shape** `x [B, T, D]` -> `[B, T or firstFrames, D]` */
export function preNormLayer(
  params: TransformerLayerParams,
  x: Tensor,
  options: TransformerLayerOptions,
): Tensor {
  return tidy(() => {
    const normed = layerNorm(params.layerNorm, x);
    const residual = cropFrames(x, options.firstFrames);
    const attended = attend(params, normed, { ...options, residual });
    const middle = layerNorm(params.finalLayerNorm, attended);
    const y = widen(params, middle, { ...options, residual: attended });
    return params.adapter ? attentionAdapter(params.adapter, y) : y;
  });
}

type HalfOptions = TransformerLayerOptions & { residual: Tensor };

/** Attention with its dropout and residual. **Shape** `x`, `residual [B, T, D]` -> `[B, T, D]` */
function attend(
  params: TransformerLayerParams,
  x: Tensor,
  { rates, lengths, noise, firstFrames, residual }: HalfOptions,
): Tensor {
  return multiHeadAttention(params.attention, x, {
    lengths,
    firstFrames,
    dropoutRate: rates.attention_dropout,
    noise,
    output: { dropoutRate: rates.hidden_dropout, residual },
  });
}

/** The feed-forward half with its dropouts and residual. **Shape** as {@linkcode attend} */
function widen(
  params: TransformerLayerParams,
  x: Tensor,
  { rates, noise, residual }: HalfOptions,
): Tensor {
  return feedForward(params.feedForward, x, {
    residual,
    activationDropout: rates.activation_dropout,
    hiddenDropout: rates.hidden_dropout,
    noise,
  });
}
