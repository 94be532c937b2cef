/**
 * The library as JSR hands it to npm, in Node 20 and in Bun: models of the disk and the hub, data sets and training.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { pipeline } from "../src/classify/pipeline.ts";
import { useDevice } from "../src/devices.ts";
import { fixture } from "./audio/fixtures.ts";
import { withFolder, writeTones } from "./commands/_command_line.ts";
import { assertNear } from "./compare.ts";
import { type Runtime, runtime } from "./edge/_runtimes.ts";
import { folderFiles, startHub } from "./hub/hub.ts";
import { publishedFiles, unpackPublished } from "./published.ts";
import { saveTinyModel } from "./tiny_model.ts";

const RECORDINGS = ["mpeg1.mp3", "mono.opus", "opus.webm", "stereo.m4a"];

/** Prints what it heard and learnt. */
const PROGRAM = `
import {
  AutoFeatureExtractor,
  AutoModelForAudioClassification,
  loadDataset,
  pipeline,
  Trainer,
  TrainingArguments,
} from "@earshot/earshot";

const [folder, ...recordings] = process.argv.slice(2);
const heard = {};
for (const model of [folder + "/model", "acme/tiny"]) {
  const classifier = await pipeline("audio-classification", model);
  heard[model.replace(folder, "")] = await classifier(recordings);
  classifier.dispose();
}

const { train, test } = await loadDataset(folder + "/tones");
const processingClass = await AutoFeatureExtractor.fromPretrained(folder + "/model");
const model = await AutoModelForAudioClassification.fromPretrained(folder + "/model", {
  labels: ["high", "low", "mid"],
  ignoreMismatchedSizes: true,
});
const args = new TrainingArguments({
  outputDir: folder + "/learnt",
  maxSteps: 4,
  perDeviceTrainBatchSize: 4,
  saveSteps: 2,
  saveStrategy: "steps",
  evalStrategy: "steps",
  evalSteps: 2,
  loggingSteps: 1,
  learningRate: 0.01,
});
const trainer = new Trainer({ model, args, trainDataset: train, evalDataset: test, processingClass });
const { globalStep } = await trainer.train();
await trainer.saveModel();
const learnt = await pipeline("audio-classification", folder + "/learnt");
console.log(JSON.stringify({ heard, globalStep, labels: learnt.labels }));
`;

/** What the program prints last. */
interface Printed {
  heard: Record<string, unknown>;
  globalStep: number;
  labels: string[];
}

async function runsIn({ path }: Runtime): Promise<void> {
  await withFolder(async (folder) => {
    const files = await Promise.all(RECORDINGS.map(fixture));
    const recordings = RECORDINGS.map((name) => join(folder, name));
    await Promise.all(files.map((bytes, i) => Deno.writeFile(recordings[i]!, bytes)));
    const device = await useDevice({ backend: "wasm", threads: 1 });
    await saveTinyModel(`${folder}/model`);
    const expected = await heardHere(`${folder}/model`, recordings);
    device.dispose();
    await writeTones(`${folder}/tones`);
    await unpackPublished(await publishedFiles(), folder);
    await Deno.writeTextFile(`${folder}/program.mjs`, PROGRAM);
    await using hub = startHub();
    hub.addRepository("acme/tiny", await folderFiles(`${folder}/model`));
    const { code, stdout, stderr } = await new Deno.Command(path, {
      args: ["program.mjs", folder, ...recordings],
      cwd: folder,
      env: { HF_ENDPOINT: hub.url, HF_HOME: `${folder}/home` },
    }).output();
    equal(code, 0, new TextDecoder().decode(stderr));
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    const { heard, globalStep, labels }: Printed = JSON.parse(lines.at(-1)!);
    assertNear(heard, { "/model": expected, "acme/tiny": expected });
    deepEqual([globalStep, labels], [4, ["high", "low", "mid"]]);
    for (const name of ["checkpoint-4", "model.safetensors"]) {
      await Deno.stat(`${folder}/learnt/${name}`);
    }
  });
}

async function heardHere(model: string, recordings: string[]): Promise<unknown> {
  const classifier = await pipeline("audio-classification", model);
  try {
    return await classifier(recordings);
  } finally {
    classifier.dispose();
  }
}

for (const [name, found] of [["Node 20", runtime("node")], ["Bun", runtime("bun")]] as const) {
  Deno.test({
    name: `the library loads, pulls and trains in ${name}${found.skipped}`,
    ignore: found.isMissing,
    fn: () => runsIn(found),
  });
}
