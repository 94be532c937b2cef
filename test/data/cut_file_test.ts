import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { encodeWav } from "../../src/audio/encode_wav.ts";
import { openAudio } from "../../src/audio/mod.ts";
import { decodeWav } from "../../src/audio/wav.ts";
import { resample } from "../../src/audio/resample.ts";
import { type CutClip, CutFile } from "../../src/data/cut_file.ts";
import { fileSource } from "../../src/files.ts";
import { folderTest } from "./folders.ts";

/** Samples that say where they are, as 16 bits hold them. */
const RAMP = Float32Array.from({ length: 8_000 * 20 }, (_, i) => Math.round(i / 8) / 32_768);

async function samplesOf(clip: CutClip) {
  using file = await clip.open();
  return decodeWav(await file.read(0, file.sizeBytes)).samples;
}

folderTest(
  "CutFile takes stretches of a recording, in any order, overlapping or not",
  async (dir) => {
    const path = `${dir}/night.wav`;
    await Deno.writeFile(path, encodeWav(RAMP, 8_000));
    using cuts = await CutFile.make(8_000);
    const wanted = [{ start: 9, seconds: 2 }, { start: 0, seconds: 1 }, { start: 9.5, seconds: 1 }];
    const clips = await cuts.add(path, wanted);
    for (const [i, { start, seconds }] of wanted.entries()) {
      const expected = RAMP.slice(start * 8_000, (start + seconds) * 8_000);
      deepEqual(await samplesOf(clips[i]!), expected, `${start} s`);
    }
  },
);

folderTest("CutFile loses no sample where a stretch begins or ends beside a block", async (dir) => {
  const path = `${dir}/night.wav`;
  // Neighbours differ, so that a sample that is lost or moved shows.
  const samples = Float32Array.from({ length: 100_000 }, (_, i) => (i % 30_000 + 1) / 32_768);
  await Deno.writeFile(path, encodeWav(samples, 8_000));
  using source = await fileSource(path);
  const audio = await openAudio(source, { samplingRate: 8_000 });
  const ends: number[] = [];
  for await (const block of audio.blocks()) ends.push((ends.at(-1) ?? 0) + block.length);
  const borders = ends.slice(0, 2);
  ok(ends.length > 2 && borders.every((border) => border > 10));
  const wanted = borders.flatMap((border) =>
    [-1, 0, 1].flatMap((shift) => [
      { first: border + shift, length: 3 },
      { first: border + shift - 7, length: 7 },
    ])
  );
  using cuts = await CutFile.make(8_000);
  const clips = await cuts.add(
    path,
    wanted.map(({ first, length }) => ({ start: first / 8_000, seconds: length / 8_000 })),
  );
  for (const [i, { first, length }] of wanted.entries()) {
    const expected = samples.slice(first, first + length);
    deepEqual(await samplesOf(clips[i]!), expected, `${length} from ${first} on, of ${ends}`);
  }
});

folderTest("CutFile gives the samples of the resampled recording", async (dir) => {
  const path = `${dir}/night.wav`;
  await Deno.writeFile(path, encodeWav(RAMP, 8_000));
  using cuts = await CutFile.make(16_000);
  const [clip] = await cuts.add(path, [{ start: 3, seconds: 0.5 }]);
  deepEqual(await samplesOf(clip!), resample(RAMP, 8_000, 16_000).slice(48_000, 56_000));
});

folderTest("CutFile fills up with silence beyond the end", async (dir) => {
  const path = `${dir}/short.wav`;
  await Deno.writeFile(path, encodeWav(new Float32Array(800).fill(0.5), 8_000));
  using cuts = await CutFile.make(8_000);
  const clips = await cuts.add(path, [{ start: 0.05, seconds: 0.1 }, { start: 5, seconds: 0.1 }]);
  const [half, none] = await Promise.all(clips.map(samplesOf));
  deepEqual(half, Float32Array.from({ length: 800 }, (_, i) => i < 400 ? 0.5 : 0));
  deepEqual(none, new Float32Array(800));
});

folderTest("CutFile keeps stretches of several recordings apart, and read at once", async (dir) => {
  using cuts = await CutFile.make(8_000);
  const clips = [];
  for (const value of [0.25, 0.5]) {
    const path = `${dir}/${value}.wav`;
    await Deno.writeFile(path, encodeWav(new Float32Array(8_000).fill(value), 8_000));
    clips.push(...await cuts.add(path, [{ start: 0, seconds: 0.5 }, { start: 0.5, seconds: 0.5 }]));
  }
  const found = await Promise.all(clips.map(samplesOf));
  deepEqual(found.map((samples) => [samples.length, samples[0]]), [
    [4_000, 0.25],
    [4_000, 0.25],
    [4_000, 0.5],
    [4_000, 0.5],
  ]);
});

folderTest("CutFile names a recording that is none", async (dir) => {
  using cuts = await CutFile.make(8_000);
  await Deno.writeTextFile(`${dir}/a.wav`, "no sound");
  await rejects(cuts.add(`${dir}/a.wav`, [{ start: 0, seconds: 1 }]), { name: "AudioFormatError" });
  await rejects(cuts.add(`${dir}/b.wav`, []), (error: Error) => {
    equal(error.name, "FileError");
    return error.message.includes("b.wav");
  });
});
