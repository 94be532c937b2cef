/**
 * The feature extractor of a model directory, in whichever of its files that is.
 *
 * transformers 5 writes `processor_config.json` where a model has a tokenizer too, and puts the extractor into it;
 * otherwise there is `preprocessor_config.json`. Early checkpoints name no class in it, and some have no such file:
 * then the class is that of the architecture.
 *
 * @module
 */
import type { FileReader } from "../weights/byte_source.ts";
import { nameIn } from "../weights/byte_source.ts";
import { readJsonFile, readJsonFileIfThere } from "../weights/json_file.ts";
import type { FeatureExtractor } from "./feature_extractor.ts";
import { featureExtractorFromConfig } from "./registry.ts";

/** How an extractor is loaded. */
export interface LoadExtractorOptions {
  /** Called where a directory does not say how its input is made. @default console.warn */
  onWarning?: (message: string) => void;
}

type Json = Record<string, unknown>;

/**
 * The extractor of a model.
 *
 * @throws {CheckpointError} when a file is wrong, or there is no `config.json` to tell the architecture by.
 */
export async function loadFeatureExtractor(
  files: FileReader,
  { onWarning = console.warn }: LoadExtractorOptions = {},
): Promise<FeatureExtractor> {
  const found = await extractorConfig(files);
  if (found && found.config.feature_extractor_type) {
    return featureExtractorFromConfig(found.config, { file: found.file });
  }
  const model = await readJsonFile(files, "config.json");
  const { defaultType, fields } = ofArchitecture(model);
  if (found) return featureExtractorFromConfig(found.config, { file: found.file, defaultType });
  const extractor = featureExtractorFromConfig(fields, { defaultType });
  onWarning(
    `"${
      files.name ?? "The model"
    }" does not say how its input is made: taken is what models of type ` +
      `"${model.model_type}" mostly have, a ${defaultType} at ${extractor.samplingRate} Hz`,
  );
  return extractor;
}

async function extractorConfig(
  files: FileReader,
): Promise<{ config: Json; file: string } | undefined> {
  const processor = await readJsonFileIfThere(files, "processor_config.json");
  const own = processor?.feature_extractor ?? processor?.audio_processor;
  if (typeof own === "object" && own !== null) {
    return { config: own as Json, file: nameIn(files, "processor_config.json") };
  }
  const config = await readJsonFileIfThere(files, "preprocessor_config.json");
  return config && { config, file: nameIn(files, "preprocessor_config.json") };
}

/** Frames that Whisper's extractor makes of a second, and those of them that make one position. */
const [WHISPER_FRAMES, WHISPER_STRIDE] = [100, 2];

/** The class of an architecture's extractor, and the fields that follow from the model's config. */
function ofArchitecture(model: Json): { defaultType: string; fields: Json } {
  if (model.model_type === "audio-spectrogram-transformer") {
    const { num_mel_bins, max_length } = model;
    return { defaultType: "ASTFeatureExtractor", fields: { num_mel_bins, max_length } };
  }
  if (model.model_type === "ced") {
    const { n_mels: feature_size, n_fft, hop_size, win_size, f_min, f_max, center } = model;
    const fields = { feature_size, n_fft, hop_size, win_size, f_min, f_max, center };
    return { defaultType: "CedFeatureExtractor", fields };
  }
  if (model.model_type === "efficientat") {
    const fields = { feature_size: model.input_dim_f };
    return { defaultType: "EfficientATFeatureExtractor", fields };
  }
  if (model.model_type === "wav2vec2-bert") {
    const stride = 2;
    const num_mel_bins = Number(model.feature_projection_input_dim ?? 160) / stride;
    return { defaultType: "SeamlessM4TFeatureExtractor", fields: { num_mel_bins, stride } };
  }
  if (model.model_type === "whisper") {
    const positions = Number(model.max_source_positions ?? 1500);
    const chunk_length = positions * WHISPER_STRIDE / WHISPER_FRAMES;
    const fields = { feature_size: model.num_mel_bins, chunk_length };
    return { defaultType: "WhisperFeatureExtractor", fields };
  }
  // Padding changes the scores of the others even with a mask, which they were trained without.
  const return_attention_mask = model.feat_extract_norm === "layer";
  return { defaultType: "Wav2Vec2FeatureExtractor", fields: { return_attention_mask } };
}
