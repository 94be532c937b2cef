import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { decodeWav } from "../../src/audio/wav.ts";
import { type AudioClip, openClip } from "../../src/data/audio_dataset.ts";
import { withBackground } from "../../src/data/background.ts";
import { CutFile } from "../../src/data/cut_file.ts";
import { loadTrainingSplits } from "../../src/data/training_splits.ts";
import { folderTest, putFiles, toneWav } from "./folders.ts";

const OPTIONS = {
  label: "background",
  windowSeconds: 0.5,
  ratio: 1,
  edges: 0,
  samplingRate: 8_000,
  seed: 1,
};

async function samplesOf(clip: AudioClip): Promise<Float32Array> {
  using file = await openClip(clip);
  return decodeWav(await file.read(0, file.sizeBytes)).samples;
}

/** Six words of each class to train on, two to test. */
async function putWords(dir: string): Promise<void> {
  for (const label of ["no", "yes"]) {
    const paths = (split: string, count: number) =>
      Array.from({ length: count }, (_, i) => `words/${split}/${label}/${i}.wav`);
    await putFiles(dir, [...paths("train", 6), ...paths("test", 2)], toneWav(0.2, 0.9));
  }
  const night = Array.from({ length: 5 }, (_, i) => `night/${i}.wav`);
  await putFiles(dir, night, toneWav(3, 0.1));
}

folderTest("withBackground() adds a class as large as the others are in the mean", async (dir) => {
  await putWords(dir);
  const data = await loadTrainingSplits(`${dir}/words`);
  using cuts = await CutFile.make(8_000);
  const options = { ...OPTIONS, directory: `${dir}/night`, cuts };
  const { labels, splits, stretches } = await withBackground(data, options);
  deepEqual(labels, ["background", "no", "yes"]);
  const counts = [splits.train!, splits.test!].map(({ clips }) => {
    return labels.map((_, number) => clips.filter(({ label }) => label === number).length);
  });
  deepEqual(counts, [[6, 6, 6], [2, 2, 2]]);
  equal(stretches.length, 4);
  const sources = [splits.train!, splits.test!].map(({ clips }) => {
    return new Set(clips.filter(({ label }) => label === 0).map(({ file }) => file.slice(0, -11)));
  });
  ok([...sources[0]!].every((file) => !sources[1]!.has(file)), "a recording on both sides");
  const samples = await samplesOf(splits.train!.clips.find(({ label }) => label === 0)!);
  ok(samples.length >= 4_000 && samples.length <= 8_000);
  ok(Math.abs(Math.max(...samples) - 0.1) < 0.01);
});

folderTest("withBackground() draws the same clips from the same seed", async (dir) => {
  await putWords(dir);
  const data = await loadTrainingSplits(`${dir}/words`);
  using cuts = await CutFile.make(8_000);
  const names = async (seed: number) => {
    const options = { ...OPTIONS, directory: `${dir}/night`, cuts, seed, edges: 0.5 };
    return (await withBackground(data, options)).splits.train!.clips.map(({ file }) => file);
  };
  deepEqual(await names(1), await names(1));
  ok((await names(1)).join() !== (await names(2)).join());
});

folderTest("withBackground() cuts words off at the edges of a window", async (dir) => {
  await putWords(dir);
  const data = await loadTrainingSplits(`${dir}/words`);
  using cuts = await CutFile.make(8_000);
  const options = { ...OPTIONS, directory: `${dir}/night`, cuts, edges: 1, ratio: 4 };
  const { splits } = await withBackground(data, options);
  const edges = splits.train!.clips.filter(({ label }) => label === 0);
  equal(edges.length, 24);
  for (const clip of edges) {
    const samples = await samplesOf(clip);
    equal(samples.length, 4_000);
    const heard = samples.filter((sample) => sample !== 0).length;
    ok(heard >= 150 && heard <= 540, `${heard} of 1600 samples`);
    const [first, last] = [samples.slice(0, 540), samples.slice(-540)];
    const part = clip.file.startsWith("end") ? first : last;
    equal(part.filter((sample) => sample !== 0).length, heard);
  }
});

folderTest("withBackground() says where there are too few recordings", async (dir) => {
  await putWords(dir);
  const data = await loadTrainingSplits(`${dir}/words`);
  using cuts = await CutFile.make(8_000);
  await putFiles(dir, ["one/a.wav"], toneWav(3));
  const one = await withBackground(data, { ...OPTIONS, directory: `${dir}/one`, cuts });
  deepEqual(one.notes, [
    `Split "test" has no clips of label "background": too few recordings in "${dir}/one"`,
  ]);
  await putFiles(dir, ["short/a.wav"], toneWav(0.3));
  await rejects(withBackground(data, { ...OPTIONS, directory: `${dir}/short`, cuts }), {
    name: "DatasetError",
    message: `Cannot take background from "${dir}/short": expected a recording of 0.5 s or more ` +
      "to train on, found none",
  });
});
