/**
 * Folders of recordings that are laid out in other ways than `label/file`: what is a split and no class, which table
 * says what, and what is left out with a word about it.
 *
 * @module
 */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { dirname } from "node:path";
import { splitsOf } from "../../src/data/dataset_dict.ts";
import {
  loadDataset,
  type LoadDatasetOptions,
  type NoticeKind,
} from "../../src/data/load_dataset.ts";
import { loadTrainingSplits } from "../../src/data/training_splits.ts";
import { folderTest, putFiles, toneWav } from "./folders.ts";

async function putTexts(dir: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(`${dir}/${path}`), { recursive: true });
    await Deno.writeTextFile(`${dir}/${path}`, text);
  }
}

interface Loaded {
  /** Rows by split. */
  sizes: Record<string, number>;
  /** Labels of all rows, in their order; classes by name. */
  labels: unknown[];
  notices: [NoticeKind, string][];
}

async function loaded(source: string, options: LoadDatasetOptions = {}): Promise<Loaded> {
  const notices: [NoticeKind, string][] = [];
  const onNotice = (notice: string, kind: NoticeKind) => notices.push([kind, notice]);
  const splits = Object.entries(splitsOf(await loadDataset(source, { ...options, onNotice })));
  const labels: unknown[] = [];
  for (const [, split] of splits) {
    if (!split.columnNames.includes("label")) continue;
    const feature = split.features.label!;
    const names = "names" in feature ? feature.names : undefined;
    for (const label of await split.column("label")) labels.push(names?.[Number(label)] ?? label);
  }
  return {
    sizes: Object.fromEntries(splits.map(([name, { numRows }]) => [name, numRows])),
    labels,
    notices,
  };
}

