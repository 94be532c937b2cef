/**
 * A random model small enough for any test: five classes, 8 kHz, a clip of a second in milliseconds.
 *
 * @module
 */
import { Wav2Vec2FeatureExtractor } from "../src/features/mod.ts";
import { type AudioClassificationModel, buildModel } from "../src/models/mod.ts";
import { savePretrained } from "../src/pretrained.ts";

/** The labels of the tiny model. */
export const TINY_LABELS: readonly string[] = ["zero", "one", "two", "three", "four"];

/** The fewest samples that the tiny model takes. */
export const TINY_MIN_SAMPLES = 60;

/** `config.json` of the tiny model. */
export const TINY_CONFIG: Readonly<Record<string, unknown>> = {
  model_type: "wav2vec2",
  conv_dim: [8, 8],
  conv_kernel: [20, 5],
  conv_stride: [10, 5],
  feat_extract_norm: "group",
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 24,
  num_conv_pos_embeddings: 8,
  num_conv_pos_embedding_groups: 2,
  classifier_proj_size: 12,
  initializer_range: 0.4,
  id2label: Object.fromEntries(TINY_LABELS.entries()),
};

/** The extractor of the tiny model. */
export function tinyExtractor(): Wav2Vec2FeatureExtractor {
  return new Wav2Vec2FeatureExtractor({ samplingRate: 8_000 });
}

/** The model with random weights, on the device in use; the caller disposes it. */
export function tinyModel(seed = 1): Promise<AudioClassificationModel> {
  return buildModel(TINY_CONFIG, { seed });
}

/** Writes the model as a directory, with the device in use. */
export async function saveTinyModel(directory: string): Promise<void> {
  const model = await tinyModel();
  try {
    await savePretrained(directory, model, tinyExtractor());
  } finally {
    model.dispose();
  }
}

/** A tone that differs from one `pitch` to the next. */
export function tone(samples: number, pitch = 1): Float32Array {
  return Float32Array.from({ length: samples }, (_, i) => Math.sin(i * pitch / 7) * 0.5);
}
