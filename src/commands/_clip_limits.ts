/**
 * How many clips of a data set are used at most, for a quick look at whether all is well.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { seededRandom } from "../data/random.ts";
import type { ParsedArguments } from "./_arguments.ts";
import { wholeNumber } from "./_command.ts";
import type { SplitFolder } from "./_data.ts";

/** Most clips to train on, and of each split to test on. */
export interface ClipLimits {
  train?: number;
  test?: number;
}

/**
 * The limits among the options.
 *
 * @throws {UsageError} for other than whole numbers from 1.
 */
export function clipLimits(options: ParsedArguments["options"]): ClipLimits {
  const limit = (name: string) => wholeNumber(options, name, { min: 1 });
  return { train: limit("max-train-samples"), test: limit("max-eval-samples") };
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
