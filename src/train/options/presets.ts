/**
 * Models to train from scratch: their configs, their feature extractors and training arguments that suit them.
 *
 * `tiny` hears telephone audio at 8 kHz, and learns a few hundred clips in minutes on two cores. `small` and `base`
 * hear 16 kHz; `base` is the shape of facebook/wav2vec2-base.
 *
 * @module
 */
import type { TrainingOptions } from "./arguments.ts";

/** A model shape with what belongs to it. */
export interface Preset {
  /** Fields of `config.json` that differ from the architecture's defaults. */
  config: Record<string, unknown>;
  /** Content of `preprocessor_config.json`. */
  preprocessor: Record<string, unknown>;
  /** Training arguments in place of the usual defaults. */
  args: Partial<TrainingOptions>;
}

/** The names of the presets. */
export type PresetName = "tiny" | "small" | "base";

function extractor(samplingRate: number): Record<string, unknown> {
  return {
    do_normalize: true,
    feature_extractor_type: "Wav2Vec2FeatureExtractor",
    feature_size: 1,
    padding_side: "right",
    padding_value: 0,
    return_attention_mask: false,
    sampling_rate: samplingRate,
  };
}

const FROM_SCRATCH: Partial<TrainingOptions> = {
  learningRate: 1e-3,
  warmupRatio: 0.1,
  weightDecay: 0.01,
  numTrainEpochs: 15,
  loadBestModelAtEnd: true,
  metricForBestModel: "loss",
  saveTotalLimit: 1,
};

/** Training arguments in place of the usual defaults where a model is trained further. */
export const FINE_TUNING: Partial<TrainingOptions> = {
  warmupRatio: 0.1,
  loadBestModelAtEnd: true,
  metricForBestModel: "accuracy",
  saveTotalLimit: 1,
};

/** The presets by name. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  tiny: {
    config: {
      model_type: "wav2vec2",
      conv_dim: [48, 64, 96, 128],
      conv_kernel: [10, 6, 6, 4],
      conv_stride: [5, 4, 4, 2],
      conv_bias: true,
      num_feat_extract_layers: 4,
      feat_extract_norm: "group",
      hidden_size: 128,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      intermediate_size: 512,
      num_conv_pos_embeddings: 16,
      num_conv_pos_embedding_groups: 8,
      do_stable_layer_norm: true,
      classifier_proj_size: 128,
      initializer_range: 0.06,
      hidden_dropout: 0.05,
      attention_dropout: 0,
      activation_dropout: 0,
      feat_proj_dropout: 0,
      layerdrop: 0,
      mask_time_prob: 0.1,
      mask_time_length: 3,
    },
    preprocessor: { ...extractor(8000), return_attention_mask: true },
    args: {
      ...FROM_SCRATCH,
      learningRate: 2e-3,
      labelSmoothingFactor: 0.1,
      augmentSpeed: 0.2,
      numTrainEpochs: 30,
    },
  },
  small: {
    config: {
      model_type: "wav2vec2",
      conv_dim: [128, 128, 128, 128, 128, 128, 128],
      hidden_size: 192,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      intermediate_size: 768,
      layerdrop: 0,
    },
    preprocessor: extractor(16_000),
    args: FROM_SCRATCH,
  },
  base: {
    config: { model_type: "wav2vec2" },
    preprocessor: extractor(16_000),
    args: FROM_SCRATCH,
  },
};

/** Whether a word is the name of a preset. */
export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}
