/**
 * Data sets by name: splits, configurations and features, from folders, archives and the hub.
 *
 * @module
 */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { dirname, join } from "node:path";
import type { AudioValue } from "../../src/data/dataset.ts";
import { splitsOf } from "../../src/data/dataset_dict.ts";
import { Audio, type ClassLabel } from "../../src/data/features.ts";
import { loadDataset, type LoadDatasetOptions } from "../../src/data/load_dataset.ts";
import { startHub } from "../hub/hub.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { zipFile } from "./craft_zip.ts";
import { folderTest, putFiles, toneWav } from "./folders.ts";

const GOLDEN = join(import.meta.dirname!, "..", "golden", "datasets");

interface KitFolder {
  [split: string]: {
    columns: string[];
    class_names: Record<string, string[]>;
    rows: Record<string, unknown>[];
  };
}

/** Writes files of text. */
async function putTexts(dir: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(`${dir}/${path}`), { recursive: true });
    await Deno.writeTextFile(`${dir}/${path}`, text);
  }
}

/** Rows by split. */
async function sizes(
  source: string,
  options?: LoadDatasetOptions,
): Promise<Record<string, number>> {
  const splits = Object.entries(splitsOf(await loadDataset(source, options)));
  return Object.fromEntries(splits.map(([name, { numRows }]) => [name, numRows]));
}

kitTest("loadDataset() gives the reference's folders", async () => {
  const all = await readJson<Record<string, KitFolder>>(kitPath("datasets", "audiofolder.json"));
  for (const [name, expected] of Object.entries(all)) {
    const dir = kitPath("datasets", name);
    const dict = splitsOf(await loadDataset(dir));
    deepEqual(Object.keys(dict).sort(), Object.keys(expected).sort());
    for (const [split, { columns, class_names, rows }] of Object.entries(expected)) {
      const dataset = dict[split]!;
      deepEqual(dataset.columnNames, columns);
      for (const [column, names] of Object.entries(class_names)) {
        deepEqual((dataset.features[column] as ClassLabel).names, names);
      }
      const found = await Array.fromAsync(
        dataset.castColumn("audio", new Audio({ decode: false })),
      );
      deepEqual(
        found.map((row) => ({ ...row, audio: (row.audio as AudioValue).path })),
        rows.map((row) => ({ ...row, audio: `${dir}/${row.audio}` })),
      );
    }
  }
});

folderTest("loadDataset() tells splits by shards, folders and file names", async (dir) => {
  const row = "a\n1\n";
  await putTexts(`${dir}/shards`, {
    "data/train-00000-of-00002.csv": row,
    "data/train-00001-of-00002.csv": row,
    "data/extra-00000-of-00001.csv": row,
    "data/test-00000-of-00001.csv": "a\n1\n2\n",
    "other/dev.csv": row,
  });
  deepEqual(await sizes(`${dir}/shards`), { train: 2, test: 2, extra: 1 });
  await putTexts(`${dir}/folders`, { "train/a.csv": row, "my-dev/b.csv": row, "c.csv": row });
  deepEqual(await sizes(`${dir}/folders`), { train: 1, validation: 1 });
  await putTexts(`${dir}/names`, { "my_train.csv": row, "eval-1.csv": row, "c.csv": row });
  deepEqual(await sizes(`${dir}/names`), { train: 1, test: 1 });
  await putTexts(`${dir}/none`, { "a.csv": row, "b.csv": row, "README.md": "# Data" });
  deepEqual(await sizes(`${dir}/none`), { train: 2 });
});

folderTest("loadDataset() takes the files that `dataFiles` names", async (dir) => {
  await putTexts(dir, { "a.csv": "a\n1\n", "b/c.csv": "a\n1\n2\n", "b/d.csv": "a\n3\n" });
  deepEqual(await sizes(dir, { dataFiles: { x: "b/d.csv", y: "b/c.csv" } }), { x: 1, y: 2 });
  deepEqual(await sizes(dir, { dataFiles: "b/*.csv" }), { train: 3 });
  deepEqual(await sizes(dir, { dataFiles: { x: "a.csv", y: ["b/c.csv", "**/d.csv"] } }), {
    x: 1,
    y: 3,
  });
  await rejects(loadDataset(dir, { dataFiles: "e*.csv" }), {
    name: "DatasetError",
    message: `Cannot load data set "${dir}": expected files "e*.csv", found none`,
  });
});

