/**
 * Clips to columns of a data set, for a preprocessing function that is mapped over it.
 *
 * @module
 */
import type { ExtractOptions, FeatureExtractor } from "./feature_extractor.ts";

/** How clips become rows of their own; a row is padded to `maxLength` or not at all. */
export interface FeatureColumnsOptions extends Omit<ExtractOptions, "padding"> {
  /** Whether shorter clips are padded to `maxLength`. @default "max_length" where the extractor fixes the length */
  padding?: "max_length" | false;
}

/**
 * The model's input of each clip, under the name that the model has for it.
 *
 * **Shape** B clips of `[samples]` -> B rows of `[S]`, or of `[T * C]` for spectrograms
 *
 * @param extractor what prepares clips for the model.
 * @param clips waveforms of one channel, at the extractor's rate; they stay as they are.
 * @param options truncation, padding, and the clips' rate in hertz.
 * @returns one column, `input_values` or `input_features`.
 * @throws {RangeError} where the rate is another, or a clip is empty or holds NaN or infinity.
 *
 * @example
 * ```ts
 * import { featureColumns, Wav2Vec2FeatureExtractor } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const extractor = new Wav2Vec2FeatureExtractor();
 * const clips = [new Float32Array(24_000), new Float32Array(8_000)];
 * const columns = featureColumns(extractor, clips, { maxLength: 16_000, truncation: true });
 * deepEqual(columns.input_values?.map((row) => row.length), [16_000, 8_000]);
 * ```
 */
export function featureColumns(
  extractor: FeatureExtractor,
  clips: readonly Float32Array[],
  options: FeatureColumnsOptions = {},
): Record<string, Float32Array[]> {
  const rows = clips.map((clip) => extractor.extract([clip], options).inputValues);
  return { [extractor.inputName]: rows };
}
