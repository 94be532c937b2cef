import { deepEqual, equal, match } from "node:assert/strict";
import type { Comparison } from "../../src/commands/_comparison.ts";
import type { SetComparison } from "../../src/commands/_set_comparison.ts";
import {
  cli,
  cliOk,
  jsonLines,
  TONE_LABELS,
  toneFile,
  withFolder,
  writeFile,
  writeTones,
} from "./_command_line.ts";

const QUICK = ["--backend", "wasm", "--threads", "1"];
const TRAIN = ["train", "--data", "tones", ...QUICK];
const COMPARE = ["compare", "a", "b", "--json"];

Deno.test("compare runs models, and takes what train and predict have written", async () => {
  await withFolder(async (cwd) => {
    await writeTones(`${cwd}/tones`);
    await cliOk([...TRAIN, "--max-steps", "1", "--output", "a"], { cwd });
    await cliOk([...TRAIN, "--num-train-epochs", "8", "--output", "b"], { cwd });
    const compared = async (args: string[]) => {
      return jsonLines<Comparison>(await cliOk(args, { cwd }))[0]!;
    };
    const run = await compared([...COMPARE, "--data", "tones", ...QUICK]);
    const accuracyIn = async (model: string) =>
      JSON.parse(await Deno.readTextFile(`${cwd}/${model}/test_results.json`)).test_accuracy;
    deepEqual(
      [run.clips, run.first.accuracy.value, run.second.accuracy.value],
      [6, await accuracyIn("a"), await accuracyIn("b")],
    );
    deepEqual(await compared(COMPARE), run);

    const { stdout } = await cliOk(["predict", "--model", "b", "--json", "tones/test"], { cwd });
    await Deno.writeTextFile(`${cwd}/b.jsonl`, stdout);
    const mixed = ["compare", "a", "b.jsonl", "--json", "--data", "tones", ...QUICK];
    deepEqual({ ...await compared(mixed), second: undefined }, { ...run, second: undefined });
    const labelled = ["compare", "b.jsonl", "b.jsonl", "--json", "--data", "tones"];
    equal((await compared(labelled)).second.accuracy.value, run.second.accuracy.value);

    const all = await cliOk([...COMPARE, "--data", "tones", "--split", "all", ...QUICK], { cwd });
    match(all.stderr, /^Warning: "a" was trained on 18 of the 30 clips, says its split.csv$/m);
    match(all.stderr, /^- Measure on clips that it has not seen: --split-file a\/split.csv$/m);

    const errors: [args: string[], expected: RegExp, code: number][] = [
      [
        ["compare", "a"],
        /^Cannot compare: expected two models or files of predictions, found 1$/m,
        2,
      ],
      [["compare", "b.jsonl", "b.jsonl"], /expected one label, found none\n- Say with --data/m, 1],
      [
        ["compare", "a", "none"],
        /^Cannot compare "none": expected argument "--data DIR", or predictions/m,
        2,
      ],
    ];
    for (const [args, expected, code] of errors) {
      const result = await cli(args, { cwd });
      equal(result.code, code);
      match(result.stderr, expected);
    }
  });
});

Deno.test("compare pairs the folds of two directories", async () => {
  await withFolder(async (cwd) => {
    await writeTones(cwd, { tones: 4 });
    const folds = [...TRAIN, "--folds", "2"];
    await cliOk([...folds, "--max-steps", "1", "--output", "a"], { cwd });
    await cliOk([...folds, "--num-train-epochs", "8", "--output", "b"], { cwd });
    const { stdout } = await cliOk(["compare", "a", "b"], { cwd });
    match(stdout, /^12 clips$/m);
    match(stdout, /^Over 2 folds: accuracy B - A -?\d+\.\d\d \(95 % interval -?\d.* to -?\d.*\)/m);
  });
});

/** Tones as clips that may have several labels: "tone" each, and its pitch. */
async function writeLabelledTones(folder: string): Promise<void> {
  for (const [split, count] of [["train", 6], ["test", 3]] as const) {
    const rows: string[] = [];
    for (const label of TONE_LABELS) {
      for (let take = 0; take < count; take++) {
        const name = `${label}-${take}.wav`;
        await writeFile(`${folder}/${split}/${name}`, toneFile(label, take));
        rows.push(JSON.stringify({ file_name: name, labels: ["tone", label] }));
      }
    }
    await Deno.writeTextFile(`${folder}/${split}/metadata.jsonl`, `${rows.join("\n")}\n`);
  }
}

Deno.test("compare takes models of several labels, and refuses them beside one of one label", async () => {
  await withFolder(async (cwd) => {
    await writeLabelledTones(`${cwd}/tones`);
    const train = [...TRAIN, "--no-load-best-model-at-end", "--label-column", "labels"];
    await cliOk([...train, "--max-steps", "1", "--output", "a"], { cwd });
    await cliOk([...train, "--num-train-epochs", "8", "--output", "b"], { cwd });
    const compared = async (args: string[]) =>
      jsonLines<SetComparison>(await cliOk(args, { cwd }))[0]!;
    const kept = await compared(COMPARE);
    const measured = async (model: string) => {
      const results = JSON.parse(await Deno.readTextFile(`${cwd}/${model}/test_results.json`));
      return [results.test_accuracy, results.test_f1_micro, results.test_average_precision]
        .map((value) => value.toFixed(5));
    };
    const shown = ({ accuracy, f1Micro, averagePrecision }: SetComparison["first"]) =>
      [accuracy, f1Micro, averagePrecision].map(({ value }) => value.toFixed(5));
    deepEqual(shown(kept.first), await measured("a"));
    deepEqual(shown(kept.second), await measured("b"));
    const data = ["--data", "tones", "--label-column", "labels", ...QUICK];
    deepEqual(await compared([...COMPARE, ...data]), kept);

    const { stdout } = await cliOk(["predict", "--model", "b", "--json", "tones/test"], { cwd });
    await Deno.writeTextFile(`${cwd}/b.jsonl`, stdout);
    const stated = await compared(["compare", "b.jsonl", "b.jsonl", "--json", ...data]);
    equal(stated.second.f1Micro.value, kept.second.f1Micro.value);

    const [line] = (await Deno.readTextFile(`${cwd}/a/predictions.jsonl`)).split("\n");
    const { labels: _, ...clip } = JSON.parse(line!);
    await Deno.writeTextFile(`${cwd}/one.jsonl`, JSON.stringify({ ...clip, label: "low" }));
    const mixed = await cli(["compare", "a", "one.jsonl"], { cwd });
    equal(mixed.code, 2);
    match(mixed.stderr, /^Cannot compare "a" and "one.jsonl": expected clips of one label or of/m);
  });
});
