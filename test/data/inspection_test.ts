/**
 * What is found in a data set: each fault once, and none where there is none.
 *
 * @module
 */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { encodeWav } from "../../src/audio/encode_wav.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { splitsOf } from "../../src/data/dataset_dict.ts";
import { Audio, Value } from "../../src/data/features.ts";
import { type Inspection, inspectSplits } from "../../src/data/inspection.ts";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { parquetFile } from "../docs/parquet_file.ts";
import { zipFile } from "./craft_zip.ts";
import { folderTest } from "./folders.ts";

/** A WAV file of a tone, which is cut at full scale where its peak is above 1. */
function tone(pitch: number, { peak = 0.5, seconds = 0.25, rate = 8_000 } = {}): Uint8Array {
  const wave = (at: number) => Math.max(-1, Math.min(1, peak * Math.sin(at * pitch)));
  const samples = Float32Array.from({ length: seconds * rate }, (_, at) => wave(at));
  return encodeWav(samples, rate);
}

async function inspected(dir: string, files: Record<string, Uint8Array>): Promise<Inspection> {
  for (const [path, bytes] of Object.entries(files)) {
    await Deno.mkdir(join(dir, path, ".."), { recursive: true });
    await Deno.writeFile(join(dir, path), bytes);
  }
  return await inspectSplits(splitsOf(await loadDataset(dir)));
}

function files(clips: { file: string }[], dir: string): string[] {
  return clips.map(({ file }) => file.slice(dir.length + 1));
}

folderTest("inspectSplits() finds each fault, and nothing in sound clips", async (dir) => {
  const found = await inspected(dir, {
    "train/yes/loud.wav": tone(0.1, { peak: 0.99 }),
    "train/yes/same.wav": tone(0.2),
    "train/yes/same too.wav": tone(0.2),
    "train/no/cut.wav": tone(0.3, { peak: 3 }),
    "train/no/quiet.wav": encodeWav(new Float32Array(1_600), 16_000),
    "train/no/none.wav": new TextEncoder().encode("no"),
    "train/no/also tested.wav": tone(0.4, { seconds: 0.5 }),
    "test/yes/trained.wav": tone(0.4, { seconds: 0.5 }),
  });
  deepEqual(files(found.silent, dir), ["train/no/quiet.wav"]);
  deepEqual(files(found.clipped, dir), ["train/no/cut.wav"]);
  deepEqual(files(found.broken, dir), ["train/no/none.wav"]);
  deepEqual(found.duplicates.map((clips) => files(clips, dir)), [
    ["train/yes/same too.wav", "train/yes/same.wav"],
  ]);
  deepEqual(found.leakage.map((clips) => files(clips, dir)), [
    ["train/no/also tested.wav", "test/yes/trained.wav"],
  ]);
  const [train, test] = found.splits;
  deepEqual(train!.labels, { no: 4, yes: 3 });
  deepEqual(train!.rates, { 8000: 5, 16000: 1 });
  deepEqual(train!.durations, { total: 1.6, shortest: 0.1, median: 0.25, longest: 0.5 });
  deepEqual([test!.clips, found.unlabelled], [1, []]);
});

Deno.test("inspectSplits() names rows without a known label, and broken ones", async () => {
  const file = join(import.meta.dirname!, "..", "golden", "datasets", "broken.parquet");
  const found = await inspectSplits(splitsOf(await loadDataset(file)));
  deepEqual(found.unlabelled.map(({ reason }) => reason), ["label 7", "label -1"]);
  deepEqual(found.broken.map((clip) => clip.file.slice(file.length)), [
    ", row 1 (1.wav)",
    ", row 4 (missing.wav)",
  ]);
  deepEqual(found.splits[0]!.labels, { no: 2, yes: 2 });
});

Deno.test("inspectSplits() takes recordings without labels, and names data without any", async () => {
  const rows = [{ clip: { path: null, bytes: tone(0.1) }, text: "a" }];
  const features = { clip: new Audio(), text: new Value("string") };
  const { splits } = await inspectSplits({ all: Dataset.fromRows(rows, features) });
  deepEqual([splits[0]!.clips, splits[0]!.labels], [1, {}]);
  let done = 0;
  await inspectSplits({ all: Dataset.fromRows(rows, features) }, { onClips: (n) => done = n });
  equal(done, 1);
  await rejects(inspectSplits({ all: Dataset.fromRows([{ text: "a", n: 1 }]) }), {
    name: "DatasetError",
    message: 'Cannot use data set "all": expected a column of recordings, found ' +
      "\"text\" (Value('string')), \"n\" (Value('int64'))",
  });
});

folderTest(
  "inspectSplits() names what is damaged in a table or an archive, and goes on",
  async (dir) => {
    const clips = [tone(0.1), tone(0.2)];
    const rows = parquetFile({
      audio: { bytes: clips, path: ["a.wav", "b.wav"] },
      label: ["x", "y"],
    });
    const isRiff = (at: number) => String.fromCharCode(...rows.slice(at, at + 4)) === "RIFF";
    const content = rows.findIndex((_, at) => isRiff(at));
    rows.fill(255, content - 4, content);
    await Deno.mkdir(`${dir}/rows`);
    const table = await inspected(`${dir}/rows`, { "train.parquet": rows });
    deepEqual(table.broken.map(({ file }) => file.split(", ").at(-1)), ["row 0", "row 1"]);
    const names = ["yes/1.wav", "yes/2.wav", "no/1.wav"];
    const zip = zipFile(Object.fromEntries(names.map((name, i) => [name, tone(0.1 + i)])));
    zip.fill(0, 60, 300);
    await Deno.mkdir(`${dir}/zip`);
    const archive = await inspected(`${dir}/zip`, { "train.zip": zip });
    deepEqual(files(archive.broken, `${dir}/zip`), ["train/yes/1.wav"]);
    deepEqual(archive.splits[0]!.clips, 3);
  },
);
