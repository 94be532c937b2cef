/**
 * Groups of `config.json` fields that several architectures share, with the reference's defaults and our limits.
 *
 * @module
 */
import { type Activation, ACTIVATIONS } from "../kernels.ts";
import type { ClassificationHeadConfig } from "../layers/classification_head.ts";
import type { ConvFeatureEncoderConfig } from "../layers/conv_feature_encoder.ts";
import type { PositionalConvConfig } from "../layers/positional_conv.ts";
import type { SpecAugmentConfig } from "../layers/spec_augment.ts";
import type { TransformerLayerConfig, TransformerRates } from "../layers/transformer_layer.ts";
import type { ConfigReader } from "./_config_reader.ts";
import { isOfVersion4 } from "./_weighted_sum.ts";

/** Limits of a width. */
export const SIZE = { min: 1, max: 16_384 };

/** Limits of a kernel, a stride or a number of heads. */
export const COUNT = { min: 1, max: 1_024 };

/** Limits of a number of layers. */
export const DEPTH = { min: 0, max: 256 };

/** Limits of the hidden size of a feed-forward half. */
export const WIDE = { min: 1, max: 65_536 };

const SPAN = { min: 1, max: 1e6 };

/** The convolutions of wav2vec 2.0, which most architectures took over. */
const CONVOLUTIONS = {
  conv_dim: [512, 512, 512, 512, 512, 512, 512],
  conv_kernel: [10, 3, 3, 3, 3, 2, 2],
  conv_stride: [5, 2, 2, 2, 2, 2, 2],
};

/** The convolutions from samples to frames; `or` are those of a config that names none. */
export function convFeatureEncoderFields(
  reader: ConfigReader,
  or: Pick<ConvFeatureEncoderConfig, "conv_dim" | "conv_kernel" | "conv_stride"> = CONVOLUTIONS,
): ConvFeatureEncoderConfig {
  const fields: ConvFeatureEncoderConfig = {
    conv_dim: reader.integers("conv_dim", { or: or.conv_dim, ...SIZE }),
    conv_kernel: reader.integers("conv_kernel", { or: or.conv_kernel, ...COUNT }),
    conv_stride: reader.integers("conv_stride", { or: or.conv_stride, ...COUNT }),
    conv_bias: reader.boolean("conv_bias", false),
    feat_extract_norm: reader.oneOf("feat_extract_norm", ["group", "layer"], "group"),
    feat_extract_activation: activationField(reader, "feat_extract_activation"),
  };
  for (const key of ["conv_kernel", "conv_stride"] as const) {
    const convolutions = fields.conv_dim.length;
    if (fields[key].length !== convolutions) reader.fail(key, `${convolutions} numbers`);
  }
  return fields;
}

/** Sizes and dropouts of the transformer. */
export interface TransformerFields extends TransformerLayerConfig, TransformerRates {
  num_hidden_layers: number;
  layerdrop: number;
}

/** What a config that names no sizes means, and how much it drops. */
interface TransformerDefaults {
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
  hidden_act: Activation;
  /** Of hidden values, attention and activations alike. */
  dropout: number;
}

const BASE: TransformerDefaults = {
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: "gelu",
  dropout: 0.1,
};

/** The transformer, without the order of its norms; `or` is that of a config that names nothing. */
export function transformerFields(
  reader: ConfigReader,
  or: TransformerDefaults = BASE,
): TransformerFields {
  const hidden_size = reader.integer("hidden_size", { or: or.hidden_size, ...SIZE });
  return {
    hidden_size,
    num_hidden_layers: reader.integer("num_hidden_layers", { or: or.num_hidden_layers, ...DEPTH }),
    num_attention_heads: divisor(reader, "num_attention_heads", {
      of: hidden_size,
      or: or.num_attention_heads,
    }),
    intermediate_size: reader.integer("intermediate_size", { or: or.intermediate_size, ...WIDE }),
    hidden_act: activationField(reader, "hidden_act", or.hidden_act),
    layer_norm_eps: reader.number("layer_norm_eps", { or: 1e-5, min: 0, max: 1 }),
    initializer_range: reader.number("initializer_range", { or: 0.02, min: 0, max: 10 }),
    hidden_dropout: reader.probability("hidden_dropout", or.dropout),
    attention_dropout: reader.probability("attention_dropout", or.dropout),
    activation_dropout: reader.probability("activation_dropout", or.dropout),
    layerdrop: reader.probability("layerdrop", 0.1),
  };
}

/** Names of the reference that mean the same as others; their arithmetic differs by rounding alone. */
const ALIASES: Readonly<Record<string, Activation>> = {
  gelu_accurate: "gelu_new",
  gelu_fast: "gelu_new",
  gelu_python: "gelu",
  gelu_python_tanh: "gelu_new",
  gelu_pytorch_tanh: "gelu_new",
  linear: "none",
  swish: "silu",
};

