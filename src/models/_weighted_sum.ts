/**
 * Which state a weighted sum over layers takes as the last: transformers 4 took the one after the final norm, 5 takes
 * the one before. The two differ where the norm stands behind all layers.
 *
 * @module
 */
import type { ClassificationHeadConfig } from "../layers/classification_head.ts";
import type { JsonObject } from "./_config_reader.ts";

/** What is written into the config of a model that follows version 5. */
export const VERSION_5 = "5.18.0";

/** Whether the version that wrote a config changes what its model answers in the reference of today. */
export function followsVersion4(json: JsonObject): boolean {
  const hasNormBehind = json.do_stable_layer_norm === true ||
    json.model_type === "wav2vec2-conformer";
  return json.use_weighted_layer_sum === true && hasNormBehind &&
    isOfVersion4(json.transformers_version);
}

/** Whether a version is one before 5; unknown ones are not. */
export function isOfVersion4(version: unknown): boolean {
  return Number.parseInt(String(version ?? VERSION_5)) < 5;
}

/** Makes the forward pass of a config follow version 5. */
export function followVersion5(config: unknown): void {
  (config as ClassificationHeadConfig).weightedSumAfterNorm = false;
}
