/**
 * What 8 bits do to a model that is exported, measured on recordings, and the report of it.
 *
 * @module
 */
import type { FeatureExtractor } from "../features/mod.ts";
import { loadPretrained } from "../pretrained.ts";
import type { FileReader } from "../weights/byte_source.ts";
import { calibrate, type Calibration } from "./_calibration.ts";
import { calibrationSets } from "./_calibration_sets.ts";
import { type LayerTrial, MIN_COSINE, type SetComparison } from "./_precision.ts";

/** Most clips of each set that are measured, where nothing else is asked for. */
export const MAX_CLIPS = 200;

/** A model, and recordings to measure it on. */
export interface CalibratedOptions {
  /** The model, for messages. */
  model: string;
  /** The recordings. */
  data: string;
  /** Most clips of each set. @default 200 */
  maxClips?: number;
  /** Gets a line for each layer that is measured, and what is worth knowing. @default none */
  onNote?: (note: string) => void;
}

/** What was measured. */
export interface CalibrationReport {
  /** The recordings. */
  data: string;
  /** What was asked for of every set. */
  minCosine: number;
  /** Each split of them, in 8 bits beside 32. */
  sets: SetComparison[];
  /** What each layer alone did in 8 bits. */
  layers: LayerTrial[];
}

/** What of a calibration is written down; `null` where there was none. */
export function calibrationReport(
  data: string | undefined,
  calibration: Calibration | undefined,
): CalibrationReport | null {
  if (data === undefined || !calibration) return null;
  const { sets, layers } = calibration;
  return { data, minCosine: MIN_COSINE, sets, layers };
}

/**
 * Measures a model in 8 bits on recordings.
 *
 * @throws {CheckpointError} when it cannot classify.
 * @throws {UnsupportedOpError} when it scores frames.
 */
export async function calibrated(
  { model, data, maxClips = MAX_CLIPS, onNote = () => {} }: CalibratedOptions,
  { files, extractor }: { files: FileReader; extractor: FeatureExtractor },
): Promise<Calibration> {
  const loaded = await loadPretrained(files);
  loaded.dispose();
  loaded.expectComplete(model);
  loaded.expectClipHead(`calibrate "${model}"`, { speakers: true });
  const sets = await calibrationSets(data, { labels: loaded.labels, maxClips });
  if (sets.some(({ isLabelled }) => !isLabelled)) {
    onNote(`"${data}" has other labels than the model, or none: accuracy is not measured`);
  }
  return await calibrate({
    model: files,
    extractor,
    sets,
    onTrial: (text) => onNote(`Measuring: ${text}`),
  });
}