/** Activations of the reference that have weights, which layers here have no place for. */
const WITH_WEIGHTS: readonly unknown[] = ["prelu", "xielu"];

/** An activation under one of the reference's names. */
export function activationField(
  reader: ConfigReader,
  key: string,
  or: Activation = "gelu",
): Activation {
  if (WITH_WEIGHTS.includes(reader.json[key])) {
    reader.fail(
      key,
      "an activation without weights of its own, which would have to be loaded and trained",
    );
  }
  const name = reader.oneOf(key, [...ACTIVATIONS, ...Object.keys(ALIASES)], or);
  return ALIASES[name] ?? name as Activation;
}

/** The order of norms, and the adapters that only stable layers have. */
export interface NormOrderFields {
  /** Whether norms come before each half of a layer instead of after it. */
  do_stable_layer_norm: boolean;
  adapter_attn_dim?: number;
}

/** The order of norms, for the architectures that have both. */
export function normOrderFields(reader: ConfigReader): NormOrderFields {
  const stable = reader.boolean("do_stable_layer_norm", false);
  const width = reader.has("adapter_attn_dim")
    ? reader.integer("adapter_attn_dim", SIZE)
    : undefined;
  return { do_stable_layer_norm: stable, adapter_attn_dim: stable ? width : undefined };
}

/** The positional convolution, without the size of the frames and the activation that it shares. */
export type PositionalConvFields = Omit<
  PositionalConvConfig,
  "hidden_size" | "feat_extract_activation"
>;

/** The positional convolution over frames of a size. */
export function positionalConvFields(reader: ConfigReader, size: number): PositionalConvFields {
  return {
    num_conv_pos_embeddings: reader.integer("num_conv_pos_embeddings", { or: 128, ...SIZE }),
    num_conv_pos_embedding_groups: divisor(reader, "num_conv_pos_embedding_groups", {
      of: size,
      or: 16,
    }),
  };
}

/** The masks of training. */
export function specAugmentFields(reader: ConfigReader): SpecAugmentConfig {
  return {
    apply_spec_augment: reader.boolean("apply_spec_augment", true),
    mask_time_prob: reader.probability("mask_time_prob", 0.05),
    mask_time_length: reader.integer("mask_time_length", { or: 10, ...SPAN }),
    mask_time_min_masks: reader.integer("mask_time_min_masks", { or: 2, min: 0, max: SPAN.max }),
    mask_feature_prob: reader.probability("mask_feature_prob", 0),
    mask_feature_length: reader.integer("mask_feature_length", { or: 10, ...SPAN }),
    mask_feature_min_masks: reader.integer("mask_feature_min_masks", {
      or: 0,
      min: 0,
      max: SPAN.max,
    }),
  };
}

/** The classification head; a convolutional adapter before it is refused, as in the reference. */
export function headFields(
  reader: ConfigReader,
  classes: number,
  projection = 256,
): ClassificationHeadConfig {
  if (reader.boolean("add_adapter", false)) reader.fail("add_adapter", "false for classification");
  return {
    use_weighted_layer_sum: reader.boolean("use_weighted_layer_sum", false),
    weightedSumAfterNorm: isOfVersion4(reader.json.transformers_version),
    classifier_proj_size: reader.integer("classifier_proj_size", { or: projection, ...SIZE }),
    classes,
  };
}

/** A count that must divide a size. */
export function divisor(
  reader: ConfigReader,
  key: string,
  { of: size, or, name = "hidden_size" }: { of: number; or: number; name?: string },
): number {
  const count = reader.integer(key, { or, ...COUNT });
  if (size % count !== 0) reader.fail(key, `a divisor of ${name} ${size}`);
  return count;
}

/** What architectures of speech have in common: all but positions and the order of norms. */
export interface SpeechFields
  extends ConvFeatureEncoderConfig, TransformerFields, SpecAugmentConfig, ClassificationHeadConfig {
  feat_proj_dropout: number;
}

/** The fields of an architecture of speech; `or` are the convolutions of a config that names none. */
export function speechFields(
  reader: ConfigReader,
  classes: number,
  or: Pick<ConvFeatureEncoderConfig, "conv_dim" | "conv_kernel" | "conv_stride"> = CONVOLUTIONS,
): SpeechFields {
  return {
    ...convFeatureEncoderFields(reader, or),
    ...transformerFields(reader),
    ...specAugmentFields(reader),
    ...headFields(reader, classes),
    feat_proj_dropout: reader.probability("feat_proj_dropout", 0),
  };
}
