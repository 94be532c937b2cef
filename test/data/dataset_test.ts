/**
 * Data sets: views of rows, in the reference's order, and what functions make of them.
 *
 * @module
 */

import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { type Columns, Dataset } from "../../src/data/dataset.ts";
import { DatasetDict } from "../../src/data/dataset_dict.ts";
import { Audio, ClassLabel, Sequence, Value } from "../../src/data/features.ts";
import { encodeWav } from "../../src/audio/encode_wav.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";

interface KitSplits {
  by_rows: Record<string, { train: number[]; test: number[]; shuffle_seed_42: number[] }>;
}

type Numbered = { n: number };

/** Rows that hold their own number. */
function numbered(count: number): Dataset<Numbered> {
  return Dataset.fromRows(Array.from({ length: count }, (_, n) => ({ n })));
}

kitTest("shuffle() and trainTestSplit() give the reference's order", async () => {
  const { by_rows } = await readJson<KitSplits>(kitPath("datasets", "train_test_split.json"));
  for (const count of [10, 28, 100, 563]) {
    const dataset = numbered(count);
    const expected = by_rows[count]!;
    deepEqual(await dataset.shuffle({ seed: 42 }).column("n"), expected.shuffle_seed_42);
    const { train, test } = await dataset.trainTestSplit({ testSize: 0.2, seed: 42 });
    deepEqual(await train.column("n"), expected.train);
    deepEqual(await test.column("n"), expected.test);
  }
});

Deno.test("shuffle() gives the order of datasets 5.0.1 for another seed", async () => {
  deepEqual(await numbered(10).shuffle({ seed: 7 }).column("n"), [8, 0, 7, 1, 3, 6, 2, 4, 5, 9]);
  const order = await numbered(1000).shuffle({ seed: 123 }).column("n");
  deepEqual(order.slice(0, 10), [775, 709, 459, 716, 371, 941, 446, 539, 242, 400]);
  equal(order.reduce((sum, value, place) => sum + place * value, 0), 250_413_940);
});

Deno.test("views of views keep to the rows that were chosen", async () => {
  const dataset = numbered(10).select([9, 3, 5, 7]).select([2, 0]);
  deepEqual(await dataset.column("n"), [5, 9]);
  deepEqual([await dataset.at(0), await dataset.at(-1)], [{ n: 5 }, { n: 9 }]);
  throws(() => dataset.select([2]), {
    name: "RangeError",
    message: "Cannot select row 2: expected numbers below 2",
  });
  const odd = await numbered(10).filter(({ n }) => n % 2 === 1);
  deepEqual(await odd.shuffle({ seed: 1 }).select([0, 1]).length, 2);
  deepEqual(await odd.column("n"), [1, 3, 5, 7, 9]);
});

Deno.test("filter() reads only the columns that it needs", async () => {
  const rows = [{ audio: { path: "a.wav", bytes: Uint8Array.of(1) }, n: 1 }];
  const dataset = Dataset.fromRows(rows, { audio: new Audio(), n: new Value("int64") });
  const kept = await dataset.filter(({ n }) => n === 1, { inputColumns: ["n"] });
  equal(kept.numRows, 1);
  await rejects(dataset.filter(() => true), { name: "AudioFormatError" });
});

Deno.test("map() adds, replaces and removes columns", async () => {
  const dataset = Dataset.fromRows([{ a: 1, b: "x" }, { a: 2, b: "y" }]);
  const mapped = await dataset.map(({ a }, index) => ({ a: a * 10, c: [index, a] }), {
    removeColumns: ["b"],
  });
  deepEqual(mapped.columnNames, ["a", "c"]);
  equal(String(mapped.features.c), "List(Value('int64'))");
  deepEqual(await Array.fromAsync(mapped), [{ a: 10, c: [0, 1] }, { a: 20, c: [1, 2] }]);
  deepEqual(await mapped.select([1]).column("a"), [20]);
});

Deno.test("map() gives a batched function lists, of the rows that are read", async () => {
  const sizes: number[] = [];
  const dataset = numbered(10).select([9, 8, 7, 6, 5]);
  const mapped = await dataset.map(({ n }, indices) => {
    sizes.push(n.length);
    return { twice: n.map((value) => 2 * value), at: indices };
  }, { batched: true, batchSize: 2 });
  deepEqual(await mapped.column("twice"), [18, 16, 14, 12, 10]);
  deepEqual(await mapped.column("at"), [0, 1, 2, 3, 4]);
  deepEqual(sizes, [1, 2, 2, 1, 2, 2, 1]);
});

