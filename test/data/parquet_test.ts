/**
 * Parquet files: the reference's rows, every compression, and what is broken about them.
 *
 * @module
 */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { decodeAudio } from "../../src/audio/decode.ts";
import { audioClips, audioColumnOf } from "../../src/data/audio_clips.ts";
import { openClip } from "../../src/data/audio_dataset.ts";
import type { AudioValue, Dataset } from "../../src/data/dataset.ts";
import { Audio, type ClassLabel } from "../../src/data/features.ts";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { folderTest } from "./folders.ts";

interface KitRows {
  files: Record<string, { rows: number }>;
  intent_names: string[];
  rows: {
    path: string;
    audio_path: string;
    rate: number;
    frames: number;
    first_samples: number[];
    transcription: string;
    intent_class: number;
    lang_id: number;
  }[];
}

/** A small file beside the tests. */
function ownFile(name: string): Promise<Dataset> {
  const file = join(import.meta.dirname!, "..", "golden", "datasets", name);
  return loadDataset(file, { split: "train" });
}

kitTest("loadDataset() reads the reference's rows in every compression", async () => {
  const expected = await readJson<KitRows>(kitPath("datasets", "expected.json"));
  for (const [name, { rows }] of Object.entries(expected.files)) {
    const dataset = await loadDataset(kitPath("datasets", name), { split: "train" });
    equal(dataset.numRows, rows, name);
    for await (const [i, row] of entries(dataset)) {
      const wanted = expected.rows[i]!;
      const audio = row.audio as AudioValue;
      deepEqual(
        [row.path, audio.path, audio.samplingRate, audio.array.length, row.transcription],
        [wanted.path, wanted.audio_path, wanted.rate, wanted.frames, wanted.transcription],
      );
      deepEqual([row.intent_class, row.lang_id], [wanted.intent_class, wanted.lang_id]);
      deepEqual([...audio.array.slice(0, 8)], wanted.first_samples);
    }
  }
});

async function* entries(dataset: Dataset): AsyncGenerator<[number, Record<string, unknown>]> {
  let at = 0;
  for await (const row of dataset) yield [at++, row];
}

kitTest("loadDataset() finds the class names in the schema", async () => {
  const expected = await readJson<KitRows>(kitPath("datasets", "expected.json"));
  const { train } = await loadDataset(kitPath("datasets", "minds-mini.parquet"));
  const intent = train!.features.intent_class as ClassLabel;
  deepEqual(intent.names, expected.intent_names);
  equal((train!.features.audio as Audio).samplingRate, 8_000);
});

kitTest("castColumn() resamples recordings", async () => {
  const { train } = await loadDataset(kitPath("datasets", "minds-mini.parquet"));
  const [before, after] = await Promise.all(
    [train!, train!.castColumn("audio", { samplingRate: 16_000 })]
      .map(async (dataset) => (await dataset.at(0)).audio as AudioValue),
  );
  equal(after!.array.length, 2 * before!.array.length);
  equal(after!.samplingRate, 16_000);
});

Deno.test("loadDataset() reads lists of classes, numbers and structs", async () => {
  const dataset = await ownFile("several.parquet");
  equal(
    String(dataset.features.labels),
    "List(ClassLabel(names=['dog', 'rain', 'siren']))",
  );
  deepEqual(await dataset.column("labels"), [[0, 2], [], [1], [0, 1, 2], [2], [0]]);
  deepEqual(await dataset.column("loudness"), [0.5, 0.25, 1, 2, 4, 8]);
  const { speaker, audio } = await dataset.at(-1);
  deepEqual({ ...speaker as object }, { name: "s5", age: 25 });
  equal((audio as AudioValue).array.length, 120);
});

Deno.test("loadDataset() takes the types of a plain schema", async () => {
  const dataset = await ownFile("plain.parquet");
  deepEqual(Object.entries(dataset.features).map(([name, type]) => `${name}: ${type}`), [
    "text: Value('string')",
    "count: Value('int64')",
    "score: Value('float64')",
    "ok: Value('bool')",
  ]);
  deepEqual(await dataset.column("text"), ["a", "b", null]);
  deepEqual(await dataset.column("count"), [1, 2, 2n ** 60n]);
  deepEqual(await dataset.column("ok"), [true, false, null]);
});

