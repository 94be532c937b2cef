/**
 * Loading clips: the right samples, in order, within memory, and every bad file by its name.
 *
 * @module
 */

import { deepEqual, equal, notDeepEqual, rejects } from "node:assert/strict";
import { encodeWav } from "../../src/audio/encode_wav.ts";
import type { AudioDataset } from "../../src/data/audio_dataset.ts";
import {
  type ClipBatch,
  ClipLoader,
  type ClipLoaderOptions,
  type ClipNotice,
  loadClip,
} from "../../src/data/loader.ts";
import { FileError } from "../../src/errors.ts";
import { assertAllClose } from "../compare.ts";
import { exists, kitPath, kitTest, readJson, sharedPath } from "../kit.ts";
import { folderTest, putFiles, toneWav } from "./folders.ts";

/** A data set of `count` clips, the n-th of 80 + n samples. */
async function putDataset(dir: string, count: number): Promise<AudioDataset> {
  const clips = Array.from(
    { length: count },
    (_, n) => ({ file: `${dir}/${n}.wav`, label: n % 3 }),
  );
  for (const [n, { file }] of clips.entries()) {
    const samples = Float32Array.from({ length: 80 + n }, (_, i) => Math.sin(i + n) / 2);
    await Deno.writeFile(file, encodeWav(samples, 8_000));
  }
  return { split: "train", labels: ["a", "b", "c"], clips };
}

async function all(batches: AsyncIterable<ClipBatch>): Promise<ClipBatch[]> {
  return await Array.fromAsync(batches);
}

function loaderOf(dataset: AudioDataset, options: Partial<ClipLoaderOptions> = {}): ClipLoader {
  return new ClipLoader(dataset, { samplingRate: 8_000, ...options });
}

folderTest("loadClip() decodes and resamples", async (dir) => {
  await putFiles(dir, ["a.wav"], toneWav(0.5));
  const file = `${dir}/a.wav`;
  const samples = await loadClip(file, { samplingRate: 8_000 });
  const tone = Float32Array.from({ length: 4_000 }, (_, i) => Math.sin(i / 3) / 2);
  assertAllClose(samples, tone, { atol: 1 / 2 ** 15 });
  const doubled = await loadClip(file, { samplingRate: 16_000 });
  assertAllClose(doubled.filter((_, i) => i % 2 === 0).slice(100, -100), samples.slice(100, -100), {
    atol: 1e-3,
  });
});

kitTest("loadClip() names every bad file", async (t) => {
  const dir = kitPath("decode", "bad");
  const rows = await readJson<Record<string, { must: string }>>(`${dir}/expected.json`);
  for (const [name, { must }] of Object.entries(rows)) {
    if (must !== "error") continue;
    await t.step(name, async () => {
      await rejects(loadClip(`${dir}/${name}`, { samplingRate: 16_000 }), (error: Error) => {
        equal(error.name, "AudioFormatError");
        equal(error.message.includes(`"${dir}/${name}"`), true, error.message);
        return true;
      });
    });
  }
});

folderTest("loadClip() names a file that cannot be read", async (dir) => {
  const message = `Cannot open "${dir}/no.wav": no such file or folder`;
  await rejects(loadClip(`${dir}/no.wav`, { samplingRate: 8_000 }), { name: "FileError", message });
});

folderTest("loadClip() refuses a clip that is too long", async (dir) => {
  await putFiles(dir, ["a.wav"], toneWav(2));
  const options = { samplingRate: 8_000, maxSeconds: 1.5 };
  await rejects(loadClip(`${dir}/a.wav`, options), {
    name: "AudioFormatError",
    message: `Cannot decode audio "${dir}/a.wav": expected at most 1.5 s, found 2.0 s`,
  });
});

folderTest("loadClip() refuses a file of three hours by its header", async (dir) => {
  const file = `${dir}/long.wav`;
  const header = toneWav(0.01).slice(0, 44);
  const dataBytes = 3 * 3_600 * 8_000 * 2;
  new DataView(header.buffer).setUint32(40, dataBytes, true);
  await Deno.writeFile(file, header);
  await Deno.truncate(file, 44 + dataBytes);
  const memory = Deno.memoryUsage().rss;
  await rejects(loadClip(file, { samplingRate: 16_000 }), {
    name: "AudioFormatError",
    message: `Cannot load audio "${file}": expected at most 600 s, found 10800.0 s`,
  });
  equal(Deno.memoryUsage().rss - memory < 100e6, true);
  await Deno.truncate(file, 2 ** 30 + 1);
  await rejects(loadClip(file, { samplingRate: 16_000, maxSeconds: 1e9 }), {
    message: /expected at most 1073741824 bytes, found 1073741825/,
  });
});

folderTest("loadClip() names a file whose rate cannot be resampled", async (dir) => {
  const file = `${dir}/odd.wav`;
  await Deno.writeFile(file, encodeWav(new Float32Array(1_000), 100));
  await rejects(loadClip(file, { samplingRate: 48_000 }), {
    name: "AudioFormatError",
    message: `Cannot resample audio "${file}": expected a rate from which 48000 Hz can be made, ` +
      "found 100 Hz",
    file,
  });
});

