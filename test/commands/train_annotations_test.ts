import { deepEqual, equal, match, ok } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { cli, cliOk, jsonLines, withFolder, writeFile } from "./_command_line.ts";

const RATE = 8_000;
const PITCHES_HZ = { high: 1_800, low: 300 } as const;
const RUN = ["train", "--data", "nights", "--annotations", "nights", "--output", "model"];
const QUICK = [...RUN, "--window-seconds", "0.5", "--backend", "wasm", "--threads", "1"];

/** A recording of 30 s with faint noise and, every 3 s, a tone of 0.2 s; with its label track. */
async function writeNight(folder: string, night: number): Promise<void> {
  const samples = Float32Array.from({ length: 30 * RATE }, (_, i) => {
    return 0.02 * Math.sin(i * i * (night + 1) * 0.37);
  });
  const lines: string[] = [];
  for (let at = 1; at < 30; at += 3) {
    const label = (at + night) % 2 === 0 ? "high" : "low";
    const start = at + 0.1 * (night % 5);
    for (let i = 0; i < 0.2 * RATE; i++) {
      samples[start * RATE + i]! += 0.4 * Math.sin(2 * Math.PI * PITCHES_HZ[label] * i / RATE);
    }
    lines.push(`${start}\t${start + 0.2}\t${label}\n`);
  }
  await writeFile(`${folder}/${night}.wav`, encodeWav(samples, RATE));
  await Deno.writeTextFile(`${folder}/${night}.txt`, lines.join(""));
}

async function writeNights(folder: string, count: number): Promise<void> {
  for (let night = 0; night < count; night++) await writeNight(folder, night);
}

interface TrainEvent {
  event: string;
  labels?: string[];
  clips?: Record<string, number>;
  metrics?: { accuracy: number };
}

Deno.test("train learns from long recordings what their annotations say", async () => {
  await withFolder(async (folder) => {
    await writeNights(`${folder}/nights`, 7);
    const args = [...QUICK, "--num-train-epochs", "8", "--json"];
    const events = jsonLines<TrainEvent>(await cliOk(args, { cwd: folder }));
    const [start, done] = [events[0]!, events.at(-1)!];
    deepEqual(start.labels, ["background", "high", "low"]);
    deepEqual(start.clips, { train: 60, validation: 15, test: 30 });
    ok(done.metrics!.accuracy > 0.9, `accuracy ${done.metrics!.accuracy}`);
    const config = JSON.parse(await Deno.readTextFile(`${folder}/model/config.json`));
    deepEqual(config.earshot.detect, {
      window_seconds: 0.5,
      hop_seconds: 0.5,
      background_label: "background",
    });
  });
});

Deno.test("train goes on with the clips that it was cut, and with no others", async () => {
  await withFolder(async (folder) => {
    await writeNights(`${folder}/nights`, 3);
    await cliOk([...QUICK, "--num-train-epochs", "1"], { cwd: folder });
    const more = [...QUICK, "--num-train-epochs", "2", "--resume"];
    match((await cliOk(more, { cwd: folder })).stderr, /^Goes on with/m);
    await Deno.writeTextFile(`${folder}/nights/0.txt`, "1.5\t1.8\tlow\n", { append: true });
    const { stderr } = await cli(more, { cwd: folder });
    match(stderr, /Cannot resume from .*, found (other|training clips)/s);
  });
});

Deno.test("train takes several labels in a clip, or no background", async () => {
  await withFolder(async (folder) => {
    await writeNights(`${folder}/nights`, 3);
    const short = [...QUICK, "--num-train-epochs", "1", "--overwrite", "--json"];
    const without = await cliOk([...short, "--background-class", "none"], { cwd: folder });
    deepEqual(jsonLines<TrainEvent>(without)[0]!.labels, ["high", "low"]);
    const several = await cliOk([...short, "--multi-label"], { cwd: folder });
    deepEqual(jsonLines<TrainEvent>(several)[0]!.labels, ["high", "low"]);
    const config = JSON.parse(await Deno.readTextFile(`${folder}/model/config.json`));
    equal(config.problem_type, "multi_label_classification");
    deepEqual(config.earshot.detect, { window_seconds: 0.5, hop_seconds: 0.5 });
  });
});

Deno.test("train names what is wrong with annotations before it makes anything", async () => {
  await withFolder(async (folder) => {
    await writeNights(`${folder}/nights`, 2);
    const table = async (rows: string) => {
      await Deno.writeTextFile(`${folder}/all.csv`, `file,start,end,label\n${rows}`);
      return [...QUICK.slice(0, 4), "all.csv", ...QUICK.slice(5)];
    };
    const faulty: [rows: string, message: RegExp][] = [
      ["0.wav,2,1,low\n", /"all.csv", line 2: expected an end after the start, found 2 to 1 s/],
      ["0.wav,x,1,low\n", /"all.csv", line 2: expected a start and an end in seconds, found "x"/],
      ["9.wav,1,2,low\n", /expected recordings that "all.csv" names, such as "9.wav"/],
    ];
    for (const [rows, message] of faulty) {
      const { code, stderr } = await cli(await table(rows), { cwd: folder });
      ok(code !== 0);
      match(stderr, message);
      deepEqual(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), [
        "all.csv",
        "nights",
      ]);
    }
    const some = await table("0.wav,1,1.2,low\n1.wav,2,1,low\n1.wav,4,4.2,high\n7.wav,1,2,low\n");
    const skip = [...some, "--skip-bad-files", "--num-train-epochs", "1"];
    const { stderr } = await cliOk(skip, { cwd: folder });
    match(stderr, /^Cannot read "all.csv", line 3: expected an end after the start/m);
    match(stderr, /^1 recording that the annotations name is not there, such as "7.wav"/m);
  });
});

Deno.test("train trains on with the false alarms of a first pass, and goes on there", async () => {
  await withFolder(async (folder) => {
    await writeNights(`${folder}/nights`, 5);
    // Tones that nobody has labelled are heard as those that somebody has.
    for (let night = 0; night < 5; night++) {
      const file = `${folder}/nights/${night}.txt`;
      const lines = (await Deno.readTextFile(file)).trimEnd().split("\n");
      await Deno.writeTextFile(file, `${lines.slice(0, 7).join("\n")}\n`);
    }
    const args = [...QUICK, "--mine-negatives", "--num-train-epochs", "6"];
    const { stdout } = await cliOk(args, { cwd: folder });
    const [, alarms] = stdout.match(/^Hard negatives: (\d+) false alarms? in/m)!;
    ok(Number(alarms) > 0);
    const list = `${folder}/model-first-pass/mined_negatives.jsonl`;
    const mined = (await Deno.readTextFile(list)).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    ok(mined.every(({ start, score }) => start > 19 && score >= 0.5));
    const again = await cliOk([...args, "--resume", "--json"], { cwd: folder });
    match(again.stderr, new RegExp(`^Hard negatives: ${alarms} false alarm`, "m"));
    const [start] = jsonLines<TrainEvent & { model: string }>(again);
    equal(start!.model, "model-first-pass");
    const refused = await cli(args, { cwd: folder });
    match(refused.stderr, /Cannot train into "model": expected a new directory/);
  });
});
