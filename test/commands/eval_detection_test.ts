/**
 * `eval --annotations`, with a random model whose events are known because of the threshold.
 *
 * @module
 */
import assert from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { useDevice } from "../../src/devices.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";
import { cli, cliOk, jsonLines, withFolder, writeFile } from "./_command_line.ts";

interface DetectionLine {
  segment_f1_micro: number;
  event_f1_micro: number;
  psds: number;
  hours: number;
  events: number;
  detected: number;
  recordings: number;
  thresholds: { threshold: number; eventF1: number }[];
  perClass: Record<string, { event: { truePositives: number; falseNegatives: number } }>;
  wakeWord: { label: string; words: number; curve: { threshold: number; misses: number }[] };
}

const EVAL = ["eval", "--model", "model", "--data", "yard", "--annotations", "yard.csv"];
const SETTINGS = ["--backend", "wasm", "--threads", "1", "--window-seconds", "1"];

async function withStreams(use: (cwd: string) => Promise<void>): Promise<void> {
  await withFolder(async (cwd) => {
    const device = await useDevice({ backend: "wasm", threads: 1 });
    await saveTinyModel(`${cwd}/model`);
    device.dispose();
    for (const name of ["a", "b"]) {
      await writeFile(`${cwd}/yard/${name}.wav`, encodeWav(tone(40_000), 8_000));
    }
    await Deno.writeTextFile(`${cwd}/yard.csv`, "file,start,end,label\na.wav,0,5,one\nb.wav,,,\n");
    await use(cwd);
  });
}

Deno.test("eval --annotations counts what is detected against what is there", async () => {
  await withStreams(async (cwd) => {
    // Every score reaches 0: each of the five classes is one event through each of the two recordings.
    const all = ["--threshold", "0", "--wake-word", "one", "--json"];
    const [line] = jsonLines<DetectionLine>(await cliOk([...EVAL, ...SETTINGS, ...all], { cwd }));
    assert.deepEqual([line!.recordings, line!.events, line!.detected], [2, 1, 10]);
    assert.equal(line!.hours, 10 / 3600);
    assert.equal(line!.event_f1_micro, 2 / (2 + 9));
    assert.equal(line!.segment_f1_micro, 2 * 5 / (2 * 5 + 45));
    assert.equal(line!.thresholds.length, 50);
    assert.equal(line!.thresholds.at(-1)!.threshold, 0.99);
    assert.equal(line!.perClass.one!.event.truePositives, 1);
    const { label, words, curve } = line!.wakeWord;
    assert.ok(curve[0]!.misses >= 0 && curve[98]!.misses <= 1);
    assert.deepEqual([label, words, curve.length], ["one", 1, 99]);
  });
});

Deno.test("eval --annotations prints a table, and what a wake word costs", async () => {
  await withStreams(async (cwd) => {
    const none = ["--threshold", "2", "--wake-word", "one"];
    const { stdout } = await cliOk([...EVAL, ...SETTINGS, ...none], { cwd });
    assert.match(stdout, /^Class +Events +Detected +Segment F1 +Precision +Recall +Event F1$/m);
    assert.match(stdout, /^one +1 +0 +0\.000 +– +0\.000 +0\.000$/m);
    assert.match(stdout, /^At most an hour +Threshold +False accepts +An hour +Missed$/m);
    assert.match(stdout, /^Segment F1 0\.000 .* 1 events in 0\.00 h, 0 detected$/m);
  });
});

Deno.test("eval --annotations says what it leaves out, and refuses what cannot be measured", async () => {
  await withStreams(async (cwd) => {
    const run = [...EVAL, ...SETTINGS];
    await Deno.writeTextFile(
      `${cwd}/yard.csv`,
      "file,start,end,label\na.wav,0,5,one\na.wav,0,5,cow\nc.wav,0,1,one\n",
    );
    const { stderr } = await cliOk(run, { cwd });
    assert.match(stderr, /^Without a recording, left out: c\.wav$/m);
    assert.match(stderr, /^Without annotations, left out: yard\/b\.wav$/m);
    assert.match(stderr, /^Labels that the model does not have count as missed: cow$/m);
    const word = await cli([...run, "--wake-word", "cow"], { cwd });
    assert.equal(word.code, 2);
    assert.match(word.stderr, /"--wake-word": expected a label of the model .*, found "cow"/);
    await Deno.writeTextFile(`${cwd}/yard.csv`, "file,start,end,label\na.wav,0,5,cow\n");
    const strange = await cli(run, { cwd });
    assert.equal(strange.code, 1);
    assert.match(strange.stderr, /expected a label of the model .*, found cow$/m);
    await Deno.writeTextFile(`${cwd}/yard.csv`, "file,start,end,label\nc.wav,0,5,one\n");
    assert.match(
      (await cli(run, { cwd })).stderr,
      /expected recordings that .* names, found c\.wav$/m,
    );
  });
});

Deno.test("eval --annotations says what is annotated beyond the end of a recording", async () => {
  await withStreams(async (cwd) => {
    await Deno.writeTextFile(
      `${cwd}/yard.csv`,
      "file,start,end,label\na.wav,0,5.05,one\nb.wav,4,99,one\n",
    );
    const { stderr } = await cliOk([...EVAL, ...SETTINGS], { cwd });
    assert.match(
      stderr,
      /^Annotated beyond the end, and so missed there: 4 to 99 s of "yard\/b\.wav"$/m,
    );
  });
});

Deno.test("eval --annotations holds settings to the thresholds of the model's scores", async () => {
  await withStreams(async (cwd) => {
    const config = JSON.parse(await Deno.readTextFile(`${cwd}/model/config.json`));
    const thresholds = Object.fromEntries(
      Object.values(config.id2label).map((label) => [label, 0.9]),
    );
    const scored = { ...config, earshot: { ...config.earshot, scores: { thresholds } } };
    await Deno.writeTextFile(`${cwd}/model/config.json`, JSON.stringify(scored));
    await cliOk([...EVAL, ...SETTINGS, "--off-threshold", "0.8"], { cwd });
    const above = await cli([...EVAL, ...SETTINGS, "--off-threshold", "0.95"], { cwd });
    assert.equal(above.code, 2);
    assert.match(above.stderr, /expected --off-threshold at most the threshold 0\.9 of/);
  });
});

Deno.test("eval refuses settings of a detection without annotations", async () => {
  const { code, stderr } = await cli(["eval", "--data", "yard", "--threshold", "0.7"]);
  assert.equal(code, 2);
  assert.match(stderr, /"--threshold": expected "--annotations FILE" with it/);
});

Deno.test("report --annotations writes a page that plays the recordings and names no folder", async () => {
  await withStreams(async (cwd) => {
    const run = ["report", ...EVAL.slice(1), ...SETTINGS, "--threshold", "0"];
    await cliOk([...run, "--report", "page.html"], { cwd });
    const page = await Deno.readTextFile(`${cwd}/page.html`);
    assert.equal(page.match(/<audio /g)?.length, 2);
    assert.match(page, /<h3 class="file">a\.wav<\/h3>/);
    assert.ok(!page.includes(cwd));
  });
});
