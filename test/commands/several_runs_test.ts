import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readPredictions } from "../../src/commands/_predictions.ts";
import type { RunsReport } from "../../src/commands/_runs_report.ts";
import { readSplitFile } from "../../src/data/split_file.ts";
import {
  cli,
  cliOk,
  jsonLines,
  TONE_LABELS,
  toneFile,
  withFolder,
  writeFile,
} from "./_command_line.ts";

const TRAIN = [
  "train",
  "--data",
  "tones",
  "--backend",
  "wasm",
  "--threads",
  "1",
  "--max-steps",
  "1",
];
const SPEAKER = ["--group-by", String.raw`/(\w+)_\d\.wav$/`];

async function writeSpeakers(folder: string): Promise<void> {
  let take = 0;
  for (const who of ["anna", "ben", "carl", "dora"]) {
    for (const label of TONE_LABELS) {
      for (const n of [1, 2]) {
        await writeFile(`${folder}/tones/${label}/${who}_${n}.wav`, toneFile(label, take++));
      }
    }
  }
}

async function summaryIn(directory: string): Promise<RunsReport> {
  return JSON.parse(await Deno.readTextFile(`${directory}/summary.json`));
}

Deno.test("train --folds holds each clip out once, goes on, and refuses to mix runs", async () => {
  await withFolder(async (cwd) => {
    await writeSpeakers(cwd);
    const folds = [...TRAIN, "--folds", "2", ...SPEAKER, "--output", "cv"];
    const { stdout } = await cliOk(folds, { cwd });
    match(stdout, /^Accuracy +2 +\d\.\d{4} +\d\.\d{4} +(± )?\d/m);
    match(stdout, /^ {2}.*train --data tones .*--max-steps 1 --group-by \S+ --test-size 0$/m);
    const report = await summaryIn(`${cwd}/cv`);
    deepEqual(report.runs.map(({ name, samples }) => [name, samples]), [["fold-0", 12], [
      "fold-1",
      12,
    ]]);
    const [first, second] = report.runs.map(({ metrics }) => metrics.accuracy!);
    const { mean, deviation } = report.groups[0]!.metrics.accuracy!;
    equal(mean, (first! + second!) / 2);
    ok(Math.abs(deviation! - Math.abs(first! - second!) / Math.SQRT2) < 1e-12);
    equal(report.interval.testRatio, 1);

    const clips = await readPredictions(`${cwd}/cv/predictions.jsonl`);
    const right = clips.filter(({ label, predictions }) => predictions[0]!.label === label).length;
    deepEqual([clips.length, new Set(clips.map(({ file }) => file)).size], [24, 24]);
    equal(right / 24, report.heldOut!.accuracy);
    const rows = await readSplitFile(`${cwd}/cv/split.csv`);
    for (const [who, own] of Map.groupBy(rows, ({ group }) => group)) {
      equal(new Set(own.map(({ fold }) => fold)).size, 1, who);
    }
    const held = await readSplitFile(`${cwd}/cv/fold-1/split.csv`);
    deepEqual(
      held.filter(({ split }) => split === "test").map(({ file }) => file).sort(),
      rows.filter(({ fold }) => fold === "1").map(({ file }) => file).sort(),
    );

    const again = await cli(folds, { cwd });
    equal(again.code, 2);
    match(again.stderr, /^Cannot train into "cv": expected a new directory, found "\S+" in it$/m);
    const kept = await Deno.stat(`${cwd}/cv/fold-0/model.safetensors`);
    await Deno.remove(`${cwd}/cv/fold-1`, { recursive: true });
    await cliOk([...folds, "--resume"], { cwd });
    const after = await Deno.stat(`${cwd}/cv/fold-0/model.safetensors`);
    deepEqual([after.ino, after.mtime], [kept.ino, kept.mtime]);
    deepEqual((await summaryIn(`${cwd}/cv`)).groups, report.groups);
    const other = await cli([...folds, "--resume", "--seed", "1"], { cwd });
    match(other.stderr, /^Cannot go on in "cv\/fold-0": expected a run with seed 1, found 42$/m);

    // What is said of the data is said once.
    await writeFile(`${cwd}/tones/stray.wav`, toneFile("low"));
    // The folds of the table, by its column.
    const file = [
      "--split-file",
      "cv/split.csv",
      "--fold-by",
      "fold",
      "--output",
      "same",
      "--json",
    ];
    const shown = await cliOk([...TRAIN, ...file], { cwd });
    equal(shown.stderr.match(/stray\.wav/g)?.length, 1);
    const events = jsonLines<{ event: string } & RunsReport>(shown);
    deepEqual(events.at(-1)!.event, "summary");
    deepEqual(
      events.at(-1)!.runs.map(({ metrics }) => metrics),
      report.runs.map(({ metrics }) => metrics),
    );
  });
});

Deno.test("train --shots and --repeat give a table, each repeat with other clips", async () => {
  await withFolder(async (cwd) => {
    await writeSpeakers(cwd);
    const shots = ["--shots", "1,2", "--repeat", "2", "--output", "few"];
    const { stdout } = await cliOk([...TRAIN, ...shots], { cwd });
    match(stdout, /^Clips a class +Figure +Runs +Mean/m);
    const { runs, groups } = await summaryIn(`${cwd}/few`);
    deepEqual(runs.map(({ name, trained, seed }) => [name, trained, seed]), [
      ["shots-1/repeat-0", 3, 42],
      ["shots-1/repeat-1", 3, 43],
      ["shots-2/repeat-0", 6, 42],
      ["shots-2/repeat-1", 6, 43],
    ]);
    deepEqual(groups.map(({ shots, runs }) => [shots, runs]), [[1, 2], [2, 2]]);
    const trained = await Promise.all(runs.map(async ({ name }) => {
      const rows = await readSplitFile(`${cwd}/few/${name}/split.csv`);
      return rows.filter(({ split }) => split === "train").map(({ file }) => file).sort().join();
    }));
    equal(new Set(trained).size, 4);
  });
});

Deno.test("train refuses several runs that cannot be", async () => {
  await withFolder(async (cwd) => {
    await writeSpeakers(cwd);
    const cases: [args: string[], expected: RegExp, code?: number][] = [
      [
        ["--folds", "5", ...SPEAKER],
        /^Cannot make 5 folds of "tones": expected 5 groups or more, found 4$/m,
      ],
      [
        ["--shots", "2,30"],
        /^Cannot take 30 clips a class of "train": expected 30 of every class, found \d/m,
      ],
      [["--shots", "0"], /^Cannot use argument "--shots": expected whole numbers from 1/m, 2],
      [
        ["--folds", "2", "--fold-by", "x"],
        /^Cannot use argument "--folds": expected no "--fold-by"/m,
        2,
      ],
      [
        ["--folds", "2", "--test-size", "3"],
        /^Cannot use argument "--test-size": expected no "--folds"/m,
        2,
      ],
      [
        ["--repeat", "2", "--test-size", "0", "--validation-size", "0"],
        /expected clips to test on, found none$/m,
      ],
      [
        ["--repeat", "2", "--push-to-hub"],
        /^Cannot use argument "--repeat": expected no "--push-to-hub"/m,
        2,
      ],
      [["--fold-by", "/(no)/"], /found none for all 24, such as/m],
    ];
    for (const [args, expected, code = 1] of cases) {
      const result = await cli([...TRAIN, ...args, "--output", "none"], { cwd });
      equal(result.code, code, `${args}: ${result.stderr}`);
      match(result.stderr, expected);
      deepEqual(Array.from(Deno.readDirSync(cwd), ({ name }) => name), ["tones"]);
    }
  });
});
