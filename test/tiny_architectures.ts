/**
 * Every architecture small enough for any test, with what it takes for one clip or several.
 *
 * @module
 */
import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import type { JsonObject } from "../src/models/mod.ts";
import { Random } from "../src/random.ts";

/** A config that is complete enough for transformers as well, and the shape of one clip of its input. */
export interface TinyArchitecture {
  config: JsonObject;
  clip: readonly number[];
}

const LABELS = { id2label: { 0: "low", 1: "middle", 2: "high" } };

const SPEECH: JsonObject = {
  ...LABELS,
  hidden_size: 16,
  num_attention_heads: 2,
  intermediate_size: 20,
  num_hidden_layers: 3,
  conv_dim: [6, 8],
  conv_kernel: [10, 3],
  conv_stride: [5, 2],
  num_feat_extract_layers: 2,
  num_conv_pos_embeddings: 4,
  num_conv_pos_embedding_groups: 2,
  classifier_proj_size: 6,
  initializer_range: 0.3,
  mask_time_length: 2,
};

const CLIP = [200];

function speech(model_type: string, more: JsonObject = {}): TinyArchitecture {
  return { config: { ...SPEECH, model_type, ...more }, clip: CLIP };
}

/** All of them, by `model_type`. */
export const TINY_ARCHITECTURES: Readonly<Record<string, TinyArchitecture>> = {
  "audio-spectrogram-transformer": {
    config: {
      ...LABELS,
      model_type: "audio-spectrogram-transformer",
      hidden_size: 16,
      num_attention_heads: 2,
      intermediate_size: 20,
      num_hidden_layers: 3,
      patch_size: 4,
      frequency_stride: 3,
      time_stride: 3,
      max_length: 22,
      num_mel_bins: 10,
      initializer_range: 0.3,
      hidden_dropout_prob: 0.1,
    },
    clip: [22, 10],
  },
  "ced": {
    config: {
      ...LABELS,
      model_type: "ced",
      outputdim: 3,
      embed_dim: 16,
      num_heads: 2,
      depth: 3,
      mlp_ratio: 1.25,
      n_mels: 10,
      target_length: 22,
      patch_size: 4,
      patch_stride: 4,
      pooling: "logit",
      drop_rate: 0.1,
    },
    clip: [22, 10],
  },
  "data2vec-audio": speech("data2vec-audio", {
    num_conv_pos_embeddings: 2,
    conv_pos_kernel_size: 3,
  }),
  "efficientat": {
    config: {
      ...LABELS,
      model_type: "efficientat",
      num_classes: 3,
      width_mult: 0.05,
      input_dim_f: 10,
      strides: [1, 2, 1, 2],
      classifier_proj_size: 6,
      dropout: 0.1,
      problem_type: "single_label_classification",
    },
    clip: [22, 10],
  },
  "hubert": speech("hubert"),
  "sew": speech("sew", { squeeze_factor: 2 }),
  "sew-d": speech("sew-d", { squeeze_factor: 2, position_buckets: 8, max_position_embeddings: 32 }),
  "unispeech": speech("unispeech"),
  "unispeech-sat": speech("unispeech-sat"),
  "wav2vec2": speech("wav2vec2", { do_stable_layer_norm: true, feat_extract_norm: "layer" }),
  "wav2vec2-bert": {
    config: {
      ...LABELS,
      model_type: "wav2vec2-bert",
      hidden_size: 16,
      num_attention_heads: 2,
      intermediate_size: 20,
      num_hidden_layers: 3,
      feature_projection_input_dim: 8,
      conv_depthwise_kernel_size: 3,
      left_max_position_embeddings: 4,
      right_max_position_embeddings: 2,
      classifier_proj_size: 6,
      initializer_range: 0.3,
      mask_time_length: 2,
      hidden_dropout: 0.1,
    },
    clip: [18, 8],
  },
  "wav2vec2-conformer": speech("wav2vec2-conformer", { conv_depthwise_kernel_size: 3 }),
  "wavlm": speech("wavlm", { num_buckets: 8, max_bucket_distance: 16 }),
  "whisper": {
    config: {
      ...LABELS,
      model_type: "whisper",
      d_model: 16,
      encoder_attention_heads: 2,
      encoder_ffn_dim: 20,
      encoder_layers: 3,
      num_mel_bins: 4,
      max_source_positions: 12,
      classifier_proj_size: 6,
      init_std: 0.3,
      dropout: 0.1,
    },
    clip: [24, 4],
  },
};

/** Noise as input, the same in every run. **Shape** -> `[clips, ...clip]` */
export function tinyInputs({ clip }: TinyArchitecture, clips = 1, seed = 5): Tensor {
  const random = new Random(seed);
  const shape = [clips, ...clip];
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(Float32Array.from({ length: size }, () => random.normal()), shape);
}
