import { deepEqual, equal } from "node:assert/strict";
import { encodeWav } from "../../src/audio/encode_wav.ts";
import { recordingSeconds, splitRecordings } from "../../src/data/_recording_splits.ts";
import { Random } from "../../src/random.ts";
import { folderTest } from "./folders.ts";

const SHARES = { test: 0.2, validation: 0.1 };

function sizesOf(count: number): Record<string, number> {
  const paths = Array.from({ length: count }, (_, i) => `${i}.wav`);
  const splits = splitRecordings(paths, SHARES, new Random(1));
  deepEqual([...splits.values()].flat().sort(), paths.sort());
  return Object.fromEntries(Array.from(splits, ([name, found]) => [name, found.length]));
}

Deno.test("splitRecordings() gives each recording to one split, and one to training first", () => {
  deepEqual(sizesOf(1), { train: 1 });
  deepEqual(sizesOf(2), { test: 1, train: 1 });
  deepEqual(sizesOf(3), { test: 1, validation: 1, train: 1 });
  deepEqual(sizesOf(20), { test: 4, validation: 2, train: 14 });
});

Deno.test("splitRecordings() keeps to folders that are named as splits", () => {
  const paths = ["test/a.wav", "train/b.wav", "train/night/c.wav"];
  const splits = splitRecordings(paths, SHARES, new Random(1));
  deepEqual([splits.get("train"), splits.get("test")], [paths.slice(1), paths.slice(0, 1)]);
});

folderTest("recordingSeconds() is the length of a recording", async (dir) => {
  await Deno.writeFile(`${dir}/a.wav`, encodeWav(new Float32Array(12_000), 8_000));
  equal(await recordingSeconds(`${dir}/a.wav`), 1.5);
});
