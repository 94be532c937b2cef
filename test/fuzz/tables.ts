/**
 * Inputs for the tables of data sets: CSV, TSV, JSON lines and lists, Parquet in every encoding and compression, and
 * zip archives.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { ChunkCache } from "../../src/data/_chunk_cache.ts";
import { type DataFile, type DataFiles, openBytes } from "../../src/data/_data_files.ts";
import { jsonListTable } from "../../src/data/_json_rows.ts";
import { parquetTable } from "../../src/data/_parquet.ts";
import { type TextFormat, textTable } from "../../src/data/_text_table.ts";
import { withoutArchives } from "../../src/data/_zip.ts";
import type { Table } from "../../src/data/_table.ts";
import {
  type Codec,
  CODECS,
  type CraftedColumn,
  type CraftedPage,
  craftParquet,
  deltas,
  levels,
  plainTexts,
  runs,
} from "../data/craft_parquet.ts";
import { zipFile } from "../data/craft_zip.ts";
import { joined } from "../docs/parquet_file.ts";
import { craftZip } from "../weights/craft_torch.ts";
import type { Dice } from "./dice.ts";
import { broken, brokenJson } from "./json.ts";
import type { FuzzInput, FuzzTarget } from "./target.ts";

/** Rows that are read of a table; the last is among them. */
const READ_ROWS = 20;

function fileOf(path: string, bytes: Uint8Array): DataFile {
  return {
    ...{ path, name: path, sizeBytes: bytes.length },
    open: () => Promise.resolve(openBytes(path, bytes)),
    sibling: () => Promise.reject(new RangeError('Cannot open "x": expected no other file')),
  };
}

/** Reads some rows of every column. */
async function readTable(table: Table): Promise<void> {
  const columns = Object.keys(table.features);
  const places = Array.from({ length: Math.min(READ_ROWS, table.numRows) }, (_, i) => i);
  if (table.numRows > READ_ROWS) places.push(table.numRows - 1);
  equal((await table.read(places, columns)).length, places.length);
}

function text(format: TextFormat): FuzzTarget["parse"] {
  return async (bytes) => {
    await readTable(await textTable(fileOf(`a.${format}`, bytes), format, new ChunkCache(2 ** 20)));
  };
}

async function jsonList(bytes: Uint8Array): Promise<void> {
  const table = await jsonListTable(fileOf("a.json", bytes));
  if (table) await readTable(table);
}

async function parquet(bytes: Uint8Array): Promise<void> {
  await readTable(await parquetTable(fileOf("a.parquet", bytes), new ChunkCache(2 ** 20)));
}

async function zip(bytes: Uint8Array): Promise<void> {
  const archive = fileOf("a.zip", bytes);
  const files: DataFiles = { name: "a", paths: ["a.zip"], file: () => Promise.resolve(archive) };
  const inside = await withoutArchives(files);
  for (const path of inside.paths.slice(0, READ_ROWS)) {
    using source = await (await inside.file(path)).open();
    equal((await source.read(0, source.sizeBytes)).length, source.sizeBytes);
  }
}

function separated(separator: string): FuzzTarget["make"] {
  return (dice) => {
    const cell = () =>
      dice.pick(["", "1", "-2.5e3", "true", "a", '"a b"', '"a""b"', `"${separator}"`, '"\n"', "é"]);
    const width = 1 + dice.roll(4);
    const rows = Array.from({ length: dice.roll(40) }, () => Array.from({ length: width }, cell));
    const heading = Array.from({ length: width }, (_, i) => dice.pick([`c${i}`, `c${i}`, "x", ""]));
    const lines = [heading, ...rows].map((row) => row.join(separator));
    const whole = lines.join(dice.pick(["\n", "\r\n"])) + dice.pick(["", "\n", "\n\n"]);
    const bytes = new TextEncoder().encode(dice.pick(["", "\ufeff"]) + whole);
    return { bytes: dice.roll(3) === 0 ? bytes : dice.damage(bytes, 3) };
  };
}

function row(dice: Dice): unknown {
  return brokenJson({ file_name: "a.wav", label: dice.pick(["yes", 1]), tags: [1, 2] }, dice);
}

function jsonLines(dice: Dice): FuzzInput {
  const lines = Array.from({ length: dice.roll(20) }, () => JSON.stringify(row(dice)) ?? "");
  const bytes = new TextEncoder().encode(lines.join("\n"));
  return { bytes: dice.roll(3) === 0 ? dice.damage(bytes, 3) : bytes };
}

function jsonRows(dice: Dice): FuzzInput {
  return { bytes: broken(Array.from({ length: dice.roll(20) }, () => row(dice)), dice) };
}

const ROWS = 12;

