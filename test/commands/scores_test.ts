import { deepEqual, equal, match, ok } from "node:assert/strict";
import { decodeAudio, encodeWav } from "../../src/audio/mod.ts";
import {
  type AudioClassifier,
  type Classification,
  type DetectOptions,
  pipeline,
} from "../../src/classify/pipeline.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { useDevice } from "../../src/devices.ts";
import { scoreConfig } from "../../src/heads/fit_scores.ts";
import { savePretrained } from "../../src/pretrained.ts";
import { BUNDLE_COMMANDS, serveCommand, whileRunning } from "../edge/_processes.ts";
import { TINY_LABELS, tinyExtractor, tinyModel, tone } from "../tiny_model.ts";
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

const RATE_HZ = 8_000;
const KNOWN = encodeWav(tone(4_000, 1), RATE_HZ).slice();
const UNLIKE = encodeWav(tone(4_000, 4), RATE_HZ).slice();
const WINDOW = { windowSeconds: 0.5, hopSeconds: 0.5 };

/** A tiny model that takes what is near the first clip for one of its classes, and nothing else. */
async function saveScoredModel(directory: string): Promise<string> {
  await useDevice({ backend: "wasm" });
  const [model, extractor] = [await tinyModel(), tinyExtractor()];
  const outputsOf = async (clip: Uint8Array) => {
    const { samples } = await decodeAudio(clip);
    const batch = { ...extractor.extract([samples]), attentionMask: undefined };
    const [outputs] = await model.outputs(batch, { outputFeatures: true });
    return { logits: outputs!.logits, features: outputs!.features! };
  };
  const [known, unlike] = [await outputsOf(KNOWN), await outputsOf(UNLIKE)];
  const size = known.features.length;
  const apart = known.features.reduce((sum, x, d) => sum + (x - unlike.features[d]!) ** 2, 0);
  const means = Float32Array.from({ length: 5 * size }, (_, i) => known.features[i % size]!);
  const best = TINY_LABELS[known.logits.indexOf(Math.max(...known.logits))]!;
  model.setScores(scoreConfig({
    temperature: [2, 1.5, 2, 2, 2],
    bias: [0, 0.1, 0, 0, 0],
    thresholds: { [best]: 0.05 },
    rejection: {
      unlikeness: {
        method: "distance",
        threshold: Math.log(apart / size) / 2 - 0.5,
        scale: 0.3,
        means,
        deviations: new Float32Array(size).fill(1),
      },
      noise: { weights: new Float32Array(size), bias: -1 },
    },
  }));
  await savePretrained(directory, model, extractor);
  model.dispose();
  return best;
}

async function eventsOf(
  classifier: AudioClassifier,
  clip: Uint8Array,
  options: DetectOptions = {},
): Promise<unknown[]> {
  const events = await Array.fromAsync(classifier.detect(clip, { ...WINDOW, ...options }));
  return events.filter(({ state }) => state === "ended");
}

function near(found: readonly Classification[], expected: readonly Classification[]): void {
  deepEqual(found.map(({ label }) => label), expected.map(({ label }) => label));
  for (const [i, { score }] of found.entries()) {
    ok(Math.abs(score - expected[i]!.score) <= 1e-6, `${score} for ${expected[i]!.score}`);
  }
}

interface Expected {
  clip: Uint8Array<ArrayBuffer>;
  classes: Classification[];
  raw: Classification[];
  events: unknown[];
}

/** Asks a service of a clip in all ways. */
async function expectServed(url: string, { clip, classes, raw, events }: Expected): Promise<void> {
  const post = async (path: string) => {
    const response = await fetch(url + path, { method: "POST", body: clip });
    const text = await response.text();
    equal(response.status, 200, text);
    return text;
  };
  near(JSON.parse(await post("?top_k=9")), classes);
  near(JSON.parse(await post("?top_k=9&raw_scores=true")), raw);
  const lines = (await post("detect?window_seconds=0.5&hop_seconds=0.5&scores=true&top_k=9")).trim()
    .split("\n").map((line) => JSON.parse(line));
  near(lines.find(({ scores }) => scores !== undefined).scores, classes);
  deepEqual(lines.filter(({ scores }) => scores === undefined), events);
}

