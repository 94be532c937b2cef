/**
 * Splits, row for row as Hugging Face `datasets` makes them, and the splits that cannot be made.
 *
 * @module
 */

import { deepEqual, equal, throws } from "node:assert/strict";
import type { AudioDataset } from "../../src/data/audio_dataset.ts";
import { trainTestSplit } from "../../src/data/train_test_split.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";

interface KitSplits {
  by_rows: Record<string, { train: number[]; test: number[] }>;
}

/** Clips named by their row. */
function rowsOf(labelNumbers: number[]): AudioDataset {
  const clips = labelNumbers.map((label, row) => ({ file: String(row), label }));
  return { split: "all", labels: ["a", "b", "c", "d"], clips };
}

function rows(dataset: AudioDataset): number[] {
  return dataset.clips.map((clip) => Number(clip.file));
}

function countOf(dataset: AudioDataset, label: number): number {
  return dataset.clips.filter((clip) => clip.label === label).length;
}

kitTest("trainTestSplit() makes the reference's splits", async () => {
  const { by_rows } = await readJson<KitSplits>(kitPath("datasets", "train_test_split.json"));
  for (const count of [10, 28, 100, 563]) {
    const dataset = rowsOf(new Array(count).fill(0));
    const { train, test } = trainTestSplit(dataset, { testSize: 0.2, seed: 42 });
    deepEqual([rows(train), rows(test)], [by_rows[count]!.train, by_rows[count]!.test]);
  }
});

kitTest("trainTestSplit() makes the reference's stratified split", async () => {
  const { by_rows } = await readJson<KitSplits>(kitPath("datasets", "train_test_split.json"));
  const clips = Array.from({ length: 28 }, (_, row) => ({ file: String(row), label: row % 14 }));
  const labels = Array.from({ length: 14 }, (_, label) => `intent ${label}`);
  const options = { testSize: 0.5, seed: 42, stratify: true };
  const { train, test } = trainTestSplit({ split: "all", labels, clips }, options);
  const expected = by_rows["28_stratified_half"]!;
  deepEqual([rows(train), rows(test)], [expected.train, expected.test]);
});

Deno.test("trainTestSplit() draws lots for ties as the reference does", () => {
  // datasets 5.0.1: train_test_split(test_size=3, seed=7, stratify_by_column="y")
  const dataset = rowsOf([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]);
  const { train, test } = trainTestSplit(dataset, { testSize: 3, seed: 7, stratify: true });
  deepEqual([rows(train), rows(test)], [[1, 0, 2, 8, 6, 7, 9, 4], [5, 3, 10]]);
});

Deno.test("trainTestSplit() keeps every clip on exactly one side", () => {
  const dataset = rowsOf(Array.from({ length: 101 }, (_, row) => row % 4));
  for (const stratify of [false, true]) {
    for (const testSize of [0.1, 0.25, 0.5, 7]) {
      const { train, test } = trainTestSplit(dataset, { testSize, stratify });
      const all = [...rows(train), ...rows(test)].sort((a, b) => a - b);
      deepEqual(all, rows(dataset));
      equal(test.clips.length, testSize < 1 ? Math.ceil(101 * testSize) : 7);
    }
  }
  deepEqual([dataset.split, dataset.clips.length], ["all", 101]);
});

Deno.test("trainTestSplit() gives every label its share when stratified", () => {
  const dataset = rowsOf(Array.from({ length: 100 }, (_, row) => row < 80 ? 0 : row < 90 ? 1 : 2));
  const { train, test } = trainTestSplit(dataset, { testSize: 0.2, stratify: true, seed: 3 });
  deepEqual([0, 1, 2, 3].map((label) => countOf(test, label)), [16, 2, 2, 0]);
  deepEqual([0, 1, 2, 3].map((label) => countOf(train, label)), [64, 8, 8, 0]);
});

Deno.test("trainTestSplit() depends on the seed", () => {
  const dataset = rowsOf(new Array(50).fill(0));
  const test = (seed: number) => rows(trainTestSplit(dataset, { seed }).test);
  deepEqual(test(5), test(5));
  equal(test(5).join() === test(6).join(), false);
});

Deno.test("trainTestSplit() refuses sizes and seeds that are no such numbers", () => {
  const dataset = rowsOf([0, 1, 0, 1]);
  for (const testSize of [0, -0.5, 1.5, NaN, -1]) {
    throws(() => trainTestSplit(dataset, { testSize }), { name: "RangeError" }, `${testSize}`);
  }
  for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
    throws(() => trainTestSplit(dataset, { seed }), { name: "RangeError" }, `${seed}`);
  }
});

Deno.test("trainTestSplit() refuses to leave a side empty or without a label", () => {
  throws(() => trainTestSplit(rowsOf([0, 1]), { testSize: 2 }), {
    name: "DatasetError",
    message:
      'Cannot split data set "all": expected more than the 2 clips to test on, found 2 in all',
  });
  throws(() => trainTestSplit(rowsOf([]), { testSize: 0.5 }), { name: "DatasetError" });
  throws(() => trainTestSplit(rowsOf([0, 0, 0, 2]), { stratify: true }), {
    name: "DatasetError",
    message:
      'Cannot split data set "all" by label: expected 2 clips or more of each, found 1 of "c"',
    file: "3",
  });
  throws(() => trainTestSplit(rowsOf([0, 0, 1, 1, 2, 2]), { testSize: 2, stratify: true }), {
    name: "DatasetError",
    message: /expected more clips to test on, found 2, which cannot hold all 3 labels/,
  });
});