folderTest("ClipLoader gives the batches of the plan, in its order", async (dir) => {
  const dataset = await putDataset(dir, 9);
  const plan = [[8, 0, 3], [1], [7, 2], [6, 5, 4]];
  for (const prefetch of [0, 1, 10]) {
    const batches = await all(loaderOf(dataset, { prefetch }).batches(plan));
    deepEqual(batches.map(({ position }) => position), [0, 1, 2, 3]);
    deepEqual(batches.map(({ indices }) => indices), plan);
    for (const { indices, clips, labels } of batches) {
      deepEqual(clips.map((clip) => clip.length), indices.map((n) => 80 + n));
      deepEqual(Array.from(labels), indices.map((n) => n % 3));
    }
    assertAllClose(
      batches[1]!.clips[0]!,
      Float32Array.from({ length: 81 }, (_, i) => Math.sin(i + 1) / 2),
      {
        atol: 1 / 2 ** 15,
      },
    );
  }
  deepEqual(await all(loaderOf(dataset).batches([])), []);
});

folderTest("ClipLoader reads ahead, and no further than `prefetch`", async (dir) => {
  const dataset = await putDataset(dir, 12);
  const plan = dataset.clips.map((_, n) => [n]);
  for (const [taken, expected] of [[1, [0, 1, 2, 3]], [2, [0, 1, 2, 3, 4]]] as const) {
    const loaded: number[] = [];
    const transform = (samples: Float32Array) => (loaded.push(samples.length - 80), samples);
    const batches = loaderOf(dataset, { prefetch: 3, transform }).batches(plan);
    for (let i = 0; i < taken; i++) await batches.next();
    // Ends when all that was begun is read.
    await batches.return();
    deepEqual(loaded, expected);
  }
});

folderTest("ClipLoader keeps what fits in its cache, and reads the rest again", async (dir) => {
  const dataset = await putDataset(dir, 4);
  const plan = [[0, 1], [2, 3]];
  const cacheBytes = (80 + 81 + 82) * 4;
  const loader = loaderOf(dataset, { cacheBytes });
  const first = await all(loader.batches(plan));
  for (const n of [0, 1, 2]) await Deno.remove(`${dir}/${n}.wav`);
  deepEqual(await all(loader.batches(plan)), first);
  await Deno.remove(`${dir}/3.wav`);
  await rejects(all(loader.batches(plan)), { name: "FileError", file: `${dir}/3.wav` });
  await rejects(all(loaderOf(dataset, { cacheBytes: 0 }).batches(plan)), { file: `${dir}/0.wav` });
});

folderTest("ClipLoader stops at the first bad file, after the batches before it", async (dir) => {
  const dataset = await putDataset(dir, 6);
  const { promise: found, resolve: onFound } = Promise.withResolvers<void>();
  const open = () => {
    onFound();
    return Promise.reject(new FileError("Cannot open", { file: "3" }));
  };
  const clips = dataset.clips.with(3, { file: "3", label: 0, open });
  const loader = loaderOf({ ...dataset, clips }, { prefetch: 9 });
  const seen: number[] = [];
  await rejects(async () => {
    for await (const { position } of loader.batches([[0, 1], [2], [3, 4], [5]])) {
      seen.push(position);
      // The bad file is met before its turn, and the event loop would report what nobody handles.
      await found;
      await Deno.stat(dir);
    }
  }, { name: "FileError", file: "3" });
  deepEqual(seen, [0, 1]);
});

folderTest("ClipLoader skips bad files when asked to, and tells of each once", async (dir) => {
  const dataset = await putDataset(dir, 6);
  await Deno.writeTextFile(`${dir}/1.wav`, "no audio at all");
  await Deno.remove(`${dir}/4.wav`);
  const notices: ClipNotice[] = [];
  const options = { skipBadFiles: true, onNotice: (notice: ClipNotice) => notices.push(notice) };
  const loader = loaderOf(dataset, options);
  for (let epoch = 0; epoch < 2; epoch++) {
    const batches = await all(loader.batches([[0, 1], [4], [2, 3, 5]], epoch));
    deepEqual(batches.map(({ position, indices }) => [position, indices]), [[0, [0]], [2, [
      2,
      3,
      5,
    ]]]);
    deepEqual(batches.map(({ clips, labels }) => [clips.length, labels.length]), [[1, 1], [3, 3]]);
  }
  deepEqual(notices.map(({ kind, file }) => `${kind} ${file}`), [
    `skipped ${dir}/1.wav`,
    `skipped ${dir}/4.wav`,
  ]);
  deepEqual(loader.skipped, notices);
  equal(notices.every(({ file, message }) => message.includes(`"${file}"`)), true);
});

folderTest("ClipLoader does not take an error of the transform for a bad file", async (dir) => {
  const dataset = await putDataset(dir, 2);
  const transform = () => {
    throw new RangeError("out of noise");
  };
  const loader = loaderOf(dataset, { skipBadFiles: true, transform });
  await rejects(all(loader.batches([[0, 1]])), /out of noise/);
});