folderTest("loadDataset() gives a part of a split", async (dir) => {
  await putTexts(dir, { "a.csv": `n\n${Array.from({ length: 10 }, (_, i) => i).join("\n")}\n` });
  const part = async (split: string) =>
    await (await loadDataset(dir, { split })).column("n") as number[];
  deepEqual(await part("train[:3]"), [0, 1, 2]);
  deepEqual(await part("train[8:]"), [8, 9]);
  deepEqual(await part("train[-2:]"), [8, 9]);
  deepEqual(await part("train[10%:30%]"), [1, 2]);
  await rejects(part("train[a]"), {
    name: "RangeError",
    message: /Cannot load split "train\[a\]"/,
  });
  await rejects(part("test"), {
    name: "DatasetError",
    message: `Cannot load split "test" of data set "${dir}": expected one of "train"`,
  });
});

const CARD = `---
license: cc-by-4.0
configs:
- config_name: en-US
  data_files:
  - split: train
    path: en-US/train-*.csv
  - split: test
    path: [en-US/test.csv]
- config_name: de-DE
  data_files: de-DE/*.csv
dataset_info:
- config_name: en-US
  features:
  - name: text
    dtype: string
  - name: intent
    dtype:
      class_label:
        names:
          '0': abroad
          '1': address
---
# Voices
`;

folderTest("loadDataset() takes configurations and classes of the card", async (dir) => {
  await putTexts(dir, {
    "README.md": CARD,
    "en-US/train-0.csv": "text,intent\na,0\nb,1\n",
    "en-US/test.csv": "text,intent\nc,1\n",
    "de-DE/all.csv": "text,intent\nd,1\n",
  });
  deepEqual(await sizes(dir, { name: "en-US" }), { train: 2, test: 1 });
  deepEqual(await sizes(dir, { name: "de-DE" }), { train: 1 });
  const { train } = await loadDataset(dir, { name: "en-US" });
  deepEqual((train!.features.intent as ClassLabel).names, ["abroad", "address"]);
  await rejects(loadDataset(dir), {
    name: "DatasetError",
    message: `Cannot load data set "${dir}": expected the name of a configuration, found none`,
    hint: 'Name one of "en-US", "de-DE"',
  });
  await rejects(loadDataset(dir, { name: "fr-FR" }), {
    name: "DatasetError",
    message:
      `Cannot load data set "${dir}": expected configuration "en-US", "de-DE", found no "fr-FR"`,
  });
  await putTexts(dir, { "README.md": CARD.replace("config_name: de-DE", "$&\n  default: true") });
  deepEqual(await sizes(dir), { train: 1 });
});

folderTest("loadDataset() names a card that is no YAML", async (dir) => {
  await putTexts(dir, { "README.md": "---\nconfigs: [\n---\n", "a.csv": "a\n1\n" });
  await rejects(loadDataset(dir), {
    name: "DatasetError",
    message: /README\.md": expected metadata, found none \(.*\)$/,
  });
});

folderTest("loadDataset() names files of a split with other columns", async (dir) => {
  await putTexts(dir, { "a.csv": "a,b\n1,2\n", "b.csv": "a,c\n1,2\n" });
  await rejects(loadDataset(dir), {
    name: "DatasetError",
    message: `Cannot use ${dir}/b.csv, row 0: expected columns "a", "b" as in the files before ` +
      'it, found "a", "c"',
  });
});

folderTest("loadDataset() names what it found where there is no data", async (dir) => {
  await rejects(loadDataset(dir), { name: "DatasetError", message: /found no audio files$/ });
  await rejects(loadDataset(`${dir}/a.parquet`), {
    name: "DatasetError",
    message: /expected a folder, a file or an id like "org\/name", found none of that name$/,
  });
});

