/**
 * Splits rows in two, row for row as Hugging Face `datasets` does for the same seed.
 *
 * Rows are dealt out one by one, so two recordings of one person may land on both sides;
 * `_group_splits.ts` keeps them together. The stratified way is scikit-learn's
 * StratifiedShuffleSplit, which `datasets` follows.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import { Pcg64 } from "./_pcg64.ts";

/** How many rows go where. */
export interface SplitSizes {
  /**
   * A part of the rows, above 0 and below 1 (rounded up), or a number of rows. @default 0.25, or
   * what `trainSize` leaves
   */
  testSize?: number;
  /** A part of the rows (rounded down) or a number of rows. @default all that are not for testing */
  trainSize?: number;
  /** A whole number from 0; the same one gives the same split. @default 42 */
  seed?: number;
  /** Whether rows are drawn at random; without, the first ones are for training. @default true */
  shuffle?: boolean;
}

/** The rows to split. */
export interface RowsToSplit {
  /** What messages call them. */
  name: string;
  /** How many there are. */
  count: number;
  /** The class of every row, where every side is to have its share of each. */
  classes?: { numbers: readonly number[]; names: readonly string[] };
}

/** The rows of the two sides, in the order in which they were drawn. */
export interface Sides {
  train: number[];
  test: number[];
}

/**
 * Draws the rows of a training and a test side.
 *
 * @param rows how many there are, and their classes.
 * @param sizes how large the sides are, and how they are drawn.
 * @returns row numbers; no row is on both sides.
 * @throws {RangeError} for a size or a seed that is no such number.
 * @throws {DatasetError} where a side would be empty, or a stratified one would miss a class.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * deepEqual(splitRows({ name: "all", count: 10 }, { testSize: 0.2 }).test, [5, 6]);
 * ```
 */
export function splitRows(rows: RowsToSplit, sizes: SplitSizes = {}): Sides {
  const { seed = 42, shuffle = true } = sizes;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`Cannot split with seed ${seed}: expected a whole number from 0`);
  }
  const counts = countsOf(rows, sizes);
  if (!shuffle) return plainSides(ordered(rows.count), counts, "train");
  const random = new Pcg64(seed);
  if (rows.classes) return stratifiedSides(rows, counts, random);
  return plainSides(permutation(rows.count, random), counts, "test");
}

function countsOf({ name, count }: RowsToSplit, sizes: SplitSizes): Record<keyof Sides, number> {
  const { trainSize, testSize = trainSize === undefined ? 0.25 : undefined } = sizes;
  const test = testSize === undefined ? undefined : sizeOf("test", testSize, count);
  const train = trainSize === undefined ? undefined : sizeOf("train", trainSize, count);
  const counts = { train: train ?? count - test!, test: test ?? count - train! };
  const fits = counts.train > 0 && counts.test > 0 && counts.train + counts.test <= count;
  if (fits) return counts;
  const [side, taken] = test === undefined ? ["train", train] : ["test", test];
  const both = test !== undefined && train !== undefined && train > 0;
  const expected = both
    ? `${train} rows to train on and ${test} to test on`
    : side === "train" && taken === 0
    ? `rows enough for ${sizes.trainSize} of them to be one`
    : `more than the ${taken} rows to ${side} on`;
  throw new DatasetError(
    `Cannot split data set "${name}": expected ${expected}, found ${count} in all`,
  );
}

/** A part for testing is rounded up, one for training down, as scikit-learn has it. */
function sizeOf(side: keyof Sides, size: number, count: number): number {
  const isCount = Number.isInteger(size);
  if (!(size > 0) || !isCount && size >= 1) {
    const expected = "a part above 0 and below 1, or a number of rows";
    throw new RangeError(`Cannot split with ${side} size ${size}: expected ${expected}`);
  }
  return isCount ? size : side === "test" ? Math.ceil(size * count) : Math.floor(size * count);
}

function plainSides(
  order: number[],
  counts: Record<keyof Sides, number>,
  first: keyof Sides,
): Sides {
  const start = { train: 0, test: 0, [first === "train" ? "test" : "train"]: counts[first] };
  const side = (name: keyof Sides) => order.slice(start[name], start[name]! + counts[name]);
  return { train: side("train"), test: side("test") };
}

/**
 * Each class's rows are shuffled and dealt to both sides by its share, then each side is shuffled.
 */
function stratifiedSides(
  rows: RowsToSplit,
  { train: trainCount, test: testCount }: Record<keyof Sides, number>,
  random: Pcg64,
): Sides {
  const groups = rowsByClass(rows);
  for (const [side, count] of [["train", trainCount], ["test", testCount]] as const) {
    if (count >= groups.length) continue;
    throw new DatasetError(
      `Cannot split data set "${rows.name}" by class: expected more rows to ${side} on, ` +
        `found ${count}, which cannot hold all ${groups.length} classes`,
      { hint: "Take more rows for it, or split without stratifying: `stratify: false`" },
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

/** The rows of every class that has some; a class with one row cannot be on both sides. */
function rowsByClass({ name, classes }: RowsToSplit): number[][] {
  const { numbers, names } = classes!;
  const groups = Map.groupBy(numbers.keys(), (row) => numbers[row]!);
  const numbered = [...groups].sort(([a], [b]) => a - b);
  const single = numbered.find(([, rows]) => rows.length === 1);
  if (single === undefined) return numbered.map(([, rows]) => rows);
  const found = `1 of ${JSON.stringify(names[single[0]] ?? single[0])} (row ${single[1][0]})`;
  throw new DatasetError(
    `Cannot split data set "${name}" by class: expected 2 rows or more of each, found ${found}`,
    { hint: "Record more clips of it, or split without stratifying: `stratify: false`" },
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
  const order = ordered(count);
  random.shuffle(order);
  return order;
}

function ordered(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
