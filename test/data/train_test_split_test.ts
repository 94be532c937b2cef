/**
 * Splits, row for row as Hugging Face `datasets` makes them, and the splits that cannot be made.
 *
 * @module
 */

import { deepEqual, equal, throws } from "node:assert/strict";
import { type RowsToSplit, splitRows } from "../../src/data/train_test_split.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";

interface KitSplits {
  by_rows: Record<string, { train: number[]; test: number[] }>;
}

const NAMES = ["a", "b", "c", "d"];

/** Rows of these classes. */
function rowsOf(numbers: number[]): Required<RowsToSplit> {
  return { name: "all", count: numbers.length, classes: { numbers, names: NAMES } };
}

/** As many rows without classes. */
function plainRows(count: number): RowsToSplit {
  return { name: "all", count };
}

kitTest("splitRows() makes the reference's splits", async () => {
  const { by_rows } = await readJson<KitSplits>(kitPath("datasets", "train_test_split.json"));
  for (const count of [10, 28, 100, 563]) {
    const { train, test } = splitRows(plainRows(count), { testSize: 0.2, seed: 42 });
    deepEqual([train, test], [by_rows[count]!.train, by_rows[count]!.test]);
  }
});

kitTest("splitRows() makes the reference's stratified split", async () => {
  const { by_rows } = await readJson<KitSplits>(kitPath("datasets", "train_test_split.json"));
  const numbers = Array.from({ length: 28 }, (_, row) => row % 14);
  const { train, test } = splitRows(rowsOf(numbers), { testSize: 0.5, seed: 42 });
  const expected = by_rows["28_stratified_half"]!;
  deepEqual([train, test], [expected.train, expected.test]);
});

Deno.test("splitRows() draws lots for ties as the reference does", () => {
  // datasets 5.0.1: train_test_split(test_size=3, seed=7, stratify_by_column="y")
  const rows = rowsOf([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]);
  const { train, test } = splitRows(rows, { testSize: 3, seed: 7 });
  deepEqual([train, test], [[1, 0, 2, 8, 6, 7, 9, 4], [5, 3, 10]]);
});

Deno.test("splitRows() takes sizes of both sides as the reference does", () => {
  // datasets 5.0.1: train_test_split of 10 rows with seed 3
  const sides = (sizes: object) => splitRows(plainRows(10), { seed: 3, ...sizes });
  deepEqual(sides({ trainSize: 0.55 }), { train: [4, 7, 5, 3, 8], test: [9, 6, 0, 2, 1] });
  deepEqual(sides({ trainSize: 3, testSize: 2 }), { train: [0, 2, 1], test: [9, 6] });
  deepEqual(sides({ trainSize: 0.25, testSize: 0.5 }), { train: [4, 7], test: [9, 6, 0, 2, 1] });
  deepEqual(sides({}), { train: [2, 1, 4, 7, 5, 3, 8], test: [9, 6, 0] });
});

Deno.test("splitRows() keeps every row on exactly one side", () => {
  const numbers = Array.from({ length: 101 }, (_, row) => row % 4);
  for (const rows of [rowsOf(numbers), plainRows(101)]) {
    for (const testSize of [0.1, 0.25, 0.5, 7]) {
      const { train, test } = splitRows(rows, { testSize });
      const all = [...train, ...test].sort((a, b) => a - b);
      deepEqual(all, numbers.map((_, row) => row));
      equal(test.length, testSize < 1 ? Math.ceil(101 * testSize) : 7);
    }
  }
});

Deno.test("splitRows() gives every class its share when stratified", () => {
  const numbers = Array.from({ length: 100 }, (_, row) => row < 80 ? 0 : row < 90 ? 1 : 2);
  const { train, test } = splitRows(rowsOf(numbers), { testSize: 0.2, seed: 3 });
  const counts = (rows: number[]) =>
    NAMES.map((_, name) => rows.filter((row) => numbers[row] === name).length);
  deepEqual([counts(test), counts(train)], [[16, 2, 2, 0], [64, 8, 8, 0]]);
});

Deno.test("splitRows() depends on the seed", () => {
  const test = (seed: number) => splitRows(plainRows(50), { seed }).test;
  deepEqual(test(5), test(5));
  equal(test(5).join() === test(6).join(), false);
});

Deno.test("splitRows() leaves rows in their order without shuffling", () => {
  const { train, test } = splitRows(plainRows(4), { testSize: 1, shuffle: false });
  deepEqual([train, test], [[0, 1, 2], [3]]);
});

Deno.test("splitRows() refuses sizes and seeds that are no such numbers", () => {
  for (const size of [0, -0.5, 1.5, NaN, -1]) {
    throws(() => splitRows(plainRows(4), { testSize: size }), { name: "RangeError" }, `${size}`);
    throws(() => splitRows(plainRows(4), { trainSize: size }), { name: "RangeError" }, `${size}`);
  }
  for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
    throws(() => splitRows(plainRows(4), { seed }), { name: "RangeError" }, `${seed}`);
  }
});

Deno.test("splitRows() refuses to leave a side empty or without a class", () => {
  const refused = (rows: RowsToSplit, sizes: object, message: string | RegExp) =>
    throws(() => splitRows(rows, sizes), { name: "DatasetError", message });
  const all = 'Cannot split data set "all"';
  refused(
    plainRows(2),
    { testSize: 2 },
    `${all}: expected more than the 2 rows to test on, found 2 in all`,
  );
  refused(plainRows(0), { testSize: 0.5 }, /expected more than the 0 rows/);
  refused(
    plainRows(4),
    { testSize: 3, trainSize: 2 },
    `${all}: expected 2 rows to train on and 3 to test on, found 4 in all`,
  );
  refused(plainRows(4), { trainSize: 0.2 }, /expected rows enough for 0.2 of them to be one/);
  refused(
    rowsOf([0, 0, 0, 2]),
    {},
    `${all} by class: expected 2 rows or more of each, found 1 of "c" (row 3)`,
  );
  refused(
    rowsOf([0, 0, 1, 1, 2, 2]),
    { testSize: 2 },
    /expected more rows to test on, found 2, which cannot hold all 3 classes/,
  );
});
