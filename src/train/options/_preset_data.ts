/**
 * The presets as data: configs, feature extractors and training arguments; `presets.ts` reads them.
 *
 * @module
 */
import type { TrainingOptions } from "./arguments.ts";
import type { Preset, PresetName } from "./presets.ts";

/** What the extractors of presets that take spectrograms have in common; they are normalised as AudioSet's are. */
const SPECTROGRAMS = {
  do_normalize: true,
  feature_extractor_type: "ASTFeatureExtractor",
  feature_size: 1,
  mean: -4.2677393,
  padding_side: "right",
  padding_value: 0,
  return_attention_mask: false,
  sampling_rate: 16_000,
  std: 4.5689974,
};

/** Training arguments of every preset, where it has none of its own. */
export const FROM_SCRATCH: Partial<TrainingOptions> = {
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

/** Training arguments for the backbone that comes with the package, where it is trained as a whole. */
export const BACKBONE_TUNING: Partial<TrainingOptions> = {
  ...FINE_TUNING,
  learningRate: 1e-3,
  lrSchedulerType: "cosine",
  weightDecay: 0.05,
  perDeviceTrainBatchSize: 16,
  numTrainEpochs: 15,
  labelSmoothingFactor: 0.1,
  emaDecay: 0.99,
  augmentSpeed: 0.25,
  augmentGainDb: 20,
  augmentNoise: 0.5,
  augmentTimeMask: 0.05,
  augmentBandMask: 0.2,
};

/** The presets by name; arguments are what differs from {@linkcode FROM_SCRATCH}. */
export const PRESET_DATA: Readonly<Record<PresetName, Preset>> = {
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
    preprocessor: {
      do_normalize: true,
      feature_extractor_type: "Wav2Vec2FeatureExtractor",
      feature_size: 1,
      padding_side: "right",
      padding_value: 0,
      return_attention_mask: true,
      sampling_rate: 8000,
    },
    args: {
      learningRate: 2e-3,
      labelSmoothingFactor: 0.1,
      emaDecay: 0.99,
      augmentSpeed: 0.2,
      numTrainEpochs: 30,
    },
  },
  "tiny-sound": {
    config: {
      model_type: "audio-spectrogram-transformer",
      num_mel_bins: 32,
      patch_size: 32,
      frequency_stride: 32,
      time_stride: 8,
      max_length: 500,
      hidden_size: 128,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      intermediate_size: 512,
      initializer_range: 0.04,
      hidden_dropout_prob: 0.1,
    },
    preprocessor: { ...SPECTROGRAMS, num_mel_bins: 32, max_length: 500 },
    args: {
      perDeviceTrainBatchSize: 16,
      lrSchedulerType: "cosine",
      weightDecay: 0.05,
      numTrainEpochs: 60,
      labelSmoothingFactor: 0.1,
      emaDecay: 0.99,
      augmentSpeed: 0.1,
      augmentShiftSeconds: 1,
      augmentGainDb: 6,
      augmentMixup: 0.2,
      augmentTimeMask: 0.1,
      augmentBandMask: 0.15,
    },
  },
  "wake-word": {
    config: {
      model_type: "audio-spectrogram-transformer",
      num_mel_bins: 24,
      patch_size: 24,
      frequency_stride: 24,
      time_stride: 6,
      max_length: 100,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      intermediate_size: 96,
      initializer_range: 0.06,
      hidden_dropout_prob: 0.05,
    },
    preprocessor: { ...SPECTROGRAMS, num_mel_bins: 24, max_length: 100 },
    args: {
      learningRate: 2e-3,
      perDeviceTrainBatchSize: 16,
      lrSchedulerType: "cosine",
      weightDecay: 0.05,
      numTrainEpochs: 40,
      labelSmoothingFactor: 0.1,
      emaDecay: 0.99,
      augmentSpeed: 0.15,
      augmentShiftSeconds: 0.1,
      augmentGainDb: 6,
      augmentTimeMask: 0.1,
      augmentBandMask: 0.1,
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
    preprocessor: {
      do_normalize: true,
      feature_extractor_type: "Wav2Vec2FeatureExtractor",
      feature_size: 1,
      padding_side: "right",
      padding_value: 0,
      return_attention_mask: false,
      sampling_rate: 16_000,
    },
    args: {},
  },
  base: {
    config: { model_type: "wav2vec2" },
    preprocessor: {
      do_normalize: true,
      feature_extractor_type: "Wav2Vec2FeatureExtractor",
      feature_size: 1,
      padding_side: "right",
      padding_value: 0,
      return_attention_mask: false,
      sampling_rate: 16_000,
    },
    args: {},
  },
};
