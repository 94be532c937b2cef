/**
 * How many clips of a data set are used at most, for a quick look at whether all is well.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { seededRandom } from "../data/random.ts";
import type { OptionSpecs, OptionValues } from "./_arguments.ts";
import type { SplitFolder } from "./_data.ts";

/** Most clips to train on, and of each split to test on. */
export interface ClipLimits {
  train?: number;
  test?: number;
}

/** Their options. */
export const LIMIT_OPTIONS = {
  "max-train-samples": {
    kind: "number",
    whole: true,
    min: 1,
    help: "train on so many clips, drawn",
  },
  "max-eval-samples": {
    kind: "number",
    whole: true,
    min: 1,
    help: "test on so many clips of a split, drawn",
  },
} as const satisfies OptionSpecs;

/** The limits among the options. */
export function clipLimits(options: Partial<OptionValues<typeof LIMIT_OPTIONS>>): ClipLimits {
  return { train: options["max-train-samples"], test: options["max-eval-samples"] };
}

/** The splits with no more clips than that, drawn by the seed. */
export function limitedSplits(
  { train, validation, test }: SplitFolder["splits"],
  limits: ClipLimits,
  seed: number,
): SplitFolder["splits"] {
  return {
    train: train && limited(train, limits.train, seed),
    validation: validation && limited(validation, limits.test, seed),
    test: test && limited(test, limits.test, seed),
  };
}

/** A split with no more clips than that, drawn by the seed. */
export function limited(
  dataset: AudioDataset,
  limit: number | undefined,
  seed: number,
): AudioDataset {
  if (limit === undefined || limit >= dataset.clips.length) return dataset;
  const places = seededRandom(seed).permutation(dataset.clips.length).subarray(0, limit).sort();
  return { ...dataset, clips: Array.from(places, (place) => dataset.clips[place]!) };
}
