import { deepEqual, equal, match, ok } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { cli, cliOk, jsonLines, withFolder, writeFile, writeTones } from "./_command_line.ts";

const RUN = [
  "train",
  "--data",
  "tones",
  "--backend",
  "wasm",
  "--threads",
  "1",
  "--output",
  "model",
];

/** Noise of some seconds at 8 kHz, another one for each take. */
function noiseFile(seconds: number, take: number): Uint8Array {
  const samples = Float32Array.from({ length: 8_000 * seconds }, (_, i) => {
    return 0.1 * Math.sin(i * i * (take + 1) * 0.37) * Math.sin(i * 0.0007);
  });
  return encodeWav(samples, 8_000);
}

async function writeNights(folder: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await writeFile(`${folder}/${i}.wav`, noiseFile(4, i));
}

Deno.test("train draws a background class, and the model says how to hear with it", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    await writeNights(`${folder}/nights`, 5);
    const detector = ["--background", "nights", "--window-seconds", "0.6", "--hop-seconds", "0.2"];
    const args = [...RUN, ...detector, "--num-train-epochs", "1"];
    const result = await cliOk([...args, "--json"], { cwd: folder });
    const [start] = jsonLines<{ labels: string[]; clips: object; args: Record<string, unknown> }>(
      result,
    );
    deepEqual(start!.labels, ["background", "high", "low", "mid"]);
    deepEqual(start!.clips, { train: 24, validation: 8, test: 8 });
    const { augmentWindowSeconds, augmentNoise, augmentNoiseDir } = start!.args;
    deepEqual([augmentWindowSeconds, augmentNoise, augmentNoiseDir], [0.6, 0.9, "nights"]);
    const { earshot } = JSON.parse(await Deno.readTextFile(`${folder}/model/config.json`));
    deepEqual(earshot, {
      detect: { window_seconds: 0.6, hop_seconds: 0.2, background_label: "background" },
    });
    const record = JSON.parse(await Deno.readTextFile(`${folder}/model/training_args.json`));
    const { background, windowSeconds, backgroundEdges } = record.detector;
    deepEqual([background, windowSeconds, backgroundEdges], ["nights", 0.6, 0.25]);
    const resume = args.map((arg, i) => args[i - 1] === "--num-train-epochs" ? "2" : arg);
    const resumed = await cliOk([...resume, "--resume"], { cwd: folder });
    match(resumed.stderr, /^Goes on with --num-train-epochs 2/m);
    const other = resume.map((arg) => arg === "0.6" ? "0.5" : arg);
    const refused = await cli([...other, "--resume"], { cwd: folder });
    match(refused.stderr, /Cannot resume from .*"earshot" of the model's config/s);
  });
});

Deno.test("train refuses a background that is none before it makes anything", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    await writeNights(`${folder}/nights`, 2);
    const faulty: [args: string[], message: RegExp][] = [
      [["--background", "none"], /"none": no such file or folder/],
      [["--background", "nights", "--window-seconds", "9"], /a recording of 9 s or more/],
      [
        ["--background-class", "calm"],
        /"--background-class": expected "--annotations" or "--background" with it/,
      ],
    ];
    for (const [args, message] of faulty) {
      const result = await cli([...RUN, ...args], { cwd: folder });
      ok(result.code !== 0);
      match(result.stderr, message);
      const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
      deepEqual(names, ["nights", "tones"]);
    }
    equal((await cli([...RUN, "--help"], { cwd: folder })).code, 0);
  });
});