Deno.test("map() runs only for the rows and columns that are asked for", async () => {
  const seen: number[] = [];
  const mapped = await numbered(5).map(({ n }) => {
    seen.push(n);
    return { twice: 2 * n };
  });
  deepEqual(seen.splice(0), [0]);
  await mapped.column("n");
  deepEqual(seen, []);
  await mapped.at(3);
  deepEqual(seen, [3]);
});

Deno.test("map() keeps the type of a column of classes", async () => {
  const features = { label: new ClassLabel(["no", "yes"]) };
  const dataset = Dataset.fromRows([{ label: 0 }, { label: 1 }], features);
  const mapped = await dataset.map(({ label }) => ({ label: 1 - label }));
  ok(mapped.features.label instanceof ClassLabel);
  deepEqual(await mapped.column("label"), [1, 0]);
  const floats = await dataset.map(() => ({ input: Float32Array.of(1) }));
  ok(floats.features.input instanceof Sequence);
});

Deno.test("map() refuses a batched function that gives other numbers of rows", async () => {
  const dataset = numbered(3);
  await rejects(dataset.map(() => ({ n: [1, 2] }), { batched: true }), {
    name: "DatasetError",
    message: 'Cannot map column "n": expected a list of 1 values, found 2 values',
  });
  await rejects(dataset.map(() => ({ n: 1 }), { batched: true }), /found number/);
  await rejects(dataset.map(() => {}, { removeColumns: ["m"] }), /Cannot use column "m"/);
});

Deno.test("map() lets a function that returns nothing change nothing", async () => {
  const mapped = await numbered(3).map(() => {});
  deepEqual([mapped.columnNames, await mapped.column("n")], [["n"], [0, 1, 2]]);
});

Deno.test("columns are renamed, removed and put in order", async () => {
  const dataset = Dataset.fromRows([{ a: 1, b: 2, c: 3 }]);
  deepEqual(await dataset.renameColumn("a", "z").at(0), { z: 1, b: 2, c: 3 });
  deepEqual(dataset.renameColumn("a", "z").columnNames, ["z", "b", "c"]);
  deepEqual(dataset.removeColumns(["a", "c"]).columnNames, ["b"]);
  deepEqual(await dataset.selectColumns(["c", "a"]).at(0), { c: 3, a: 1 });
  throws(() => dataset.renameColumn("a", "b"), {
    name: "DatasetError",
    message: 'Cannot rename column "a": expected a free name, found "b"',
  });
  for (const wrong of [() => dataset.removeColumns("d"), () => dataset.selectColumns(["d"])]) {
    throws(wrong, { name: "DatasetError", message: /expected one of "a", "b", "c"$/ });
  }
});

Deno.test("castColumn() names text, and refuses what it cannot make", async () => {
  const dataset = Dataset.fromRows([{ label: "yes", n: [1] }, { label: "no", n: [2] }]);
  const cast = dataset.castColumn("label", new ClassLabel(["no", "yes"]));
  deepEqual(await cast.column("label"), [1, 0]);
  await rejects(dataset.castColumn("label", new ClassLabel(["no"])).at(0), {
    name: "DatasetError",
    message: 'Cannot use label of rows, row 0: expected one of the 1 class names, found "yes"',
  });
  throws(() => dataset.castColumn("n", { samplingRate: 8_000 }), {
    name: "DatasetError",
    message: /Cannot cast column "n" to Audio\(.*\): expected values of that kind, found List/,
  });
});

Deno.test("castColumn() leaves recordings undecoded when asked to", async () => {
  const bytes = encodeWav(new Float32Array(8), 8_000);
  const dataset = Dataset.fromRows([{ audio: { path: "a.wav", bytes } }]);
  const { audio } = await dataset.castColumn("audio", new Audio({ decode: false })).at(0);
  deepEqual(audio as unknown, { path: "a.wav", bytes });
});

