import { deepEqual, equal, rejects } from "node:assert/strict";
import { parseArguments } from "../../src/commands/_arguments.ts";
import { loadSplits, SPLIT_OPTIONS, splitChoice, splitsInOrder } from "../../src/commands/_data.ts";
import { orderedLabels } from "../../src/commands/_starting_model.ts";
import { withFolder, writeFile } from "./_command_line.ts";

const CHOICE = { stratify: true, seed: 42 };

/** Writes `count` files for each label; no audio is read here. */
async function writeNames(folder: string, count: number, labels = ["a", "b", "c"]): Promise<void> {
  for (const label of labels) {
    for (let i = 0; i < count; i++) {
      await writeFile(`${folder}/${label}/${i}.wav`, new Uint8Array(1));
    }
  }
}

function filesOf(folder: Awaited<ReturnType<typeof loadSplits>>): string[][] {
  return splitsInOrder(folder).map(({ clips }) => clips.map(({ file }) => file));
}

Deno.test("loadSplits() draws the same clips whatever the order of the model's labels", async () => {
  await withFolder(async (folder) => {
    await writeNames(folder, 10);
    const own = await loadSplits(folder, CHOICE);
    const labels = ["c", "x", "a", "b"];
    const others = await loadSplits(folder, { ...CHOICE, labels });
    deepEqual(filesOf(others), filesOf(own));
    deepEqual(others.labels, labels);
    const [clip] = others.splits.test!.clips;
    equal(clip!.file.split("/").at(-2), labels[clip!.label]);
    equal(own.drawn, true);
  });
});

Deno.test("loadSplits() keeps the splits of a folder, and takes validation clips from training", async () => {
  await withFolder(async (folder) => {
    await writeNames(`${folder}/train`, 20);
    await writeNames(`${folder}/test`, 2);
    const { splits, drawn } = await loadSplits(folder, CHOICE);
    deepEqual([splits.train, splits.validation, splits.test].map((set) => set!.clips.length), [
      54,
      6,
      6,
    ]);
    equal(drawn, false);
    const none = await loadSplits(folder, { ...CHOICE, validationSize: 0 });
    equal(none.splits.validation, undefined);
    const counted = await loadSplits(folder, { ...CHOICE, validationSize: 9 });
    equal(counted.splits.validation!.clips.length, 9);
  });
});

Deno.test("loadSplits() says where there are too few clips for validation", async () => {
  await withFolder(async (folder) => {
    await writeNames(`${folder}/train`, 1);
    const { splits, notes } = await loadSplits(folder, CHOICE);
    deepEqual(Object.keys(splits), ["train"]);
    deepEqual(notes, ['Split "train" is too small to take validation clips from it']);
    const asked = { ...CHOICE, validationSize: 0.1 };
    await rejects(loadSplits(folder, asked), /expected/);
  });
});

Deno.test("loadSplits() reads manifests and Parquet by the columns that are named", async () => {
  await withFolder(async (folder) => {
    const rows = Array.from({ length: 20 }, (_, i) => `clips/${i}.wav,${i % 2 ? "on" : "off"},7`);
    const text = ["clip,word,n", ...rows].join("\n");
    await writeFile(`${folder}/a.csv`, new TextEncoder().encode(text));
    const named = { ...CHOICE, audioColumn: "clip", labelColumn: "word" };
    const { labels, splits, drawn } = await loadSplits(`${folder}/a.csv`, named);
    deepEqual([labels, drawn], [["off", "on"], true]);
    deepEqual(
      [splits.train, splits.validation, splits.test].map((split) => split!.clips.length),
      [14, 2, 4],
    );
    await rejects(loadSplits(`${folder}/a.csv`, { ...CHOICE, labelColumn: "wort" }), {
      message: /expected a column of recordings, found "clip" \(Value\('string'\)\)/,
    });
    await rejects(loadSplits(`${folder}/a.csv`, { ...named, labelColumn: "wort" }), {
      message: 'Cannot use column "wort" of "train": expected one of "clip", "word", "n"',
    });
  });
  const golden = "test/golden/datasets";
  await rejects(loadSplits(`${golden}/broken.parquet`, CHOICE), {
    name: "DatasetError",
    message: /Cannot use label of .*broken\.parquet, row 3: expected a class from 0 to 1, found 7/,
  });
  const several = { ...CHOICE, labelColumn: "labels" };
  const { splits, labels } = await loadSplits(`${golden}/several.parquet`, several);
  deepEqual(labels, ["dog", "rain", "siren"]);
  equal(splits.train!.kind, "multi_label_classification");
});

Deno.test("splitChoice() stratifies unless asked not to", () => {
  const chosen = (...args: string[]) => {
    return splitChoice(parseArguments(args, { options: SPLIT_OPTIONS }).options);
  };
  equal(chosen().stratify, true);
  const { testSize, stratify } = chosen("--test-size", "5", "--no-stratify");
  deepEqual([testSize, stratify], [5, false]);
  const columns = ["--audio-column", "clip", "--label-column", "intent_class"];
  const { name, audioColumn, labelColumn } = chosen("--data-name", "en-US", ...columns);
  deepEqual([name, audioColumn, labelColumn], ["en-US", "clip", "intent_class"]);
});

Deno.test("orderedLabels() takes the model's order where both have the same names", () => {
  deepEqual(orderedLabels(["a", "b"], ["b", "a"]), ["b", "a"]);
  deepEqual(orderedLabels(["a", "b"], ["b", "c"]), ["a", "b"]);
  deepEqual(orderedLabels(["a", "b"], ["b", "a", "c"]), ["a", "b"]);
  deepEqual(orderedLabels(["a", "b"], undefined), ["a", "b"]);
});

Deno.test("loadSplits() names a split to test on whose folder holds no clips", async () => {
  await withFolder(async (folder) => {
    await writeNames(`${folder}/train`, 20);
    const validation = `${folder}/dev/a`;
    await Deno.mkdir(validation, { recursive: true });
    await rejects(loadSplits(folder, CHOICE), {
      name: "DatasetError",
      message: `Cannot use split "validation" of data set "${folder}": expected rows, found none`,
    });
    await writeFile(`${folder}/dev/notes.txt`, new Uint8Array(1));
    await loadSplits(folder, CHOICE);
  });
});
