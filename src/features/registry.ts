/**
 * Picks the feature extractor that a model directory asks for.
 *
 * @module
 */

import { ASTFeatureExtractor } from "./ast.ts";
import { CedFeatureExtractor } from "./ced.ts";
import { ConfigFields } from "./_config_fields.ts";
import { EfficientATFeatureExtractor } from "./efficientat.ts";
import type { FeatureExtractor } from "./feature_extractor.ts";
import { SeamlessM4TFeatureExtractor } from "./seamless_m4t.ts";
import { Wav2Vec2FeatureExtractor } from "./wav2vec2.ts";
import { WhisperFeatureExtractor } from "./whisper.ts";

/** What is known besides the content of the file. */
export interface FeatureExtractorConfigOptions {
  /** The file's name, for messages. */
  file?: string;
  /** The extractor of the model's architecture, for old files that name none. */
  defaultType?: string;
}

type FromConfig = (config: unknown, options: { file?: string }) => FeatureExtractor;

/** Characters of a strange name that a message holds. */
const MAX_SHOWN = 60;

const EXTRACTORS: ReadonlyMap<string, FromConfig> = new Map<string, FromConfig>([
  ["ASTFeatureExtractor", ASTFeatureExtractor.fromConfig],
  ["CedFeatureExtractor", CedFeatureExtractor.fromConfig],
  ["EfficientATFeatureExtractor", EfficientATFeatureExtractor.fromConfig],
  ["SeamlessM4TFeatureExtractor", SeamlessM4TFeatureExtractor.fromConfig],
  ["Wav2Vec2FeatureExtractor", Wav2Vec2FeatureExtractor.fromConfig],
  ["WhisperFeatureExtractor", WhisperFeatureExtractor.fromConfig],
]);

/**
 * Builds the extractor that a `preprocessor_config.json` names in `feature_extractor_type`.
 *
 * @param config the file's parsed content.
 * @param options the file's name, and the extractor to take where the file names none.
 * @returns the extractor.
 * @throws {CheckpointError} where the extractor is missing or not supported, or a field has a value
 * that it cannot have.
 *
 * @example
 * ```ts
 * import { featureExtractorFromConfig } from "./registry.ts";
 * import { equal } from "node:assert/strict";
 *
 * const extractor = featureExtractorFromConfig({
 *   feature_extractor_type: "Wav2Vec2FeatureExtractor",
 *   sampling_rate: 16_000,
 * });
 * equal(extractor.inputName, "input_values");
 * ```
 */
export function featureExtractorFromConfig(
  config: unknown,
  options: FeatureExtractorConfigOptions = {},
): FeatureExtractor {
  const fields = new ConfigFields(config, options.file);
  const type = fields.text("feature_extractor_type") ?? options.defaultType ?? "none";
  const fromConfig = EXTRACTORS.get(type);
  if (fromConfig !== undefined) return fromConfig(config, { file: options.file });
  const supported = [...EXTRACTORS.keys()].join(" or ");
  throw fields.error(
    `expected feature_extractor_type ${supported}, found ${type.slice(0, MAX_SHOWN)}`,
    "feature_extractor_type",
  );
}