Deno.test("a clip has the same scores, thresholds and rejection in all ways", async () => {
  await withFolder(async (folder) => {
    const model = `${folder}/model`;
    const best = await saveScoredModel(model);
    const classifier = await pipeline("audio-classification", model);
    const expect = async (clip: Uint8Array<ArrayBuffer>): Promise<Expected> => ({
      clip,
      classes: await classifier(clip, { topK: null }),
      raw: await classifier(clip, { topK: null, rawScores: true }),
      events: await eventsOf(classifier, clip),
    });
    const [known, unlike] = [await expect(KNOWN), await expect(UNLIKE)];
    deepEqual(await eventsOf(classifier, UNLIKE, { threshold: 0 }), []);
    equal((await eventsOf(classifier, UNLIKE, { threshold: 0, rawScores: true })).length, 5);
    classifier.dispose();
    equal(known.classes[0]!.label, best);
    equal(known.classes.length, 5);
    // Only the class that has a threshold reaches it; the others' is 0.5.
    deepEqual((known.events as { label: string }[]).map(({ label }) => label), [best]);
    deepEqual([unlike.classes[0]!.label, unlike.classes.length], ["none", 6]);
    ok(unlike.classes[0]!.score > 0.5 && unlike.classes[1]!.score < 0.5);
    deepEqual(unlike.events, []);
    ok(unlike.raw.every(({ label }) => label !== "none"));
    await bundle({ model, output: `${folder}/bundle` });
    const bundled = { cwd: `${folder}/bundle`, args: BUNDLE_COMMANDS[0]! };
    for (const service of [serveCommand(model, ["--port", "0"]), bundled]) {
      await whileRunning(service, async (url) => {
        for (const expected of [known, unlike]) await expectServed(url, expected);
      });
    }
    await writeFile(`${folder}/unlike.wav`, UNLIKE);
    const predict = ["predict", "--json", "--model", "model", "--top-k", "9", "unlike.wav"];
    const printed = async (args: string[]) =>
      jsonLines<{ predictions: Classification[] }>(await cliOk(args, { cwd: folder }))[0]!;
    near((await printed(predict)).predictions, unlike.classes);
    near((await printed([...predict, "--raw-scores"])).predictions, unlike.raw);
  });
});

Deno.test("a clip whose best class is below its threshold is none of them, in lists and as events", async () => {
  await withFolder(async (folder) => {
    await useDevice({ backend: "wasm" });
    const [model, extractor] = [await tinyModel(), tinyExtractor()];
    const thresholds = Object.fromEntries(TINY_LABELS.map((label) => [label, 0.999]));
    model.setScores({ temperature: 1, thresholds });
    await savePretrained(`${folder}/model`, model, extractor);
    model.dispose();
    const classifier = await pipeline("audio-classification", `${folder}/model`);
    const [none, best] = await classifier(KNOWN);
    equal(none!.label, "none");
    deepEqual(await eventsOf(classifier, KNOWN), []);
    // Who names a threshold of their own means the scores as they are.
    const windows = Array.fromAsync(classifier.detect(KNOWN, { ...WINDOW, threshold: 0.01 }));
    const [event] = (await windows).filter(({ label }) => label === best!.label);
    ok(event!.score > best!.score);
    const [raw] = await classifier(KNOWN, { rawScores: true });
    equal(raw!.score, event!.score);
    classifier.dispose();
  });
});

Deno.test("a model whose settings of scores are nonsense is refused, unless they are left aside", async () => {
  await withFolder(async (folder) => {
    const directory = `${folder}/model`;
    await useDevice({ backend: "wasm" });
    const model = await tinyModel();
    model.setScores({ temperature: -1 });
    await savePretrained(directory, model, tinyExtractor());
    model.dispose();
    await writeFile(`${folder}/clip.wav`, KNOWN);
    const { code, stderr } = await cli(["predict", "--model", "model", "clip.wav"], {
      cwd: folder,
    });
    equal(code, 1);
    match(
      stderr,
      /Cannot use earshot\.scores\.temperature of ".*config\.json": expected a number above 0, found -1/,
    );
    await cliOk(["predict", "--raw-scores", "--model", "model", "clip.wav"], { cwd: folder });
  });
});

/** A model that has learnt tones, their clips, and clips of other sounds. */
async function trainTones(folder: string): Promise<void> {
  await writeTones(`${folder}/tones`, { train: 8, validation: 6 });
  for (let i = 0; i < 6; i++) {
    const noise = Float32Array.from({ length: 3_000 }, (_, at) => Math.sin(at * at * (i + 1)) / 3);
    await writeFile(`${folder}/others/hiss/${i}.wav`, encodeWav(noise, RATE_HZ));
  }
  const how = ["--max-steps", "2", "--threads", "1", "--eval-strategy", "no", "--fit-scores"];
  await cliOk(["train", "--data", "tones", "--output", "model", ...how], { cwd: folder });
}

