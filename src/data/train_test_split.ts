/**
 * Splits a data set in two, clip for clip as Hugging Face `datasets` does for the same seed.
 *
 * Clips are dealt out one by one, so two recordings of one person may land on both sides; a data
 * set with people in it is better split by hand into folders. The stratified way is scikit-learn's
 * StratifiedShuffleSplit, which `datasets` follows.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import { Pcg64 } from "./_pcg64.ts";
import type { AudioDataset } from "./audio_dataset.ts";

/** How a data set is split. */
export interface TrainTestSplitOptions {
  /** A part of the clips, above 0 and below 1 (rounded up), or a number of clips. @default 0.25 */
  testSize?: number;
  /** A whole number from 0; the same one gives the same split. @default 42 */
  seed?: number;
  /** Whether every label has the same share on both sides. @default false */
  stratify?: boolean;
}

/** The two sides of a split, in the order in which they were drawn. */
export interface TrainTestSplit {
  /** What is left for training. */
  train: AudioDataset;
  /** `testSize` clips. */
  test: AudioDataset;
}

/**
 * Splits a data set into a part to train on and a part to test on.
 *
 * @param dataset left as it is.
 * @param options how large the test part is, and how it is drawn.
 * @returns two data sets that share no clip and hold all of them.
 * @throws {RangeError} for a size or a seed that is no such number.
 * @throws {DatasetError} where a side would be empty, or a stratified one would miss a label.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * const clips = Array.from({ length: 10 }, (_, i) => ({ file: `${i}.wav`, label: i % 2 }));
 * const dataset = { split: "all", labels: ["no", "yes"], clips };
 * const { test } = trainTestSplit(dataset, { testSize: 0.2 });
 * deepEqual(test.clips.map((clip) => clip.file), ["5.wav", "6.wav"]);
 * ```
 */
export function trainTestSplit(
  dataset: AudioDataset,
  options: TrainTestSplitOptions = {},
): TrainTestSplit {
  const { testSize = 0.25, seed = 42, stratify = false } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`Cannot split with seed ${seed}: expected a whole number from 0`);
  }
  const { clips } = dataset;
  const testCount = countOf(testSize, dataset);
  const random = new Pcg64(seed);
  const sides = stratify
    ? stratifiedSides(dataset, testCount, random)
    : plainSides(clips.length, testCount, random);
  const side = (split: string, rows: number[]): AudioDataset => {
    return { ...dataset, split, clips: rows.map((row) => clips[row]!) };
  };
  return { train: side("train", sides.train), test: side("test", sides.test) };
}

interface Sides {
  train: number[];
  test: number[];
}

function countOf(testSize: number, { split, clips }: AudioDataset): number {
  const isCount = Number.isInteger(testSize);
  if (!(testSize > 0) || !isCount && testSize >= 1) {
    const expected = "a part above 0 and below 1, or a number of clips";
    throw new RangeError(`Cannot split with test size ${testSize}: expected ${expected}`);
  }
  const count = isCount ? testSize : Math.ceil(testSize * clips.length);
  if (count < clips.length) return count;
  const expected = `more than the ${count} clips to test on`;
  throw new DatasetError(
    `Cannot split data set "${split}": expected ${expected}, found ${clips.length} in all`,
  );
}

function plainSides(count: number, testCount: number, random: Pcg64): Sides {
  const order = permutation(count, random);
  return { test: order.slice(0, testCount), train: order.slice(testCount) };
}

/**
 * Each label's clips are shuffled and dealt to both sides by its share, then each side is shuffled.
 */
function stratifiedSides(dataset: AudioDataset, testCount: number, random: Pcg64): Sides {
  const groups = clipsByLabel(dataset);
  const trainCount = dataset.clips.length - testCount;
  for (const [side, count] of [["train", trainCount], ["test", testCount]] as const) {
    if (count >= groups.length) continue;
    throw new DatasetError(
      `Cannot split data set "${dataset.split}" by label: expected more clips to ${side} on, ` +
        `found ${count}, which cannot hold all ${groups.length} labels`,
    );
  }
  const sizes = groups.map((group) => group.length);
  const trainShares = shares(sizes, trainCount, random);
  const testShares = shares(sizes.map((size, i) => size - trainShares[i]!), testCount, random);
  const dealt = groups.map((group) => permutation(group.length, random).map((at) => group[at]!));
  const sides: Sides = {
    train: dealt.flatMap((group, i) => group.slice(0, trainShares[i])),
    test: dealt.flatMap((group, i) =>
      group.slice(trainShares[i], trainShares[i]! + testShares[i]!)
    ),
  };
  random.shuffle(sides.train);
  random.shuffle(sides.test);
  return sides;
}

/** The clips of every label that has some; a label with one clip cannot be on both sides. */
function clipsByLabel({ split, labels, clips }: AudioDataset): number[][] {
  const groups: number[][] = labels.map(() => []);
  clips.forEach((clip, row) => groups[clip.label]!.push(row));
  const single = groups.findIndex((group) => group.length === 1);
  if (single < 0) return groups.filter((group) => group.length > 0);
  const { file } = clips[groups[single]![0]!]!;
  const found = `1 of ${JSON.stringify(labels[single])}`;
  throw new DatasetError(
    `Cannot split data set "${split}" by label: expected 2 clips or more of each, found ${found}`,
    { file, hint: "Record more clips of it, or split without stratifying" },
  );
}

/**
 * Whole numbers that add up to `total`, as near to the proportions of `sizes` as can be.
 *
 * What is left after rounding down goes to the largest remainders; equal ones draw lots.
 */
function shares(sizes: readonly number[], total: number, random: Pcg64): number[] {
  const sum = sizes.reduce((a, b) => a + b, 0);
  const exact = sizes.map((size) => total * size / sum);
  const whole = exact.map(Math.floor);
  const remainders = exact.map((share, i) => share - whole[i]!);
  let left = total - whole.reduce((a, b) => a + b, 0);
  for (const remainder of [...new Set(remainders)].sort((a, b) => b - a)) {
    if (left <= 0) break;
    const tied = remainders.flatMap((other, i) => other === remainder ? [i] : []);
    const count = Math.min(tied.length, left);
    for (const winner of random.choose(tied.length, count)) whole[tied[winner]!]!++;
    left -= count;
  }
  return whole;
}

function permutation(count: number, random: Pcg64): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  random.shuffle(order);
  return order;
}