Deno.test("loadDataset() reads rows of a file with pages in any order", async () => {
  const dataset = await ownFile("pages.parquet");
  equal(dataset.numRows, 20_000);
  for (const row of [19_999, 0, 10_000, 4_095, 4_096, 1]) {
    const { number, text } = await dataset.at(row);
    equal(number, row);
    ok(String(text).startsWith(`row ${row} x`));
  }
  const numbers = await dataset.column("number");
  deepEqual(numbers, Array.from({ length: 20_000 }, (_, i) => i));
});

Deno.test("loadDataset() opens a file without rows", async () => {
  const dataset = await ownFile("empty.parquet");
  deepEqual([dataset.numRows, await dataset.column("text")], [0, []]);
  await rejects(dataset.at(0), {
    name: "RangeError",
    message: 'Cannot read row 0 of "train": expected a number below 0',
  });
});

Deno.test("at() names the row and the file of a recording that is none", async () => {
  const dataset = await ownFile("broken.parquet");
  equal(((await dataset.at(0)).audio as AudioValue).array.length, 80);
  await rejects(dataset.at(1), {
    name: "AudioFormatError",
    message: /broken\.parquet, row 1 \(1\.wav\)": expected audio, found plain text/,
  });
  await rejects(dataset.at(4), {
    name: "FileError",
    message: /missing\.wav": no such file or folder \(.*broken\.parquet, row 4\)$/,
  });
});

Deno.test("at() names the row of a label outside the class list", async () => {
  const labels = (await ownFile("broken.parquet")).removeColumns("audio");
  equal((await labels.at(5)).label, -1);
  await rejects(labels.at(3), {
    name: "DatasetError",
    message: /broken\.parquet, row 3: expected a class from 0 to 1, found 7$/,
  });
});

Deno.test("column() of a data set without that column lists those there are", async () => {
  const dataset = await ownFile("plain.parquet");
  await rejects(dataset.column("audio"), {
    name: "DatasetError",
    message: 'Cannot use column "audio" of "train": expected one of "text", "count", "score", "ok"',
  });
});

folderTest("loadDataset() names a file that is no Parquet", async (dir) => {
  const file = `${dir}/a.parquet`;
  const refused = { name: "DatasetError", message: /a\.parquet": expected Parquet, found a file/ };
  for (const text of ["", "PAR1", "PAR1 and then something else PAR1", "no".repeat(500)]) {
    await Deno.writeTextFile(file, text);
    await rejects(loadDataset(file), refused, JSON.stringify(text.slice(0, 20)));
  }
});

folderTest("loadDataset() names a file whose pages are damaged", async (dir) => {
  const whole = join(import.meta.dirname!, "..", "golden", "datasets", "pages.parquet");
  const bytes = await Deno.readFile(whole);
  bytes.fill(255, 21_200, 30_000);
  const file = `${dir}/a.parquet`;
  await Deno.writeFile(file, bytes);
  const dataset = await loadDataset(file, { split: "train" });
  await rejects(dataset.column("text"), { name: "FileError", message: /a\.parquet": expected/ });
});

Deno.test("parquetTable() reads recordings as samples and as bare files", async () => {
  const [several, samples, bytes] = [
    await ownFile("several.parquet"),
    await ownFile("samples.parquet"),
    await ownFile("bytes.parquet"),
  ];
  ok(samples.features.audio instanceof Audio);
  equal(audioColumnOf(bytes), "clip");
  const clipsOf = async (dataset: Dataset) => (await audioClips(dataset)).clips;
  const [fromSamples, fromBytes] = [await clipsOf(samples), await clipsOf(bytes)];
  for (let row = 0; row < 6; row++) {
    const { array, samplingRate } = (await several.at(row)).audio as AudioValue;
    const stored = (await samples.at(row)).audio as AudioValue;
    deepEqual([stored.array, stored.samplingRate], [array, samplingRate]);
    for (const clip of [fromSamples[row]!, fromBytes[row]!]) {
      using file = await openClip(clip);
      const decoded = await decodeAudio(await file.read(0, file.sizeBytes));
      deepEqual([decoded.samples, decoded.sampleRateHz], [array, samplingRate]);
    }
  }
});
