/**
 * Waveforms to model input, as the `preprocessor_config.json` of a model directory describes.
 *
 * @module
 */

export { ASTFeatureExtractor, type ASTFeatureExtractorOptions, type ASTSteps } from "./ast.ts";
export { CedFeatureExtractor, type CedFeatureExtractorOptions } from "./ced.ts";
export {
  EfficientATFeatureExtractor,
  type EfficientATFeatureExtractorOptions,
} from "./efficientat.ts";
export type {
  ExtractOptions,
  FeatureBatch,
  FeatureExtractor,
  Padding,
  RecordingWindow,
  WindowExtractor,
} from "./feature_extractor.ts";
export { featureColumns, type FeatureColumnsOptions } from "./feature_columns.ts";
export { type LoadExtractorOptions, loadFeatureExtractor } from "./load_extractor.ts";
export { type FeatureExtractorConfigOptions, featureExtractorFromConfig } from "./registry.ts";
export {
  SeamlessM4TFeatureExtractor,
  type SeamlessM4TFeatureExtractorOptions,
} from "./seamless_m4t.ts";
export { Wav2Vec2FeatureExtractor, type Wav2Vec2FeatureExtractorOptions } from "./wav2vec2.ts";
export { WhisperFeatureExtractor, type WhisperFeatureExtractorOptions } from "./whisper.ts";
