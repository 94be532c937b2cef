/**
 * Data sets as splits for training: folders of both layouts, tables, and notes for the user.
 *
 * @module
 */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { relative } from "node:path";
import { splitOf } from "../../src/data/folder_layout.ts";
import { loadTrainingSplits, type TrainingSplits } from "../../src/data/training_splits.ts";
import { exists, kitPath, kitTest, readJson, sharedPath } from "../kit.ts";
import { folderTest, putFiles } from "./folders.ts";

interface KitFolder {
  [split: string]: { class_names: { label: string[] }; rows: { audio: string; label: number }[] };
}

/** "path=label number" of every clip of a split. */
function rowsOf(
  folder: TrainingSplits,
  split: keyof TrainingSplits["splits"],
): string[] | undefined {
  return folder.splits[split]?.clips.map(({ file, label }) =>
    `${relative(folder.source, file)}=${label}`
  );
}

/** `count` paths of clips with a label. */
function clipsOf(label: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${label}/${i}.wav`);
}

kitTest("loadTrainingSplits() gives the reference's files, labels and splits", async () => {
  const all = await readJson<Record<string, KitFolder>>(kitPath("datasets", "audiofolder.json"));
  const expected = all["audiofolder-dirs"]!;
  const folder = await loadTrainingSplits(kitPath("datasets", "audiofolder-dirs"));
  deepEqual(Object.keys(folder.splits).sort(), Object.keys(expected).sort());
  for (const split of ["train", "test"] as const) {
    const { class_names, rows } = expected[split]!;
    deepEqual(folder.labels, class_names.label);
    deepEqual(rowsOf(folder, split), rows.map(({ audio, label }) => `${audio}=${label}`));
  }
  deepEqual(folder.notes, []);
});

folderTest("loadTrainingSplits() names a split without rows", async (dir) => {
  await Deno.writeTextFile(`${dir}/train.csv`, "file,label\na.wav,yes\nb.wav,no\n");
  await Deno.writeTextFile(`${dir}/test.csv`, "file,label\n");
  await rejects(loadTrainingSplits(dir), {
    name: "DatasetError",
    message: `Cannot use split "test" of data set "${dir}": expected rows, found none`,
    hint: "Give it rows, or take it out of the data set",
  });
});

const fsdd = sharedPath("data", "fsdd");
Deno.test({
  name: `loadTrainingSplits() finds 2,500 spoken digits${
    exists(fsdd) ? "" : ` [skipped: no ${fsdd}]`
  }`,
  ignore: !exists(fsdd),
  async fn() {
    const { labels, splits, notes } = await loadTrainingSplits(fsdd);
    deepEqual(labels, "eight five four nine one seven six three two zero".split(" "));
    deepEqual([splits.train!.clips.length, splits.test!.clips.length], [2_250, 250]);
    deepEqual([splits.validation, notes], [undefined, []]);
  },
});

folderTest(
  "loadTrainingSplits() follows the reference's order, endings and hidden files",
  async (dir) => {
    const taken = ["b/2.wav", "b/10.wav", "a/1.WAV", "a-1/q.mp3", "B/z.m4a"];
    await putFiles(dir, [...taken, "a/n.txt", "a/.h.wav", ".x/q.wav", "README.md", "empty/.keep"]);
    const folder = await loadTrainingSplits(`${dir}/`, { testSize: 0 });
    deepEqual(folder.labels, ["B", "a", "a-1", "b"]);
    deepEqual(rowsOf(folder, "train"), [
      "B/z.m4a=0",
      "a-1/q.mp3=2",
      "a/1.WAV=1",
      "b/10.wav=3",
      "b/2.wav=3",
    ]);
  },
);

Deno.test("splitOf() knows the reference's words, and only whole ones", () => {
  const names = {
    train: ["train", "Training", "train-clean-100"],
    validation: ["validation", "valid", "val", "dev", "dev_1"],
    test: ["test", "testing", "eval", "evaluation", "TEST"],
  };
  for (const [split, words] of Object.entries(names)) {
    deepEqual(words.map(splitOf), words.map(() => split));
  }
  deepEqual(
    ["trainer", "contest", "device", "valley", "", "yes"].map(splitOf),
    Array(6).fill(undefined),
  );
});

folderTest("loadTrainingSplits() merges folders that name the same split", async (dir) => {
  await putFiles(dir, [
    "training/a/1.wav",
    "dev/b/2.wav",
    "val/a/3.wav",
    "eval/a/4.wav",
    "train/b/5.wav",
  ]);
  const folder = await loadTrainingSplits(dir);
  deepEqual(rowsOf(folder, "train"), ["train/b/5.wav=1", "training/a/1.wav=0"]);
  deepEqual(rowsOf(folder, "validation"), ["dev/b/2.wav=1", "val/a/3.wav=0"]);
  deepEqual(rowsOf(folder, "test"), ["eval/a/4.wav=0"]);
});

folderTest("loadTrainingSplits() takes a label called train for a label", async (dir) => {
  await putFiles(dir, ["train/1.wav", "car/1.wav", "car/2.wav"]);
  const folder = await loadTrainingSplits(dir, { testSize: 0 });
  deepEqual(rowsOf(folder, "train"), ["car/1.wav=0", "car/2.wav=0", "train/1.wav=1"]);
});

folderTest(
  "loadTrainingSplits() ignores and counts what lies outside a label folder",
  async (dir) => {
    const clips = ["train/a/1.wav", "train/b/1.wav"];
    const outside = ["0.wav", "train/1.wav", "train/a/deep/1.wav", "other/1.wav", "other/c/1.wav"];
    await putFiles(dir, [...clips, ...outside, "train/a/notes.txt", "README.md"]);
    const folder = await loadTrainingSplits(dir);
    deepEqual(rowsOf(folder, "train"), ["train/a/1.wav=0", "train/b/1.wav=1"]);
    deepEqual(folder.notes, [
      `Ignored 5 audio files outside the label folders, such as "${dir}/0.wav"`,
      `Ignored 1 file without an audio ending, such as "${dir}/train/a/notes.txt"`,
    ]);
  },
);

folderTest("loadTrainingSplits() splits label folders, the same way each time", async (dir) => {
  await putFiles(dir, [...clipsOf("a", 20), ...clipsOf("b", 10)]);
  const sizes = ({ splits }: TrainingSplits) =>
    [splits.train, splits.validation, splits.test].map((set) => set?.clips.length);
  const first = await loadTrainingSplits(dir);
  deepEqual(sizes(first), [24, undefined, 6]);
  deepEqual(rowsOf(await loadTrainingSplits(dir, { seed: 42 }), "test"), rowsOf(first, "test"));
  const other = await loadTrainingSplits(dir, { seed: 43 });
  equal(rowsOf(other, "test")!.join() === rowsOf(first, "test")!.join(), false);
  const three = await loadTrainingSplits(dir, {
    testSize: 0.2,
    validationSize: 0.2,
    stratify: true,
  });
  deepEqual(sizes(three), [18, 6, 6]);
  const all = (["train", "validation", "test"] as const).flatMap((split) => rowsOf(three, split)!);
  equal(new Set(all).size, 30);
  deepEqual(rowsOf(three, "test")!.filter((row) => row.endsWith("=1")).length, 2);
  deepEqual(sizes(await loadTrainingSplits(dir, { testSize: 4, validationSize: 5 })), [21, 5, 4]);
});

folderTest(
  "loadTrainingSplits() takes a missing validation split from the training clips",
  async (dir) => {
    await putFiles(
      dir,
      ["train", "test"].flatMap((
        split,
      ) => [...clipsOf(`${split}/a`, 5), ...clipsOf(`${split}/b`, 5)]),
    );
    const { splits } = await loadTrainingSplits(dir, { validationSize: 0.2, stratify: true });
    deepEqual(Object.values(splits).map((set) => `${set.split} ${set.clips.length}`).sort(), [
      "test 10",
      "train 8",
      "validation 2",
    ]);
    await rejects(loadTrainingSplits(dir, { testSize: 0.2 }), {
      name: "DatasetError",
      message: `Cannot make a test split of data set "${dir}": expected no such split, ` +
        "found 10 clips in it",
    });
  },
);

folderTest("loadTrainingSplits() gives clips the numbers of a model's labels", async (dir) => {
  await putFiles(dir, ["a/1.wav", "a/2.wav"]);
  const folder = await loadTrainingSplits(dir, { labels: ["c", "b", "a"], testSize: 0 });
  deepEqual([folder.labels, rowsOf(folder, "train")], [["c", "b", "a"], [
    "a/1.wav=2",
    "a/2.wav=2",
  ]]);
  await rejects(loadTrainingSplits(dir, { labels: ["b", "c"], testSize: 0 }), {
    name: "DatasetError",
    message: /expected labels that the model knows, found "a"/,
  });
});

folderTest(
  "loadTrainingSplits() names a folder that holds no clips, and what it holds",
  async (dir) => {
    const refused = (found: string) => ({
      name: "DatasetError",
      message:
        `Cannot load data set "${dir}": expected label/file or split/label/file, found ${found}`,
      file: dir,
    });
    await rejects(loadTrainingSplits(dir), refused("no audio files"));
    await putFiles(dir, ["a/1.txt"]);
    await rejects(loadTrainingSplits(dir), refused(`only other files, such as "${dir}/a/1.txt"`));
    await putFiles(dir, ["a/b/c/1.wav"]);
    await rejects(
      loadTrainingSplits(dir),
      refused(`1 audio file elsewhere, such as "${dir}/a/b/c/1.wav"`),
    );
  },
);

folderTest("loadTrainingSplits() names what is no data set", async (dir) => {
  await putFiles(dir, ["clip.wav"]);
  const found = (path: string, expected: string) => ({
    name: "DatasetError",
    message: `Cannot load data set "${path}": expected ${expected}`,
  });
  await rejects(
    loadTrainingSplits(`${dir}/no`),
    found(`${dir}/no`, 'a folder, a file or an id like "org/name", found none of that name'),
  );
  await rejects(
    loadTrainingSplits(`${dir}/clip.wav`),
    found(
      `${dir}/clip.wav`,
      "a folder or a Parquet, CSV, TSV, JSONL or zip file, found another file",
    ),
  );
});

folderTest("loadTrainingSplits() names the only label", async (dir) => {
  await putFiles(dir, ["dog/1.wav", "dog/2.wav", "stray.wav"]);
  await rejects(loadTrainingSplits(dir), {
    name: "DatasetError",
    message: `Cannot train on "${dir}": expected two labels or more, found one, "dog"`,
    hint: `Ignored 1 audio file outside the label folders, such as "${dir}/stray.wav"`,
  });
});

folderTest("loadTrainingSplits() refuses a test label that is not in training", async (dir) => {
  await putFiles(dir, ["train/a/1.wav", "train/b/1.wav", "test/c/1.wav"]);
  await rejects(loadTrainingSplits(dir), {
    name: "DatasetError",
    message: `Cannot use split "test": expected labels that "train" has too, found "c" ` +
      `("${dir}/test/c/1.wav")`,
    file: `${dir}/test/c/1.wav`,
  });
});

folderTest("loadTrainingSplits() tells which split lacks a label", async (dir) => {
  await putFiles(dir, ["a", "b", "c"].flatMap((label) => clipsOf(`train/${label}`, 2)));
  await putFiles(dir, ["test/a/1.wav", "validation/a/1.wav", "validation/b/1.wav"]);
  deepEqual((await loadTrainingSplits(dir)).notes, [
    'Split "validation" has no clips of label "c"',
    'Split "test" has no clips of 2 labels, such as "b"',
  ]);
});

folderTest(
  "loadTrainingSplits() tells when a random split took a label's only clip",
  async (dir) => {
    await putFiles(dir, [...clipsOf("a", 9), "rare/1.wav"]);
    const noted = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      for (const note of (await loadTrainingSplits(dir, { seed })).notes) noted.add(note);
    }
    deepEqual([...noted].sort(), [
      'Split "test" has no clips of label "rare"',
      'Split "train" has no clips of label "rare"',
    ]);
  },
);

folderTest("loadTrainingSplits() follows links and keeps broken ones as clips", async (dir) => {
  await putFiles(dir, ["store/real/1.wav", "data/b/2.wav"]);
  await Deno.symlink(`${dir}/store/real`, `${dir}/data/a`);
  await Deno.symlink(`${dir}/nowhere.wav`, `${dir}/data/b/3.wav`);
  const folder = await loadTrainingSplits(`${dir}/data`, { testSize: 0 });
  deepEqual(rowsOf(folder, "train"), ["a/1.wav=0", "b/2.wav=1", "b/3.wav=1"]);
});

folderTest("loadTrainingSplits() survives labels that look like JavaScript", async (dir) => {
  await putFiles(dir, ["__proto__/1.wav", "constructor/1.wav"]);
  const { labels, splits } = await loadTrainingSplits(dir, { testSize: 0 });
  deepEqual(labels, ["__proto__", "constructor"]);
  deepEqual(splits.train!.clips.map((clip) => clip.label), [0, 1]);
});