folderTest("ClipLoader ends when every file of the data set is bad", async (dir) => {
  const dataset = await putDataset(dir, 3);
  for (const { file } of dataset.clips) await Deno.writeTextFile(file, "no audio at all");
  await rejects(all(loaderOf(dataset, { skipBadFiles: true }).batches([[0, 1], [2]])), {
    name: "DatasetError",
    message: 'Cannot use data set "train": expected clips that can be read, found none',
    hint: /0\.wav/,
  });
});

folderTest("ClipLoader goes on when the rest of an epoch is bad", async (dir) => {
  const dataset = await putDataset(dir, 3);
  await Deno.writeTextFile(`${dir}/2.wav`, "no audio at all");
  deepEqual(await all(loaderOf(dataset, { skipBadFiles: true }).batches([[2]])), []);
});

folderTest("ClipLoader tells of silence and of cut files, and uses them", async (dir) => {
  const dataset = await putDataset(dir, 4);
  await Deno.writeFile(`${dir}/0.wav`, toneWav(0.1, 2e-5));
  await Deno.writeFile(`${dir}/1.wav`, toneWav(0.1, 2e-4));
  await Deno.writeFile(`${dir}/2.wav`, toneWav(0.1).slice(0, 300));
  const notices: ClipNotice[] = [];
  const loader = loaderOf(dataset, { cacheBytes: 0, onNotice: (notice) => notices.push(notice) });
  for (let epoch = 0; epoch < 2; epoch++) {
    const [batch] = await all(loader.batches([[0, 1, 2, 3]], epoch));
    deepEqual(batch!.clips.map((clip) => clip.length), [800, 800, 128, 83]);
  }
  deepEqual(notices.map(({ kind, file }) => `${kind} ${file}`), [
    `silent ${dir}/0.wav`,
    `odd ${dir}/2.wav`,
  ]);
  deepEqual([notices[0]!.message, loader.skipped], [`Clip "${dir}/0.wav" is silent`, []]);
  equal(/Truncated: 1600 bytes/.test(notices[1]!.message), true, notices[1]!.message);
});

folderTest(
  "ClipLoader draws the same numbers for a clip, in whatever order it comes",
  async (dir) => {
    const dataset = await putDataset(dir, 6);
    const transform: ClipLoaderOptions["transform"] = (samples, random) =>
      samples.map((sample) => sample + random.uniform());
    const clipIn = async (plan: number[][], epoch: number, seed: number) => {
      const batches = await all(loaderOf(dataset, { transform, seed }).batches(plan, epoch));
      const batch = batches.find(({ indices }) => indices.includes(3))!;
      return batch.clips[batch.indices.indexOf(3)]!;
    };
    const first = await clipIn([[0, 1, 2], [3, 4, 5]], 1, 7);
    deepEqual(await clipIn([[5, 3], [0]], 1, 7), first);
    notDeepEqual(await clipIn([[0, 1, 2], [3, 4, 5]], 2, 7), first);
    notDeepEqual(await clipIn([[0, 1, 2], [3, 4, 5]], 1, 8), first);
    const drawn: number[] = [];
    const noting = loaderOf(dataset, {
      transform: (x, random) => (drawn.push(random.uniform()), x),
    });
    await all(noting.batches([[0, 1, 2], [3, 4, 5]]));
    equal(new Set(drawn).size, 6);
  },
);

folderTest("ClipLoader keeps its cache from a transform that works in place", async (dir) => {
  const dataset = await putDataset(dir, 1);
  const loader = loaderOf(dataset, { transform: (samples) => samples.fill(0.25) });
  await all(loader.batches([[0]]));
  const seen: number[] = [];
  const second = loaderOf(dataset, {
    transform: (samples) => {
      seen.push(samples[5]!);
      return samples.fill(0.25);
    },
  });
  for (let epoch = 0; epoch < 3; epoch++) await all(second.batches([[0]], epoch));
  deepEqual(seen, new Array(3).fill(seen[0]));
  equal(seen[0] === 0.25, false);
});

const fsdd = sharedPath("data", "fsdd", "train", "seven");
Deno.test({
  name: `ClipLoader reads real recordings${exists(fsdd) ? "" : ` [skipped: no ${fsdd}]`}`,
  ignore: !exists(fsdd),
  async fn() {
    const clips = Array.from(
      Deno.readDirSync(fsdd),
      ({ name }) => ({ file: `${fsdd}/${name}`, label: 0 }),
    );
    const dataset = { split: "train", labels: ["seven"], clips };
    const notices: ClipNotice[] = [];
    const loader = new ClipLoader(dataset, {
      samplingRate: 16_000,
      onNotice: (n) => notices.push(n),
    });
    const plan = clips.map((_, i) => [i]);
    const batches = await all(loader.batches(plan));
    deepEqual([batches.length, notices], [225, []]);
    for (const { clips: [clip] } of batches) {
      const seconds = clip!.length / 16_000;
      equal(seconds > 0.13 && seconds < 1.4, true, `${seconds} s`);
    }
  },
});
