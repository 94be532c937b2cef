/**
 * Lengths read from headers: right for sound files, bounded and harmless for others.
 *
 * @module
 */

import { deepEqual, strictEqual } from "node:assert/strict";
import { badClips, clipDurations } from "../../src/data/durations.ts";
import { folderTest, putFiles, toneWav } from "./folders.ts";

folderTest(
  "clipDurations() and badClips() cover files that are no WAV, or not there",
  async (dir) => {
    await putFiles(dir, ["a.wav"], toneWav(0.25));
    await putFiles(dir, ["b.mp3"], new Uint8Array(16_000));
    await putFiles(dir, ["c.wav"], new Uint8Array(0));
    const names = ["a.wav", "b.mp3", "c.wav", "missing.wav"];
    const clips = names.map((name) => ({ file: `${dir}/${name}`, label: 0 }));
    deepEqual(await clipDurations(clips), Float64Array.of(0.25, 0, 0, 0));
    const bad = await badClips(clips);
    deepEqual(bad.map(({ index, error }) => [index, error.name]), [
      [1, "AudioFormatError"],
      [2, "AudioFormatError"],
      [3, "FileError"],
    ]);
  },
);

folderTest("clipDurations() reads a data set once", async (dir) => {
  await putFiles(dir, ["a.wav"], toneWav(0.25));
  const clips = [{ file: `${dir}/a.wav`, label: 0 }];
  const first = await clipDurations(clips);
  await putFiles(dir, ["a.wav"], toneWav(0.5));
  strictEqual(await clipDurations(clips), first);
  deepEqual(await clipDurations([...clips]), Float64Array.of(0.5));
});