/** A column in one of the encodings, optional or a list now and then, all of it sound. */
function column(dice: Dice, name: string): CraftedColumn {
  const codec = dice.pick(Object.keys(CODECS) as Codec[]);
  const numbers = Array.from({ length: ROWS }, () => dice.roll(dice.pick([2, 300, 2 ** 20])));
  const ints = () => new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer);
  const words = numbers.map((number) => "w".repeat(number % 9));
  const wordBytes = new TextEncoder().encode(words.join(""));
  const page = (encoding: CraftedPage["encoding"], body: Uint8Array) => ({
    values: ROWS,
    encoding,
    body,
  });
  const indices = joined([Uint8Array.of(2), runs(numbers.map((number) => number % 3), 2)]);
  const dictionary = {
    ...page("plain", plainTexts(["a", "b", "c"])),
    values: 3,
    isDictionary: true,
  };
  return dice.pick<() => CraftedColumn>([
    () => ({ name, codec, type: "int64", pages: [page("plain", ints())] }),
    () => ({ name, codec, type: "int64", pages: [page("deltas", deltas(numbers))] }),
    () => ({ name, codec, type: "double", pages: [page("split", dice.bytes(8 * ROWS))] }),
    () => ({
      name,
      codec,
      type: "bool",
      pages: [page("runs", levels(numbers.map((number) => number % 2), 1))],
    }),
    () => ({ name, codec, type: "bytes", pages: [page("plain", plainTexts(words))] }),
    () => ({ name, codec, type: "bytes", pages: [dictionary, page("dictionary", indices)] }),
    () => {
      const lengths = deltas(words.map(({ length }) => length));
      return { name, codec, type: "bytes", pages: [page("lengths", joined([lengths, wordBytes]))] };
    },
    () => {
      const prefixes = deltas(words.map(() => 0));
      const body = joined([prefixes, deltas(words.map(({ length }) => length)), wordBytes]);
      return { name, codec, type: "bytes", pages: [page("prefixes", body)] };
    },
    () => ({
      ...{ name, codec, type: "int64", kind: "optional" },
      pages: [page("plain", joined([levels(numbers.map(() => 1), 1), ints()]))],
    }),
    () => {
      const definition = runs(numbers.map((number) => number % 2), 1);
      const nulls = numbers.filter((number) => number % 2 === 0).length;
      const body = new Uint8Array(8 * (ROWS - nulls));
      const second = { repetition: new Uint8Array(), definition, nulls, rows: ROWS };
      const optional = { ...page("plain", body), second };
      return { name, codec, type: "int64", kind: "optional", pages: [optional] };
    },
    () => {
      const first = levels(numbers.map(() => 0), 1);
      const body = joined([first, levels(numbers.map(() => 2), 2), ints()]);
      return { name, codec, type: "int64", kind: "list", pages: [page("plain", body)] };
    },
  ])();
}

const GOLDEN = await Promise.all(
  ["several", "plain", "pages", "bytes"].map((name) =>
    Deno.readFile(new URL(`../golden/datasets/${name}.parquet`, import.meta.url))
  ),
);

/** A file of another writer, damaged in its footer, its indexes or anywhere. */
function goldenParquet(dice: Dice): FuzzInput {
  const whole = dice.pick(GOLDEN);
  const at = Math.max(0, dice.pick([whole.length - 400, whole.length - 3_000, 0]));
  const from = dice.roll(2) === 0 ? at : dice.roll(whole.length);
  return { bytes: joined([whole.subarray(0, from), dice.damage(whole.subarray(from), 3)]) };
}

/** Sound, damaged before it is compressed, or anywhere. */
function parquetFile(dice: Dice): FuzzInput {
  if (dice.roll(3) === 0) return goldenParquet(dice);
  const columns = Array.from({ length: 1 + dice.roll(3) }, (_, i) => column(dice, `c${i}`));
  const kind = dice.roll(4);
  if (kind === 0) return { bytes: craftParquet(columns, ROWS), expected: "read" };
  if (kind === 1) {
    const page = dice.pick(dice.pick(columns).pages);
    page.body = dice.damage(page.body, 2);
  }
  if (kind === 2) {
    const page = dice.pick(dice.pick(columns).pages);
    const size = dice.pick([0, 1, 7, 2 ** 16, 2 ** 20, 2 ** 30, 2 ** 31 - 1]);
    page[dice.pick(["packedBytes", "unpackedBytes", "values"] as const)] = size;
  }
  const whole = craftParquet(columns, kind === 3 ? dice.pick([ROWS, 0, 13, 2 ** 31]) : ROWS);
  if (kind !== 3) return { bytes: whole };
  // Its footer is at the end, and what is damaged there says the most.
  const at = dice.pick([0, Math.max(0, whole.length - 300)]);
  return { bytes: joined([whole.subarray(0, at), dice.damage(whole.subarray(at), 3)]) };
}

function zipBytes(dice: Dice): FuzzInput {
  const contents = Object.fromEntries(
    Array.from({ length: dice.roll(6) }, (_, i) => [`d/${i}.txt`, dice.bytes(dice.roll(400))]),
  );
  const size = dice.pick([0, 1, 2 ** 16, 2 ** 30, 2 ** 32 - 1]);
  return dice.pick<() => FuzzInput>([
    () => ({ bytes: zipFile(contents), expected: "read" }),
    () => ({ bytes: zipFile(contents, { sizeBytes: size }) }),
    () => ({ bytes: zipFile(contents, { method: dice.roll(20), flags: dice.roll(20) }) }),
    () => ({ bytes: craftZip([["a", dice.bytes(30)]], { count: dice.roll(3), start: size }) }),
    () => {
      const whole = zipFile(contents);
      const at = dice.pick([0, Math.max(0, whole.length - 200)]);
      return { bytes: joined([whole.subarray(0, at), dice.damage(whole.subarray(at), 3)]) };
    },
  ])();
}

/** The tables by their format. */
export const TABLE_TARGETS: Readonly<Record<string, FuzzTarget>> = {
  "csv": { make: separated(","), parse: text("csv"), inputs: 4_500 },
  "tsv": { make: separated("\t"), parse: text("tsv"), inputs: 4_500 },
  "jsonl": { make: jsonLines, parse: text("jsonl"), inputs: 7_500 },
  "json-list": { make: jsonRows, parse: jsonList, inputs: 7_500 },
  "parquet": { make: parquetFile, parse: parquet, inputs: 3_600 },
  "zip": { make: zipBytes, parse: zip, inputs: 4_500 },
};
