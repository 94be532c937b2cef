import { deepEqual, equal, match } from "node:assert/strict";
import type { Comparison } from "../../src/commands/_comparison.ts";
import { cli, cliOk, jsonLines, withFolder, writeTones } from "./_command_line.ts";

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