folderTest("loadDataset() reads metadata of recordings in every format", async (dir) => {
  await putFiles(dir, ["train/1.wav", "train/sub/2.wav", "test/1.wav"]);
  await putTexts(dir, {
    "train/metadata.jsonl":
      '{"file_name":"sub/2.wav","who":"b"}\n{"file_name":"1.wav","who":"a"}\n',
    "test/metadata.csv": "who,clip_file_name\nc,1.wav\n",
  });
  const { train, test } = await loadDataset(dir);
  deepEqual([train!.columnNames, test!.columnNames], [["audio", "who"], ["who", "clip"]]);
  deepEqual(await train!.column("who"), ["b", "a"]);
  const { audio } = await train!.at(0);
  deepEqual([(audio as AudioValue).path, (audio as AudioValue).array.length], [
    `${dir}/train/sub/2.wav`,
    80,
  ]);
});

folderTest("loadDataset() refuses metadata that names files elsewhere", async (dir) => {
  await putFiles(dir, ["1.wav"]);
  for (const name of ["../1.wav", "/etc/passwd", "a/../../1.wav", "file:///etc/passwd"]) {
    await putTexts(dir, { "metadata.csv": `file_name\n${name}\n` });
    const { train } = await loadDataset(dir);
    await rejects(train!.at(0), {
      name: "DatasetError",
      message: `Cannot use ${dir}/metadata.csv, row 0: expected a file inside the folder of its ` +
        `metadata, found "${name}"`,
    });
  }
  await putTexts(dir, { "metadata.csv": "name\n1.wav\n" });
  await rejects(loadDataset(dir), {
    name: "DatasetError",
    message: `Cannot use "${dir}/metadata.csv": expected a column "file_name", found "name"`,
  });
});

folderTest("loadDataset() reads a zip for each split", async (dir) => {
  const clip = toneWav(0.01);
  const files = { "yes/1.wav": clip, "yes/2.wav": clip, "no/1.wav": clip, "no/.h.wav": clip };
  await Deno.writeFile(`${dir}/train.zip`, zipFile(files));
  const nested = { "test/yes/1.wav": clip, "__MACOSX/test/yes/1.wav": clip };
  await Deno.writeFile(`${dir}/test.zip`, zipFile(nested));
  const { train, test } = await loadDataset(dir);
  deepEqual([train!.numRows, test!.numRows], [3, 1]);
  deepEqual((train!.features.label as ClassLabel).names, ["no", "yes"]);
  const row = await train!.at(-1);
  deepEqual([row.label, (row.audio as AudioValue).array.length], [1, 80]);
});

folderTest("loadDataset() reads metadata and tables inside a zip", async (dir) => {
  const clip = toneWav(0.01);
  const files = { "a/1.wav": clip, "metadata.csv": "file_name,who\na/1.wav,b\n" };
  await Deno.writeFile(`${dir}/clips.zip`, zipFile(files));
  const { train } = await loadDataset(`${dir}/clips.zip`);
  const { audio, who } = await train!.at(0);
  deepEqual([(audio as AudioValue).array.length, who], [80, "b"]);
  await Deno.writeFile(`${dir}/rows.zip`, zipFile({ "rows.csv": "a\n1\n2\n" }));
  deepEqual(await sizes(`${dir}/rows.zip`), { train: 2 });
});

folderTest("loadDataset() names an archive that is none, or is damaged", async (dir) => {
  await Deno.writeTextFile(`${dir}/train.zip`, "no archive at all".repeat(10));
  await rejects(loadDataset(dir), {
    name: "DatasetError",
    message: /train\.zip": expected a zip archive \(/,
  });
  const bytes = zipFile({ "yes/1.wav": toneWav(0.1) });
  bytes.fill(7, 60, 400);
  await Deno.writeFile(`${dir}/train.zip`, bytes);
  const { train } = await loadDataset(dir);
  await rejects(train!.at(0), {
    name: "FileError",
    message: /train\.zip\/yes\/1\.wav": expected a sound zip archive \(/,
  });
});

