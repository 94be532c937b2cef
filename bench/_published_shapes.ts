/**
 * The shapes of published checkpoints, for benches that draw the weights at random.
 *
 * @module
 */
import type { JsonObject } from "../src/models/mod.ts";

/** A checkpoint that is published, as far as its cost goes. */
export interface PublishedShape {
  /** What options call it. */
  name: string;
  checkpoint: string;
  config: JsonObject;
  layers: number;
  /** Of the clip that is measured. */
  seconds: number;
  /** Its input, `[S]` or `[frames, bands]`. */
  clip: number[];
}

const SECOND = { seconds: 1, clip: [16_000] };
const BASE = { ...SECOND, layers: 12 };
const SPECTROGRAM_OF_WHISPER = { seconds: 30, clip: [3000, 80] };
const LARGE: JsonObject = {
  hidden_size: 1024,
  num_attention_heads: 16,
  intermediate_size: 4096,
  feat_extract_norm: "layer",
  do_stable_layer_norm: true,
  conv_bias: true,
};

/** At least one of each architecture. */
export const SHAPES: readonly PublishedShape[] = [
  {
    name: "ast-base",
    checkpoint: "MIT/ast-finetuned-audioset-10-10-0.4593",
    config: { model_type: "audio-spectrogram-transformer" },
    layers: 12,
    seconds: 10.24,
    clip: [1024, 128],
  },
  {
    name: "ced-tiny",
    checkpoint: "mispeech/ced-tiny",
    config: { model_type: "ced", name: "ced-tiny", pooling: "logit", target_length: 1012 },
    layers: 12,
    seconds: 10,
    clip: [1001, 64],
  },
  {
    name: "ced-base",
    checkpoint: "mispeech/ced-base",
    config: { model_type: "ced", name: "ced-base", pooling: "logit", target_length: 1012 },
    layers: 12,
    seconds: 10,
    clip: [1001, 64],
  },
  {
    name: "data2vec-base",
    checkpoint: "facebook/data2vec-audio-base",
    config: { model_type: "data2vec-audio" },
    ...BASE,
  },
  {
    name: "mn04",
    checkpoint: "fschmid56/EfficientAT mn04_as",
    config: {
      model_type: "efficientat",
      width_mult: 0.4,
      problem_type: "single_label_classification",
    },
    layers: 15,
    seconds: 10,
    clip: [1000, 128],
  },
  {
    name: "mn10",
    checkpoint: "fschmid56/EfficientAT mn10_as",
    config: { model_type: "efficientat", problem_type: "single_label_classification" },
    layers: 15,
    seconds: 10,
    clip: [1000, 128],
  },
  {
    name: "hubert-base",
    checkpoint: "facebook/hubert-base-ls960",
    config: { model_type: "hubert" },
    ...BASE,
  },
  {
    name: "sew-tiny",
    checkpoint: "asapp/sew-tiny-100k",
    config: {
      model_type: "sew",
      hidden_size: 512,
      num_attention_heads: 8,
      intermediate_size: 2048,
      num_conv_pos_embeddings: 31,
    },
    ...BASE,
  },
  {
    name: "sew-d-tiny",
    checkpoint: "asapp/sew-d-tiny-100k",
    config: {
      model_type: "sew-d",
      hidden_size: 384,
      num_attention_heads: 6,
      intermediate_size: 1536,
      num_conv_pos_embeddings: 31,
    },
    ...BASE,
  },
  {
    name: "unispeech-large",
    checkpoint: "microsoft/unispeech-large-1500h-cv",
    config: { ...LARGE, model_type: "unispeech" },
    ...SECOND,
    layers: 24,
  },
  {
    name: "unispeech-sat-base",
    checkpoint: "microsoft/unispeech-sat-base",
    config: { model_type: "unispeech-sat" },
    ...BASE,
  },
  {
    name: "w2v-bert",
    checkpoint: "facebook/w2v-bert-2.0",
    config: { model_type: "wav2vec2-bert" },
    seconds: 1,
    layers: 24,
    clip: [49, 160],
  },
  {
    name: "wav2vec2-base",
    checkpoint: "facebook/wav2vec2-base",
    config: { model_type: "wav2vec2" },
    ...BASE,
  },
  {
    name: "conformer-relative",
    checkpoint: "facebook/wav2vec2-conformer-rel-pos-large",
    config: { ...LARGE, model_type: "wav2vec2-conformer" },
    ...SECOND,
    layers: 24,
  },
  {
    name: "conformer-rotary",
    checkpoint: "facebook/wav2vec2-conformer-rope-large",
    config: { ...LARGE, model_type: "wav2vec2-conformer", position_embeddings_type: "rotary" },
    ...SECOND,
    layers: 24,
  },
  {
    name: "wavlm-base",
    checkpoint: "microsoft/wavlm-base",
    config: { model_type: "wavlm" },
    ...BASE,
  },
  whisper("tiny", {}, 4),
  whisper("base", { d_model: 512, encoder_attention_heads: 8, encoder_ffn_dim: 2048 }, 6),
  whisper("small", { d_model: 768, encoder_attention_heads: 12, encoder_ffn_dim: 3072 }, 12),
];

function whisper(size: string, config: JsonObject, layers: number): PublishedShape {
  return {
    name: `whisper-${size}`,
    checkpoint: `openai/whisper-${size} (encoder)`,
    config: { ...config, model_type: "whisper" },
    layers,
    ...SPECTROGRAM_OF_WHISPER,
  };
}