Deno.test("scores fits a model, says what it came to, and refuses what it cannot use", async () => {
  await withFolder(async (folder) => {
    await trainTones(folder);
    const configOf = async (model: string) =>
      JSON.parse(await Deno.readTextFile(`${folder}/${model}/config.json`));
    deepEqual(Object.keys((await configOf("model")).earshot.scores), ["temperature", "rejection"]);
    const fit = ["scores", "--model", "model", "--data", "tones", "--threads", "1"];
    const others = ["--unknown", "others", "--thresholds-by", "f1", "--json"];
    const fitted = await cliOk([...fit, ...others], { cwd: folder });
    const [result] = jsonLines<
      { before: { loss: number }; after: { loss: number }; unknownAuroc: number }
    >(
      fitted,
    );
    ok(result!.after.loss <= result!.before.loss);
    ok(result!.unknownAuroc > 0.5);
    const config = JSON.parse(await Deno.readTextFile(`${folder}/model/config.json`));
    deepEqual(Object.keys(config.earshot.scores), ["temperature", "thresholds", "rejection"]);
    match(fitted.stderr, /Temperature \d+\.\d+: loss .*AUROC of the unknown/s);
    deepEqual(Object.keys(config.earshot.scores.thresholds).sort(), [...TONE_LABELS].sort());
    const report = ["report", "--model", "model", "--data", "tones", "--split", "validation"];
    await cliOk([...report, "--unknown", "others", "--report", "page.html"], { cwd: folder });
    match(await Deno.readTextFile(`${folder}/page.html`), /AUROC of the unknown: [01]\.\d{3}/);
    const refused = async (args: string[], message: RegExp) => {
      const { code, stderr } = await cli([...fit, ...args], { cwd: folder });
      equal(code > 0, true);
      match(stderr, message);
    };
    await writeFile(
      `${folder}/same/a/1.wav`,
      await Deno.readFile(`${folder}/tones/train/low/0.wav`),
    );
    await refused(
      ["--unknown", "same"],
      /Cannot use "same\/a\/1\.wav" as unknown: .*the recording of "tones\/train\/low\/0\.wav"/,
    );
    await writeFile(`${folder}/named/Low/1.wav`, toneFile("low", 99));
    await refused(["--unknown", "named"], /found a folder of class "low"/);
    await refused(["--unknown", "tones"], /found a folder of class/);
    await Deno.mkdir(`${folder}/empty`);
    await refused(["--unknown", "empty"], /Cannot use "empty": expected recordings, found none/);
    await refused(["--thresholds-by", "precision=2"], /expected f1, or precision=/);
    await Deno.remove(`${folder}/tones/validation`, { recursive: true });
    await refused(["--validation-size", "0"], /expected validation clips, found none/);
    const after = JSON.parse(await Deno.readTextFile(`${folder}/model/config.json`));
    deepEqual(after, config);
    // What was fitted is of the weights before.
    const on = ["--model", "model", "--output", "next", "--max-steps", "1", "--threads", "1"];
    await cliOk(["train", "--data", "tones", ...on], { cwd: folder });
    const next = JSON.parse(await Deno.readTextFile(`${folder}/next/config.json`));
    equal(next.earshot, undefined);
  });
});

Deno.test("what was fitted is shown by info and eval; of a head it goes into the head's own config", async () => {
  await withFolder(async (folder) => {
    await trainTones(folder);
    const run = { cwd: folder };
    const info = await cliOk(["info", "--model", "model"], run);
    match(info.stdout, /^ {2}scores +temperature [\d.]+, no thresholds, rejects by \w+/m);
    const [{ scores }] = jsonLines<{ scores: { rejection: { noise: boolean } } }>(
      await cliOk(["info", "--model", "model", "--json"], run),
    ) as [{ scores: { rejection: { noise: boolean } } }];
    equal(scores.rejection.noise, true);
    const evaluate = ["eval", "--model", "model", "--data", "tones", "--split", "validation"];
    const text = await cliOk(evaluate, run);
    match(text.stdout, /^Of the model's own scores, without what was fitted: temperature /m);
    const [measured] = jsonLines<{ fittedScores: unknown }>(
      await cliOk([...evaluate, "--json"], run),
    );
    deepEqual(measured!.fittedScores, scores);

    const toHead = ["--output", "head", "--head-only", "--backbone", "model"];
    await cliOk(["export", "--model", "model", ...toHead], run);
    const configOf = async (directory: string) =>
      JSON.parse(await Deno.readTextFile(`${folder}/${directory}/config.json`));
    const [model, before] = [await configOf("model"), await configOf("head")];
    const fit = ["scores", "--model", "head", "--data", "tones", "--threads", "1"];
    await cliOk([...fit, "--vector-scaling", "--thresholds-by", "f1"], run);
    const { earshot } = await configOf("head");
    equal(earshot.scores.temperature.length, 3);
    deepEqual(earshot.backbone, before.earshot.backbone);
    deepEqual(await configOf("model"), model);
    const clip = "tones/train/mid/0.wav";
    const scoresOf = async (args: string[]) => {
      const result = await cliOk(["predict", "--json", ...args, clip], run);
      return jsonLines<{ predictions: Classification[] }>(result)[0]!.predictions;
    };
    deepEqual(
      await scoresOf(["--model", "head"]),
      await scoresOf(["--model", "model", "--head", "head"]),
    );
    near(
      await scoresOf(["--model", "head", "--raw-scores"]),
      await scoresOf(["--model", "model", "--raw-scores"]),
    );
    const headInfo = await cliOk(["info", "--model", "head"], run);
    match(headInfo.stdout, /^ {2}scores +temperatures .* and biases, thresholds of 3 classes/m);
  });
});