Deno.test("classEncodeColumn() numbers values in the order of their names", async () => {
  const dataset = Dataset.fromRows([{ word: "yes" }, { word: "no" }, { word: "yes" }]);
  const encoded = await dataset.classEncodeColumn("word");
  deepEqual(await encoded.column("word"), [1, 0, 1]);
  deepEqual((encoded.features.word as ClassLabel).names, ["no", "yes"]);
  deepEqual(await dataset.uniqueValues("word"), ["yes", "no"]);
});

Deno.test("trainTestSplit() gives each class its share, and names one that is no class", async () => {
  const rows = Array.from({ length: 20 }, (_, i) => ({ label: i % 4 === 0 ? 1 : 0 }));
  const dataset = Dataset.fromRows(rows, { label: new ClassLabel(["no", "yes"]) });
  const { train, test } = await dataset.trainTestSplit({ testSize: 4, stratifyBy: "label" });
  deepEqual([train.numRows, (await test.column("label")).sort()], [16, [0, 0, 0, 1]]);
  deepEqual([train.split, test.split], ["train", "test"]);
  await rejects(Dataset.fromRows(rows).trainTestSplit({ stratifyBy: "label" }), {
    name: "DatasetError",
    message: "Cannot split by column \"label\": expected classes, found Value('int64')",
    hint: 'Make classes of it with classEncodeColumn("label")',
  });
  await rejects(Dataset.fromRows([{ word: "no" }]).trainTestSplit({ stratifyBy: "word" }), {
    message: "Cannot split by column \"word\": expected classes, found Value('string')",
    hint: 'Make classes of it with classEncodeColumn("word")',
  });
  const single = dataset.select([0, 1, 2]);
  await rejects(single.trainTestSplit({ testSize: 1, stratifyBy: "label" }), {
    name: "DatasetError",
    message:
      'Cannot split data set "all" by class: expected 2 rows or more of each, found 1 of "yes" (row 0)',
  });
});

Deno.test("data sets print as the reference prints them", () => {
  const dataset = Dataset.fromRows([{ path: "a", label: 1 }]);
  const shown = "Dataset({\n    features: ['path', 'label'],\n    num_rows: 1\n})";
  equal(String(dataset), shown);
  equal(Deno.inspect(dataset), shown);
  const dict = new DatasetDict({ train: dataset });
  const all = `DatasetDict({
    train: Dataset({
        features: ['path', 'label'],
        num_rows: 1
    })
})`;
  equal(String(dict), all);
  equal(Deno.inspect(dict), all);
});

Deno.test("a DatasetDict does to every split what a data set does", async () => {
  const dict = new DatasetDict({ train: numbered(3), test: numbered(2) });
  const mapped = await dict.renameColumn("n", "m").map(({ m }) => ({ k: Number(m) + 1 }));
  deepEqual(await mapped.test.column("k"), [1, 2]);
  deepEqual(await mapped.removeColumns("m").train.at(2), { k: 3 });
  const odd = await dict.filter(({ n }) => Number(n) % 2 === 1);
  deepEqual([odd.train.numRows, odd.test.numRows], [1, 1]);
  deepEqual(Object.keys(dict.shuffle({ seed: 1 })), ["train", "test"]);
});

Deno.test("rows and splits keep their types from one step to the next", async () => {
  const rows = [{ n: 1, text: "a" }, { n: 2, text: "b" }, { n: 3, text: "c" }];
  const { train } = await Dataset.fromRows(rows).trainTestSplit({ testSize: 1 });
  const dict = new DatasetDict({ train }).removeColumns("text").castColumn("n", new Value("int8"));
  const sums = await dict.map(
    ({ n }: Columns<{ n: number }>) => ({ double: n.map((x) => 2 * x) }),
    {
      removeColumns: "n",
      batched: true,
    },
  );
  const { n } = await dict.train.at(0);
  deepEqual(await sums.train.at(0), { double: 2 * n });
});

Deno.test("ClassLabel names and numbers, and says what there is", () => {
  const label = new ClassLabel(["no", "yes"]);
  deepEqual([label.int2str(1), label.str2int("no"), label.numClasses], ["yes", 0, 2]);
  throws(() => label.int2str(2), /Cannot name class 2: expected a whole number from 0 to 1/);
  throws(() => label.str2int("maybe"), /Cannot number class "maybe": expected one of "no", "yes"/);
  throws(() => new ClassLabel(["a", "a"]), /expected each name once, found "a" twice/);
});