/** `count` recordings in a folder. */
function clips(folder: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${folder}/${i}.wav`);
}

/** The text of a table about them, of labels low and high in turn. */
function tableOf(paths: readonly string[], column = "file_name"): string {
  const rows = paths.map((path, i) => `${path},${i % 2 ? "high" : "low"}`);
  return `${[`${column},label`, ...rows].join("\n")}\n`;
}

folderTest("loadDataset() takes folders of splits for no classes", async (dir) => {
  await putFiles(dir, [...clips("train", 3), ...clips("test", 3)]);
  await rejects(loadDataset(dir), {
    name: "DatasetError",
    message: `Cannot load data set "${dir}": expected classes, found recordings right in folders ` +
      `of splits, "test", "train", such as "${dir}/test/0.wav"`,
  });
  await putFiles(dir, clips("bus", 1));
  const { sizes, labels, notices } = await loaded(dir);
  deepEqual([sizes.train, new Set(labels)], [7, new Set(["bus", "test", "train"])]);
  deepEqual(notices, [["suspicious", 'Classes are named like splits: "test", "train"']]);
});

folderTest("loadDataset() still takes a class called train beside other vehicles", async (dir) => {
  await putFiles(dir, [...clips("train", 1), ...clips("bus", 1), ...clips("car", 1)]);
  const { sizes, labels, notices } = await loaded(dir);
  deepEqual([sizes, labels, notices], [{ train: 3 }, ["bus", "car", "train"], []]);
});

folderTest("loadDataset() leaves metadata of no split out where others have one", async (dir) => {
  for (const folder of ["train", "validation", "test", "custom"]) {
    await putFiles(dir, clips(folder, 4));
    await putTexts(dir, { [`${folder}/metadata.csv`]: tableOf(clips(".", 4)) });
  }
  const { sizes, notices } = await loaded(dir);
  deepEqual(sizes, { train: 4, validation: 4, test: 4 });
  deepEqual(notices, [[
    "suspicious",
    `Left out 4 rows of "${dir}/custom/metadata.csv": no folder names their split`,
  ]]);
  const { notes } = await loadTrainingSplits(dir);
  ok(notes.some((note) => note.includes("custom/metadata.csv")), notes.join("\n"));
});

folderTest("loadDataset() splits metadata by the folders of its recordings", async (dir) => {
  const paths = [...clips("train", 4), ...clips("test", 4)];
  await putFiles(dir, paths);
  const rows = paths.map((file_name, i) => JSON.stringify({ file_name, label: `l${i % 2}` }));
  await putTexts(dir, { "metadata.jsonl": rows.join("\n") });
  const { sizes, labels } = await loaded(dir);
  deepEqual(sizes, { train: 4, test: 4 });
  deepEqual(labels, ["l0", "l1", "l0", "l1", "l0", "l1", "l0", "l1"]);
  const { splits } = await loadTrainingSplits(dir);
  deepEqual(splits.test!.clips.map(({ file }) => file), clips(`${dir}/test`, 4));
});

folderTest("loadDataset() takes the table of a split for its labels", async (dir) => {
  for (const [folder, count] of [["train", 8], ["valid", 4], ["test", 4]] as const) {
    await putFiles(dir, clips(folder, count));
    const text = tableOf(clips(".", count).map((path) => path.slice(2)), folder);
    await putTexts(dir, { [`${folder}/${folder}.csv`]: text });
  }
  const { sizes, labels, notices } = await loaded(dir);
  deepEqual(sizes, { train: 8, validation: 4, test: 4 });
  deepEqual(new Set(labels), new Set(["low", "high"]));
  deepEqual(notices, [[
    "note",
    `Labels are those of "${dir}/test/test.csv" and 2 tables more, by the recordings that column ` +
    `"test" names`,
  ]]);
  const { splits } = await loadTrainingSplits(dir);
  equal(splits.validation!.clips[0]!.file, `${dir}/valid/0.wav`);
});

folderTest("loadDataset() finds the recordings of a table in another folder", async (dir) => {
  await putFiles(dir, clips("clips", 4));
  const names = ["0.wav", "1.wav"];
  await putTexts(dir, {
    "train.tsv": tableOf(names, "path").replaceAll(",", "\t"),
    "dev.tsv": tableOf(["2.wav"], "path").replaceAll(",", "\t"),
    "other.tsv": tableOf(["3.wav"], "path").replaceAll(",", "\t"),
  });
  const { sizes, notices } = await loaded(dir);
  deepEqual(sizes, { train: 2, validation: 1 });
  match(notices.at(-1)![1], /^Left out 1 row of ".*other\.tsv"/);
  const { train } = await loadDataset(dir);
  equal((await train!.at(1)).label, "high");
});

folderTest("loadDataset() takes paths of a table in the folder that is named", async (dir) => {
  await putFiles(dir, clips("audio", 4), toneWav(0.05));
  await putTexts(dir, { "meta/list.csv": tableOf(clips(".", 4), "filename") });
  const audioDir = `${dir}/audio`;
  for (const source of [`${dir}/meta/list.csv`, `${dir}/meta`, dir]) {
    const { splits } = await loadTrainingSplits(source, { audioDir, testSize: 0 });
    equal(splits.train!.clips.length, 4, source);
    using file = await splits.train!.clips[3]!.open!();
    equal(file.name, `${dir}/audio/3.wav`);
  }
  const { splits } = await loadTrainingSplits(`${dir}/meta/list.csv`, { testSize: 0 });
  await rejects(splits.train!.clips[0]!.open!(), { name: "FileError" });
});

folderTest("loadDataset() says which tables beside label folders it does not use", async (dir) => {
  await putFiles(dir, [...clips("no", 2), ...clips("yes", 2)]);
  await putTexts(dir, {
    "all.csv": tableOf(["no/0.wav", "yes/1.wav"], "recording"),
    "prices.csv": "what,price\nno,1\n",
    "broken.csv": "a,b\n1\n",
  });
  const { sizes, labels, notices } = await loaded(dir);
  deepEqual([sizes, labels], [{ train: 4 }, ["no", "no", "yes", "yes"]]);
  deepEqual(notices.filter(([kind]) => kind === "suspicious").map(([, text]) => text), [
    `"${dir}/all.csv" names recordings here in its column "recording" and is not used: folders ` +
    "are the labels. To use it, name it as the data set",
  ]);
});

folderTest("a class whose recordings lie deeper is refused, or found at its level", async (dir) => {
  await putFiles(dir, [...clips("no", 2), ...clips("yes/loud", 2), ...clips("maybe/a/b", 1)]);
  const { labels, notices } = await loaded(dir);
  deepEqual(new Set(labels), new Set(["no"]));
  deepEqual(notices.map(([kind]) => kind), ["suspicious", "lost class", "lost class"]);
  await rejects(loadTrainingSplits(dir), {
    name: "DatasetError",
    message:
      `Cannot train on "${dir}": expected every folder of a label to be a class, found one ` +
      "that is none",
    hint: /^Folder "(maybe|yes)" is no class: .*`labelLevel: 1`/,
  });
  deepEqual((await loadTrainingSplits(dir, { labelLevel: 1, testSize: 0 })).labels, [
    "maybe",
    "no",
    "yes",
  ]);
  deepEqual(new Set((await loaded(dir, { labelLevel: 2 })).labels), new Set(["a", "loud"]));
});

folderTest("labelLevel counts from below the split", async (dir) => {
  await putFiles(dir, [
    ...clips("train/anna/no", 2),
    ...clips("train/bert/yes", 2),
    ...clips("test/carl/no/deep", 1),
  ]);
  const options = { labelLevel: 2 };
  const { sizes, labels } = await loaded(dir, options);
  deepEqual([sizes, labels], [{ train: 4, test: 1 }, ["no", "no", "yes", "yes", "no"]]);
  await rejects(loadDataset(dir), {
    message: /expected label\/file or split\/label\/file, found 5 audio files elsewhere/,
  });
});

folderTest("loadDataset() splits by lists, and takes noise for no class", async (dir) => {
  await putFiles(dir, [...clips("no", 4), ...clips("yes", 4), ...clips("_background_noise_", 2)]);
  await putTexts(dir, {
    "testing_list.txt": "yes/3.wav\nno/3.wav\n",
    "validation_list.txt": "yes/2.wav\r\nno/9.wav\r\n",
    "LICENSE.txt": "yes/0.wav\n",
  });
  const { sizes, labels, notices } = await loaded(dir);
  deepEqual(sizes, { train: 5, validation: 1, test: 2 });
  deepEqual(new Set(labels), new Set(["no", "yes"]));
  const texts = notices.map(([, text]) => text);
  ok(
    texts.some((text) =>
      text.startsWith(`Left 2 noises of "${dir}/_background_noise_" out of the classes`) &&
      text.includes(`\`augmentNoiseDir: "${dir}/_background_noise_"\``)
    ),
    texts.join("\n"),
  );
  ok(
    texts.some((text) =>
      /^Cannot find 1 of the 2 files that "validation_list.txt" lists/.test(text)
    ),
  );
});

folderTest("loadDataset() leaves out what no list names where one is of training", async (dir) => {
  await putFiles(dir, [...clips("no", 3), ...clips("yes", 3)]);
  await putTexts(dir, {
    "training_list.txt": "yes/0.wav\nno/0.wav\n",
    "testing_list.txt": "yes/1.wav\nno/1.wav\n",
  });
  const { sizes, notices } = await loaded(dir);
  deepEqual(sizes, { train: 2, test: 2 });
  deepEqual(notices, [["suspicious", "Left out 2 recordings that no list names"]]);
});

folderTest("loadTrainingSplits() says what is odd about names of classes", async (dir) => {
  await putFiles(dir, [...clips("Yes", 2), ...clips("yes ", 2), ...clips("fold1", 2)]);
  await putFiles(dir, clips("fold2", 2));
  const { notes } = await loadTrainingSplits(dir, { testSize: 0 });
  deepEqual(notes, [
    'Classes are named like folds: "fold1", "fold2"; the labels are probably in a table',
    'Classes differ only in case or spaces: "Yes", "yes "',
  ]);
});
