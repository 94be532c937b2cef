import { deepEqual, equal, match } from "node:assert/strict";
import { cli, cliOk, withFolder, writeFile } from "./_command_line.ts";
import { toneWav } from "../data/folders.ts";

Deno.test("data inspect prints a table and findings, and ends with 0", async () => {
  await withFolder(async (folder) => {
    await writeFile(`${folder}/yes/1.wav`, toneWav(0.5));
    await writeFile(`${folder}/yes/2.wav`, toneWav(0.5));
    await writeFile(`${folder}/no/1.wav`, new TextEncoder().encode("none"));
    const { stdout } = await cliOk(["data", "inspect", folder]);
    match(stdout, /^train +3 +1 s +0\.50 +0\.50 +0\.50 +8000 Hz \(2\)$/m);
    match(stdout, /^no +1\nyes +2$/m);
    match(stdout, /^1 clip broken:\n {2}train: Cannot decode audio ".*\/no\/1\.wav"/m);
    match(stdout, /^1 clip the only one with its label:\n {2}train: .*1\.wav, label "no"$/m);
    match(stdout, /^1 clip there more than once:\n {2}train: .*1\.wav = train: .*2\.wav$/m);
  });
});

Deno.test("data inspect --json gives all it found to programs", async () => {
  await withFolder(async (folder) => {
    await writeFile(`${folder}/yes/1.wav`, toneWav(0.5));
    await writeFile(`${folder}/no/1.wav`, toneWav(0.5, 0));
    const { stdout } = await cliOk(["data", "inspect", folder, "--json"]);
    const { splits, silent, broken } = JSON.parse(stdout);
    equal(splits[0].durations.total, 1);
    deepEqual([silent.length, broken.length], [1, 0]);
  });
});

Deno.test("data says how it is used, and what it cannot read", async () => {
  const wrong = await cli(["data", "show"]);
  equal(wrong.code, 2);
  match(wrong.stderr, /Cannot use "data show": expected "data inspect DIR\|ID"/);
  const none = await cli(["data", "inspect", "test/golden/datasets/plain.parquet"]);
  equal(none.code, 1);
  match(none.stderr, /expected a column of recordings, found "text" \(Value\('string'\)\)/);
});
