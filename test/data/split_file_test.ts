import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import type { AudioDataset } from "../../src/data/audio_dataset.ts";
import {
  readSplitFile,
  splitByRows,
  splitCsv,
  type SplitRow,
  splitRowsOf,
} from "../../src/data/split_file.ts";
import { folderTest } from "./folders.ts";

const LABELS = ["no", "yes"];

function set(split: string, files: readonly string[]): AudioDataset {
  const clips = files.map((file, i) => ({ file: `data/${file}`, label: i % 2, group: "a,b" }));
  return { split, labels: LABELS, clips };
}

const SETS = [set("train", ["1.wav", '2 "x".wav', "3.wav"]), set("test", ["4.wav"])];
const SOURCE = "data/";

folderTest("readSplitFile() gives back what splitCsv() wrote", async (dir) => {
  const rows = splitRowsOf(SETS, SOURCE);
  const path = `${dir}/split.csv`;
  await Deno.writeTextFile(path, splitCsv(rows));
  equal(
    await Deno.readTextFile(path),
    'file,label,split,group\n1.wav,no,train,"a,b"\n"2 ""x"".wav",yes,train,"a,b"\n' +
      '3.wav,no,train,"a,b"\n4.wav,no,test,"a,b"\n',
  );
  deepEqual(await readSplitFile(path), rows);
});

folderTest("readSplitFile() refuses what is no table of splits", async (dir) => {
  const path = `${dir}/split.csv`;
  const cases: [text: string, message: string][] = [
    ["", 'expected columns "file" and "split", found no rows'],
    ["path,split\na,test\n", 'expected columns "file" and "split", found "path", "split"'],
    ["file,split\na,dev\n", 'expected one of "train", "validation", "test" for "a", found "dev"'],
    ["file,split\na,test\na,train\n", 'expected "a" in one split, found it in "test" and "train"'],
    [
      "file,split\na\n",
      "expected a table in CSV, found Invalid Record Length: columns length is 2, got 1 on line 2",
    ],
  ];
  for (const [text, message] of cases) {
    await Deno.writeTextFile(path, text);
    const expected = { name: "DatasetError", message: `Cannot read splits "${path}": ${message}` };
    await rejects(readSplitFile(path), expected);
  }
  await rejects(readSplitFile(`${dir}/none.csv`), { name: "FileError" });
});

Deno.test("splitByRows() splits as a table says", () => {
  const options = { source: SOURCE, path: "split.csv", isWhole: true };
  const row = (file: string, split: SplitRow["split"]) => ({ file, label: "", split, fold: "2" });
  const rows = [row("1.wav", "test"), row("3.wav", "train"), row("4.wav", "train")];
  const { splits, notes } = splitByRows(SETS, rows, options);
  const files = Object.entries(splits).map(([split, { clips }]) => [
    split,
    ...clips.map(({ file, fold, group }) => `${file} ${fold} ${group}`),
  ]);
  deepEqual(files, [
    ["test", "data/1.wav 2 undefined"],
    ["train", "data/3.wav 2 undefined", "data/4.wav 2 undefined"],
  ]);
  deepEqual(notes, ['1 clips that "split.csv" does not name are left out']);
  const more = [...rows, row("5.wav", "train")];
  throws(() => splitByRows(SETS, more, options), {
    name: "DatasetError",
    message:
      'Cannot split "data/" as "split.csv" says: expected the 4 files that it names, found ' +
      '3; missing is "5.wav"',
  });
  equal(splitByRows(SETS, more, { ...options, isWhole: false }).splits.train!.clips.length, 2);
  throws(
    () => splitByRows(SETS, [row("x.wav", "test")], { ...options, isWhole: false }),
    /found 0/,
  );
});

Deno.test("splitByRows() refuses a group in two splits", () => {
  const row = (file: string, split: SplitRow["split"]) => ({
    file,
    label: "",
    split,
    group: "anna",
  });
  const rows = [row("1.wav", "train"), row("3.wav", "train"), row("4.wav", "test")];
  throws(() => splitByRows(SETS, rows, { source: SOURCE, path: "split.csv", isWhole: true }), {
    name: "DatasetError",
    message:
      'Cannot use the splits of "split.csv": expected each group in one of them, found 1 of ' +
      '1 in several, such as "anna" (clips: train 2, test 1)',
    hint: "Correct its column group, or leave it out",
  });
});

Deno.test("splitByRows() takes a table of folds alone as clips to train on", () => {
  const rows = ["1.wav", "4.wav"].map((file, i) => ({
    file,
    label: "",
    split: "" as const,
    fold: `${i}`,
  }));
  const { splits } = splitByRows(SETS, rows, { source: SOURCE, path: "split.csv", isWhole: true });
  deepEqual(splits.train!.clips.map(({ fold }) => fold), ["0", "1"]);
  deepEqual(Object.keys(splits), ["train"]);
});