folderTest(
  "loadDataset() reads a repository on the hub, and only the files it needs",
  async (dir) => {
    await using hub = startHub();
    const rows = await Deno.readFile(`${GOLDEN}/several.parquet`);
    hub.addRepository("acme/voices", {
      "README.md": CARD.replace(/data_files:\n[^]*?test.csv\]/, "data_dir: en"),
      "en/train-00000-of-00001.parquet": rows,
      "en/test-00000-of-00001.parquet": rows,
      "de-DE/a.csv": "text,intent\nd,1\n",
    }, { type: "dataset" });
    const options = { endpoint: hub.url, cacheDirectory: dir, token: false as const };
    const named = { ...options, name: "en-US", split: "test" };
    const dataset = await loadDataset("acme/voices", named);
    equal(dataset.numRows, 6);
    equal(((await dataset.at(2)).audio as AudioValue).array.length, 96);
    const asked = hub.requests.map(({ path }) => path).filter((path) => path.includes("parquet"));
    ok(asked.length > 0 && asked.every((path) => !path.includes("train-0")), asked.join("\n"));
    await rejects(loadDataset("acme/voices", { ...options, name: "fr" }), {
      name: "DatasetError",
      message:
        'Cannot load data set "acme/voices": expected configuration "en-US", "de-DE", found no "fr"',
    });
    await rejects(loadDataset("acme/nothing", options), { name: "HubError" });
  },
);

folderTest("loadDataset() takes a revision behind the id", async (dir) => {
  await using hub = startHub();
  const repository = hub.addRepository("acme/words", { "train.csv": "word\nold\n" }, {
    type: "dataset",
  });
  const sha = repository.refs.get("main")!;
  repository.commit({ "train.csv": "word\nnew\n" });
  const options = { endpoint: hub.url, cacheDirectory: dir, token: false, split: "train" } as const;
  deepEqual(await (await loadDataset("acme/words", options)).at(0), { word: "new" });
  deepEqual(await (await loadDataset(`acme/words@${sha}`, options)).at(0), { word: "old" });
  await rejects(loadDataset("acme/words@gone", options), { reason: "revision" });
});

folderTest("loadDataset() takes the hub's own Parquet files of a script", async (dir) => {
  await using hub = startHub();
  const rows = await Deno.readFile(`${GOLDEN}/several.parquet`);
  const repository = hub.addRepository("acme/scripted", { "scripted.py": "pass" }, {
    type: "dataset",
  });
  const options = { endpoint: hub.url, cacheDirectory: dir, token: false as const };
  await rejects(loadDataset("acme/scripted", options), {
    name: "DatasetError",
    message: /expected label\/file or split\/label\/file, found no audio files|expected Parquet/,
  });
  repository.commit({
    "en/train/0000.parquet": rows,
    "en/train/0001.parquet": rows,
    "de/partial-test/0000.parquet": rows,
  }, { branch: "refs/convert/parquet" });
  await Deno.remove(dir, { recursive: true });
  deepEqual(await sizes("acme/scripted", { ...options, name: "en" }), { train: 12 });
  deepEqual(await sizes("acme/scripted", { ...options, name: "de" }), { test: 6 });
});

folderTest("loadDataset() reads parts of a file on the hub when it streams", async (dir) => {
  await using hub = startHub();
  const rows = await Deno.readFile(`${GOLDEN}/several.parquet`);
  hub.addRepository("acme/voices", { "data/train-00000-of-00001.parquet": rows }, {
    type: "dataset",
  });
  const dataset = await loadDataset("acme/voices", {
    endpoint: hub.url,
    cacheDirectory: dir,
    token: false,
    streaming: true,
    split: "train",
  });
  equal(((await dataset.at(5)).audio as AudioValue).array.length, 120);
  const ranges = hub.requests.map(({ headers }) => headers.get("range")).filter((range) => range);
  ok(ranges.length > 1, "no ranges were asked for");
  const kept = await Array.fromAsync(Deno.readDir(dir), ({ name }) => name);
  for (const name of kept) {
    const blobs = await Array.fromAsync(Deno.readDir(`${dir}/${name}`), (entry) => entry.name);
    equal(blobs.includes("blobs"), false);
  }
});
