/**
 * `train` loses no model and mixes none: two at a time, killed ones, changed data.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import {
  cli,
  cliOk,
  type CommandLineOptions,
  type CommandLineResult,
  withFolder,
  writeTones,
} from "./_command_line.ts";

const ROOT = join(import.meta.dirname!, "../..");

const QUICK = ["train", "--data", "tones", "--backend", "wasm", "--threads", "1"];
const TWO_EPOCHS = [...QUICK, "--num-train-epochs", "2"];

function tonesTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test(name, () =>
    withFolder(async (folder) => {
      await writeTones(`${folder}/tones`);
      await body(folder);
    }));
}

/** Runs `train`, and ends it by a signal when it has written its first checkpoint. */
async function endedBy(
  signal: Deno.Signal,
  args: string[],
  options: CommandLineOptions,
): Promise<CommandLineResult> {
  let isSent = false;
  return await cli([...args, "--json"], {
    ...options,
    onOutput: (text, child) => {
      if (isSent || !text.includes('"event":"save"')) return;
      isSent = true;
      child.kill(signal);
    },
  });
}

function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

async function modelOf(folder: string): Promise<Uint8Array[]> {
  const names = ["config.json", "model.safetensors", "preprocessor_config.json"];
  return await Promise.all(names.map((name) => Deno.readFile(`${folder}/${name}`)));
}

tonesTest("two runs without --output get a directory each", async (folder) => {
  const runs = await Promise.all([1, 2].map(() => cliOk(TWO_EPOCHS, { cwd: folder })));
  const places = runs.map(({ stdout }) => stdout.match(/the model is in (.*)$/m)?.[1]).sort();
  deepEqual(places, ["runs/tones-1", "runs/tones-2"]);
  for (const place of places) ok(namesIn(`${folder}/${place}`).includes("config.json"));
});

tonesTest("of two runs with one --output the second names the first", async (folder) => {
  let second: Promise<CommandLineResult> | undefined;
  let process = 0;
  const args = [...QUICK, "--num-train-epochs", "8", "--output", "model"];
  const first = await cliOk([...args, "--json"], {
    cwd: folder,
    onOutput: (text, child) => {
      if (second || !text.includes('"event":"start"')) return;
      process = child.pid;
      second = cli([...args, "--overwrite", "--seed", "7"], { cwd: folder });
    },
  });
  const { code, stderr } = await second!;
  equal(code, 1);
  match(stderr, new RegExp(`no other run in it, found process ${process}( on .+)? in it since`));
  match(stderr, /^- Wait for its end, or give another --output$/m);
  match(first.stdout, /"event":"done"/);
  equal(namesIn(`${folder}/model`).filter((name) => name.startsWith(".")).join(), "");
});

tonesTest("--overwrite keeps the old model whole until the new one is", async (folder) => {
  await cliOk([...TWO_EPOCHS, "--output", "model"], { cwd: folder });
  const old = await modelOf(`${folder}/model`);
  const results = await Deno.readTextFile(`${folder}/model/all_results.json`);
  const again = [...QUICK, "--num-train-epochs", "6", "--seed", "7", "--output", "model"];
  await endedBy("SIGKILL", [...again, "--overwrite"], { cwd: folder });
  deepEqual(await modelOf(`${folder}/model`), old);
  equal(await Deno.readTextFile(`${folder}/model/all_results.json`), results);
  match(await Deno.readTextFile(`${folder}/model/training_args.json`), /"seed": 42/);
  await cliOk([...again, "--resume"], { cwd: folder });
  await cliOk([...again.slice(0, -1), "whole"], { cwd: folder });
  deepEqual(await modelOf(`${folder}/model`), await modelOf(`${folder}/whole`));
  match(await Deno.readTextFile(`${folder}/model/training_args.json`), /"seed": 7/);
  deepEqual(namesIn(`${folder}/model`), namesIn(`${folder}/whole`));
});

tonesTest("--overwrite that comes to nothing gives old checkpoints back", async (folder) => {
  await cliOk([...TWO_EPOCHS, "--output", "model"], { cwd: folder });
  const before = namesIn(`${folder}/model`);
  await Deno.writeFile(`${folder}/tones/train/low/bad.wav`, new Uint8Array(100));
  const { code, stderr } = await cli([...TWO_EPOCHS, "--output", "model", "--overwrite"], {
    cwd: folder,
  });
  equal(code, 1);
  match(stderr, /bad\.wav/);
  deepEqual(namesIn(`${folder}/model`), before);
});

tonesTest(
  "--resume refuses other classes and data by name, and says how to go on",
  async (folder) => {
    const args = [...QUICK, "--num-train-epochs", "6", "--output", "model"];
    await endedBy("SIGKILL", args, { cwd: folder });
    for (const split of ["train", "validation", "test"]) {
      await Deno.rename(`${folder}/tones/${split}/mid`, `${folder}/tones/${split}/a`);
    }
    const renamed = await cli([...args, "--resume"], { cwd: folder });
    equal(renamed.code, 1);
    match(renamed.stderr, /found classes \["a","high","low"\] \(was \["high","low","mid"\]\)/);
    match(
      renamed.stderr,
      /^- Go on with what it began with; .* --model model with another --output$/m,
    );
    for (const split of ["train", "validation", "test"]) {
      await Deno.rename(`${folder}/tones/${split}/a`, `${folder}/tones/${split}/mid`);
    }
    const low = `${folder}/tones/train/low`;
    await Deno.rename(`${low}/0.wav`, `${low}/x.wav`);
    await Deno.rename(`${folder}/tones/train/mid/0.wav`, `${low}/0.wav`);
    await Deno.rename(`${low}/x.wav`, `${folder}/tones/train/mid/0.wav`);
    const swapped = await cli([...args, "--resume"], { cwd: folder });
    equal(swapped.code, 1);
    match(swapped.stderr, /found other training clips, labels or order$/m);
    const other = await cli([...args, "--resume", "--learning-rate", "0.5"], { cwd: folder });
    match(other.stderr, /; --learning-rate 0\.5 \(was 0\.002\)$/m);
    equal(namesIn(`${folder}/model`).includes("config.json"), false);
  },
);

tonesTest("train ends with 143 where SIGTERM ends it", async (folder) => {
  const args = [...QUICK, "--num-train-epochs", "12", "--output", "model"];
  const { code, stderr } = await endedBy("SIGTERM", args, { cwd: folder });
  equal(code, 143);
  match(stderr, /^Interrupted at step \d+/m);
});

tonesTest("eval and report end with 130 and 143 where a signal ends them", async (folder) => {
  await cliOk([...TWO_EPOCHS, "--output", "model"], { cwd: folder });
  for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    for (const command of ["eval", "report"]) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", join(ROOT, "cli.ts"), command].concat(
          ["--model", "model", "--data", "tones", "--backend", "wasm", "--threads", "1"],
        ),
        cwd: folder,
        env: { INIT_CWD: folder },
        stdout: "null",
        stderr: "null",
      }).spawn();
      child.kill(signal);
      equal((await child.status).code, expected, `${command} ended by ${signal}`);
    }
  }
});
