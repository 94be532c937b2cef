import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { encodeWav } from "../../src/audio/encode_wav.ts";
import { decodeWav } from "../../src/audio/wav.ts";
import { annotatedSplits, type AnnotatedSplitsOptions } from "../../src/data/annotated_splits.ts";
import { type AudioClip, openClip } from "../../src/data/audio_dataset.ts";
import { groupOf } from "../../src/data/clip_keys.ts";
import { CutFile } from "../../src/data/cut_file.ts";
import { folderTest } from "./folders.ts";

const RATE = 1_000;

/** Where the events are in every recording, with the value that their samples have. */
const EVENTS = [
  { start: 2, end: 2.5, label: "dog", value: 0.25 },
  { start: 6, end: 10, label: "rain", value: 0.5 },
  { start: 15, end: 15.3, label: "dog", value: 0.25 },
];

/** Recordings of 20 s, nothing but their events in them, with label tracks. */
async function putRecordings(dir: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const samples = new Float32Array(20 * RATE);
    for (const { start, end, value } of EVENTS) samples.fill(value, start * RATE, end * RATE);
    await Deno.writeFile(`${dir}/${i}.wav`, encodeWav(samples, RATE));
    const lines = EVENTS.map(({ start, end, label }) => `${start}\t${end}\t${label}\n`);
    await Deno.writeTextFile(`${dir}/${i}.txt`, lines.join(""));
  }
}

type SplitsOf = (
  options?: Partial<AnnotatedSplitsOptions>,
) => ReturnType<typeof annotatedSplits>;

/** A test with a folder of its own, and what cuts clips out of the recordings in it. */
function cutTest(name: string, fn: (dir: string, splitsOf: SplitsOf) => Promise<void>): void {
  folderTest(name, async (dir) => {
    using cuts = await CutFile.make(RATE);
    const given = { annotations: dir, windowSeconds: 1, seed: 1, cuts };
    await fn(dir, (options) => annotatedSplits(dir, { ...given, ...options }));
  });
}

async function samplesOf(clip: AudioClip): Promise<Float32Array> {
  using file = await openClip(clip);
  return decodeWav(await file.read(0, file.sizeBytes)).samples;
}

cutTest("annotatedSplits() cuts clips that hold what their label says", async (dir, splitsOf) => {
  await putRecordings(dir, 5);
  const background = { label: "calm", ratio: 1 };
  const { labels, splits, notes } = await splitsOf({ background });
  deepEqual(labels, ["calm", "dog", "rain"]);
  deepEqual(notes, [
    `Kept for the test: "${splits.test!.clips[0]!.file.split(" at ")[0]!.slice(dir.length + 1)}"`,
  ]);
  for (const { clips } of Object.values(splits)) {
    for (const clip of clips) {
      const samples = await samplesOf(clip);
      const peak = Math.max(...samples);
      const expected = { calm: 0, dog: 0.25, rain: 0.5 }[labels[clip.label]!]!;
      ok(Math.abs(peak - expected) < 1e-3, `${clip.file}: ${peak} for ${labels[clip.label]}`);
    }
  }
  equal(splits.test!.clips.every(({ file }) => file.includes(" at ")), true);
});

cutTest("annotatedSplits() makes a group of the clips of a recording", async (dir, splitsOf) => {
  await putRecordings(dir, 5);
  const { splits } = await splitsOf({ background: { label: "calm", ratio: 1 } });
  for (const clip of Object.values(splits).flatMap(({ clips }) => clips)) {
    equal(groupOf(clip), clip.file.split(" at ")[0]);
  }
});

cutTest(
  "annotatedSplits() has each recording in one split, and counts clips of each class",
  async (dir, splitsOf) => {
    await putRecordings(dir, 10);
    const { splits, labels, drawn } = await splitsOf({
      background: { label: "calm", ratio: 2 },
    });
    equal(drawn, true);
    const recordings = Object.values(splits).map(({ clips }) => {
      return new Set(clips.map(({ file }) => file.split(" at ")[0]!));
    });
    deepEqual(recordings.map(({ size }) => size).reduce((sum, size) => sum + size, 0), 10);
    const { test, train } = splits;
    const counts = [train!, test!].map(({ clips }) => {
      return labels.map((_, number) => clips.filter(({ label }) => label === number).length);
    });
    deepEqual(counts, [[42, 14, 28], [12, 4, 8]]);
  },
);

