/**
 * Random models of the two architectures that take spectrograms, each with its extractor, small enough for any test.
 *
 * @module
 */
import { type FeatureExtractor, featureExtractorFromConfig } from "../src/features/mod.ts";
import { type AudioClassificationModel, buildModel } from "../src/models/mod.ts";
import { TINY_LABELS } from "./tiny_model.ts";

const id2label = Object.fromEntries(TINY_LABELS.entries());

/** `config.json` and `preprocessor_config.json` of each. */
export const TINY_SPECTROGRAM_MODELS: readonly {
  config: Record<string, unknown> & { model_type: string };
  preprocessor: Record<string, unknown>;
}[] = [
  {
    config: {
      model_type: "whisper",
      num_mel_bins: 16,
      max_source_positions: 50,
      d_model: 16,
      encoder_layers: 1,
      encoder_attention_heads: 2,
      encoder_ffn_dim: 24,
      classifier_proj_size: 12,
      init_std: 0.4,
      id2label,
    },
    preprocessor: {
      feature_extractor_type: "WhisperFeatureExtractor",
      feature_size: 16,
      chunk_length: 1,
    },
  },
  {
    config: {
      model_type: "audio-spectrogram-transformer",
      max_length: 98,
      num_mel_bins: 32,
      hidden_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 24,
      initializer_range: 0.4,
      id2label,
    },
    preprocessor: {
      feature_extractor_type: "ASTFeatureExtractor",
      num_mel_bins: 32,
      max_length: 98,
    },
  },
];

/** One of them on the device in use; the caller disposes the model. */
export async function tinySpectrogramModel(
  { config, preprocessor }: typeof TINY_SPECTROGRAM_MODELS[number],
): Promise<{ model: AudioClassificationModel; extractor: FeatureExtractor }> {
  return {
    model: await buildModel(config, { seed: 1 }),
    extractor: featureExtractorFromConfig(preprocessor),
  };
}
