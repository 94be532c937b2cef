/**
 * The clips that an export is measured on: splits of an audio folder, or any folder of recordings.
 *
 * Labels are used where the folder has the model's; without them scores can be compared and accuracy not.
 *
 * @module
 */
import { alignLabels, type AudioDataset } from "../data/audio_dataset.ts";
import { audioFilesBelow } from "../data/audio_files.ts";
import { loadTrainingSplits } from "../data/training_splits.ts";
import { DatasetError } from "../errors.ts";

/** Clips that are measured together. */
export interface CalibrationSet {
  /** At most as many clips as were asked for, from all over the split. */
  dataset: AudioDataset;
  /** Whether the clips' labels are the model's. */
  isLabelled: boolean;
}

/**
 * The sets of a folder, with at most `maxClips` clips each.
 *
 * @throws {DatasetError} where there is no recording in it.
 */
export async function calibrationSets(
  dir: string,
  { labels, maxClips }: { labels: readonly string[]; maxClips: number },
): Promise<CalibrationSet[]> {
  const { sets, isLabelled } = await labelledSets(dir, labels).catch(async (error: unknown) => {
    if (!(error instanceof DatasetError)) throw error;
    const files = await audioFilesBelow(dir).catch(() => []);
    if (files.length === 0) throw error;
    const clips = files.map((file) => ({ file, label: 0 }));
    return { sets: [{ split: "all", labels, clips }], isLabelled: false };
  });
  return sets.map((set) => {
    return { dataset: { ...set, clips: evenly(set.clips, maxClips) }, isLabelled };
  });
}

async function labelledSets(
  dir: string,
  labels: readonly string[],
): Promise<{ sets: AudioDataset[]; isLabelled: boolean }> {
  const sorted = [...labels].sort();
  const { splits } = await loadTrainingSplits(dir, { testSize: 0, labels: sorted, offline: true });
  const found = [splits.train, splits.validation, splits.test];
  const sets = found.filter((set) => set !== undefined).map((set) => alignLabels(set, labels));
  return { sets, isLabelled: true };
}

/** A number of items at even distances, so that those of every label are among them. */
export function evenly<Item>(items: readonly Item[], count: number): Item[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor(i * items.length / count)]!);
}