cutTest(
  "annotatedSplits() cuts longer clips to train on, every window of which is good",
  async (dir, splitsOf) => {
    await putRecordings(dir, 2);
    const { splits, labels } = await splitsOf({ testSize: 1 });
    const lengths = async (clips: readonly AudioClip[]) =>
      (await Promise.all(clips.map(samplesOf))).map(({ length }) => length);
    ok((await lengths(splits.test!.clips)).every((length) => length === RATE));
    const train = splits.train!.clips.filter(({ label }) => labels[label] === "dog");
    deepEqual(await lengths(train), [1_500, 1_700]);
  },
);

cutTest("annotatedSplits() draws the same clips from the same seed", async (dir, splitsOf) => {
  await putRecordings(dir, 4);
  const background = { label: "calm", ratio: 1 };
  const names = async (seed: number) => {
    const { splits } = await splitsOf({ seed, background });
    return Object.values(splits).flatMap(({ clips }) => clips.map(({ file }) => file));
  };
  deepEqual(await names(3), await names(3));
  ok((await names(3)).join() !== (await names(4)).join());
});

cutTest(
  "annotatedSplits() gives a clip all its labels where it may have several",
  async (dir, splitsOf) => {
    await putRecordings(dir, 3);
    for (let i = 0; i < 3; i++) {
      await Deno.writeTextFile(`${dir}/${i}.txt`, "7\t8\tbird\n", { append: true });
    }
    const { splits, labels } = await splitsOf({
      isMultiLabel: true,
      background: { label: "calm", ratio: 1 },
    });
    deepEqual([labels, splits.train!.kind], [
      ["bird", "dog", "rain"],
      "multi_label_classification",
    ]);
    const sums = splits.train!.clips.map(({ targets }) => targets!.join(""));
    ok(sums.includes("101") && sums.includes("010") && sums.includes("000"));
    const { notes } = await splitsOf();
    ok(notes.some((note) => /^\d+ clips? holds? several labels; the one with most/.test(note)));
  },
);

cutTest("annotatedSplits() says what it leaves out", async (dir, splitsOf) => {
  await putRecordings(dir, 3);
  await Deno.copyFile(`${dir}/0.wav`, `${dir}/unheard.wav`);
  await Deno.writeTextFile(`${dir}/gone.txt`, "1\t2\tdog\n");
  await Deno.writeTextFile(`${dir}/1.txt`, "25\t26\tdog\n", { append: true });
  const { notes } = await splitsOf({ testSize: 0 });
  deepEqual(notes, [
    '1 recording that the annotations name is not there, such as "gone"',
    'Left out 1 recording without annotations, such as "unheard.wav"',
    'Left out labels beyond the end of 1 recording, such as "1.wav"',
  ]);
});

cutTest(
  "annotatedSplits() keeps a label that few recordings have for training",
  async (dir, splitsOf) => {
    await putRecordings(dir, 6);
    await Deno.writeTextFile(`${dir}/4.txt`, "12\t13\tcat\n", { append: true });
    for (let seed = 0; seed < 8; seed++) {
      const { splits, labels } = await splitsOf({ seed });
      ok(splits.train!.clips.some(({ label }) => labels[label] === "cat"));
    }
    for (const folder of ["train", "test"]) await Deno.mkdir(`${dir}/${folder}`);
    for (let i = 0; i < 6; i++) {
      const folder = i < 4 ? "train" : "test";
      for (const ending of ["wav", "txt"]) {
        await Deno.rename(`${dir}/${i}.${ending}`, `${dir}/${folder}/${i}.${ending}`);
      }
    }
    await rejects(splitsOf(), {
      message: `Cannot use split "test": expected labels that "train" has too, found "cat" ` +
        `("${dir}/test/4.wav")`,
    });
  },
);

cutTest(
  "annotatedSplits() refuses annotations of other recordings, and a single label",
  async (dir, splitsOf) => {
    await putRecordings(dir, 1);
    await Deno.writeTextFile(`${dir}/other.csv`, "file,start,end,label\nx.wav,1,2,dog\n");
    await rejects(splitsOf({ annotations: `${dir}/other.csv` }), {
      name: "DatasetError",
      message: `Cannot train on "${dir}": expected recordings that "${dir}/other.csv" names, ` +
        'such as "x.wav", found none of them',
    });
    await Deno.writeTextFile(`${dir}/one.csv`, "file,start,end,label\n0.wav,1,2,dog\n");
    const one = { annotations: `${dir}/one.csv` };
    await rejects(splitsOf(one), /expected two labels or more, found one, "dog"/);
    const { labels } = await splitsOf({ ...one, background: { label: "calm", ratio: 1 } });
    deepEqual(labels, ["calm", "dog"]);
  },
);
