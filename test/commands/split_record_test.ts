import { deepEqual, equal, match } from "node:assert/strict";
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

const QUICK = ["--backend", "wasm", "--threads", "1", "--max-steps", "1"];
const TRAIN = ["train", "--data", "tones", ...QUICK];
const SPEAKER = ["--group-by", String.raw`/(\w+)_\d\.wav$/`];
const SPEAKERS = ["anna", "ben", "carl", "dora", "emil", "fay"];

/** Two takes of each pitch by each speaker. */
async function writeSpeakers(folder: string): Promise<void> {
  let take = 0;
  for (const who of SPEAKERS) {
    for (const label of TONE_LABELS) {
      for (const n of [1, 2]) {
        await writeFile(`${folder}/tones/${label}/${who}_${n}.wav`, toneFile(label, take++));
      }
    }
  }
}

Deno.test("train keeps groups whole, and repeats the splits that it wrote", async () => {
  await withFolder(async (cwd) => {
    await writeSpeakers(cwd);
    await cliOk([...TRAIN, ...SPEAKER, "--output", "a"], { cwd });
    const rows = await readSplitFile(`${cwd}/a/split.csv`);
    equal(rows.length, 36);
    const splits = Map.groupBy(rows, ({ group }) => group);
    deepEqual([...splits.keys()].sort(), SPEAKERS);
    for (const [who, own] of splits) equal(new Set(own.map(({ split }) => split)).size, 1, who);
    deepEqual(new Set(rows.map(({ split }) => split)), new Set(["train", "validation", "test"]));

    const again = ["--split-file", "a/split.csv", "--seed", "7", "--output", "b"];
    await cliOk([...TRAIN, ...again], { cwd });
    const sorted = (all: typeof rows) => all.toSorted((x, y) => x.file < y.file ? -1 : 1);
    deepEqual(sorted(await readSplitFile(`${cwd}/b/split.csv`)), sorted(rows));

    const measured = ["eval", "--model", "b", "--data", "tones", "--json", "--threads", "1"];
    const { samples } = jsonLines<{ samples: number }>(
      await cliOk([...measured, "--split-file", "a/split.csv"], { cwd }),
    )[0]!;
    equal(samples, rows.filter(({ split }) => split === "test").length);

    await Deno.remove(`${cwd}/tones/low/ben_1.wav`);
    const { code, stderr } = await cli([...TRAIN, ...again.with(-1, "c")], { cwd });
    equal(code, 1);
    match(stderr, /^Cannot split "tones" as "a\/split.csv" says: .* missing is "low\/ben_1.wav"$/m);
  });
});

Deno.test("train refuses splits that are said twice", async () => {
  const cases = [
    [
      ["--split-file", "x.csv", ...SPEAKER],
      /^Cannot use argument "--group-by": expected no "--split-file"/,
    ],
    [
      ["--annotations", "x", ...SPEAKER],
      /^Cannot use argument "--group-by": expected no "--annotations"/,
    ],
  ] as const;
  for (const [args, expected] of cases) {
    const { code, stderr } = await cli(["train", "--data", "tones", ...args]);
    equal(code, 2);
    match(stderr, expected);
  }
});
