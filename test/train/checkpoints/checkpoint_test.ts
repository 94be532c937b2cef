import assert from "node:assert/strict";
import { tinyExtractor, tinyModel } from "../../tiny_model.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import {
  checkpointSteps,
  newestSavedRun,
  openSavedRun,
  readWeights,
  removeOldCheckpoints,
  restoreTensors,
  writeCheckpoint,
} from "../../../src/train/checkpoints/checkpoint.ts";
import { AdamW } from "../../../src/train/step/optimizer.ts";
import { runPlan } from "../../../src/train/loop/run_plan.ts";
import type { RunFacts } from "../../../src/train/checkpoints/run_facts.ts";
import {
  initialState,
  type ResumeState,
  type TrainerState,
} from "../../../src/train/checkpoints/state.ts";
import { lossAndGradients } from "../../../src/train/step/step.ts";
import { runTest, tinySource, weightsDigest } from "../_tiny_run.ts";

const RESUME: ResumeState = {
  epoch: 2,
  batches: 3,
  skippedSteps: 1,
  flopsPerInput: 1e9,
  noise: [1, 2, 3, 2 ** 32 - 1],
  lossSum: 1 / 3,
  lossSteps: 4,
  totalLoss: 1e-7,
  gradNorm: 5,
};

const RUN: RunFacts = {
  classes: ["a", "b"],
  config: { model_type: "wav2vec2" },
  clips: 6,
  data: "0123",
  args: { seed: 42 },
};

const SETTINGS = {
  learningRate: 0.01,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
};

function newState(): TrainerState {
  const args = new TrainingArguments({ outputDir: "unused", perDeviceTrainBatchSize: 2 });
  return initialState(runPlan(args, tinySource(6)), args);
}

runTest("readCheckpoint() gives back what writeCheckpoint() took", async (folder) => {
  const model = await tinyModel();
  const optimizer = new AdamW(model.trainable());
  for await (const batch of tinySource(2).batches(0, { batchSize: 2 })) {
    optimizer.step(lossAndGradients(model, [batch]).gradients, SETTINGS).dispose();
  }
  const state = { ...newState(), globalStep: 4, logHistory: [{ step: 4, epoch: 1 }] };
  const extractor = tinyExtractor();
  const parts = { model, extractor, optimizer, state, resume: RESUME, run: RUN };
  assert.equal(await writeCheckpoint(folder, parts), "checkpoint-4");
  const other = await tinyModel(2);
  const restored = new AdamW(other.trainable());
  const directory = `${folder}/checkpoint-4`;
  const saved = await openSavedRun(directory);
  assert.deepEqual(saved, { directory, state, resume: RESUME, run: RUN });
  await restoreTensors(directory, { model: other, optimizer: restored });
  await writeCheckpoint(`${folder}/again`, { ...parts, model: other, optimizer: restored });
  for (const file of ["model.safetensors", "optimizer.safetensors"]) {
    const [first, second] = [folder, `${folder}/again`].map((place) => `${place}/checkpoint-4`);
    assert.deepEqual(
      await Deno.readFile(`${second}/${file}`),
      await Deno.readFile(`${first}/${file}`),
    );
  }
  const third = await tinyModel(3);
  await readWeights(`${folder}/checkpoint-4`, third);
  await writeCheckpoint(`${folder}/third`, { ...parts, model: third });
  const digest = await weightsDigest(`${folder}/checkpoint-4`);
  assert.equal(await weightsDigest(`${folder}/third/checkpoint-4`), digest);
});

runTest("writeCheckpoint() takes the place of one of the same step", async (folder) => {
  const [model, extractor] = [await tinyModel(), tinyExtractor()];
  const optimizer = new AdamW(model.trainable());
  const state = newState();
  for (const epoch of [1, 2]) {
    const resume = { ...RESUME, epoch };
    await writeCheckpoint(folder, { model, extractor, optimizer, state, resume, run: RUN });
  }
  assert.equal((await openSavedRun(`${folder}/checkpoint-0`)).resume.epoch, 2);
  assert.deepEqual(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["checkpoint-0"]);
});

runTest("checkpointSteps() counts directories named for a step, in order", async (folder) => {
  assert.deepEqual(await checkpointSteps(`${folder}/none`), []);
  for (const name of ["checkpoint-10", "checkpoint-9", "checkpoint-x", "checkpoint-", "runs"]) {
    await Deno.mkdir(`${folder}/${name}`);
  }
  await Deno.mkdir(`${folder}/.checkpoint-11.tmp-1234abcd`);
  await Deno.writeTextFile(`${folder}/checkpoint-12`, "");
  assert.deepEqual(await checkpointSteps(folder), [9, 10]);
});

runTest("removeOldCheckpoints() spares the newest and those to keep", async (folder) => {
  const steps = [1, 2, 3, 10];
  for (const step of steps) await Deno.mkdir(`${folder}/checkpoint-${step}`);
  await removeOldCheckpoints(folder, 0, []);
  assert.deepEqual(await checkpointSteps(folder), steps);
  await removeOldCheckpoints(folder, 2, ["checkpoint-1", null]);
  assert.deepEqual(await checkpointSteps(folder), [1, 3, 10]);
  await removeOldCheckpoints(folder, 1, ["checkpoint-3"]);
  assert.deepEqual(await checkpointSteps(folder), [3, 10]);
});

/** A folder with checkpoints of three steps. */
async function threeCheckpoints(folder: string): Promise<void> {
  const [model, extractor] = [await tinyModel(), tinyExtractor()];
  const optimizer = new AdamW(model.trainable());
  for await (const batch of tinySource(2).batches(0, { batchSize: 2 })) {
    optimizer.step(lossAndGradients(model, [batch]).gradients, SETTINGS).dispose();
  }
  for (const globalStep of [1, 2, 3]) {
    const state = { ...newState(), globalStep };
    const parts = { model, extractor, optimizer, state, resume: RESUME, run: RUN };
    await writeCheckpoint(folder, parts);
  }
  model.dispose();
}

/** Flips a bit in the middle of a file. */
async function flipBit(file: string): Promise<void> {
  const bytes = await Deno.readFile(file);
  const at = bytes.length >> 1;
  bytes[at] = bytes[at]! ^ 1;
  await Deno.writeFile(file, bytes);
}

runTest("openSavedRun() finds a flipped bit in any file of a checkpoint", async (folder) => {
  await threeCheckpoints(folder);
  const directory = `${folder}/checkpoint-3`;
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name);
  assert.ok(names.includes("checksums.json") && names.includes("optimizer.safetensors"));
  for (const name of names.filter((name) => name !== "checksums.json")) {
    await flipBit(`${directory}/${name}`);
    const file = `${directory}/${name}`;
    await assert.rejects(openSavedRun(directory), {
      name: "CheckpointError",
      message: `Cannot use "${file}": expected the bytes that were written, found others`,
    });
    await flipBit(file);
  }
  assert.equal((await openSavedRun(directory)).state.globalStep, 3);
});

runTest("newestSavedRun() names broken checkpoints and takes the one before", async (folder) => {
  await threeCheckpoints(folder);
  const notices: string[] = [];
  const newest = async () => (await newestSavedRun(folder, (text) => notices.push(text))).state;
  assert.deepEqual([(await newest()).globalStep, notices], [3, []]);
  await Deno.truncate(`${folder}/checkpoint-3/resume.json`, 10);
  await Deno.remove(`${folder}/checkpoint-2/optimizer.safetensors`);
  assert.equal((await newest()).globalStep, 1);
  assert.deepEqual(notices, [
    `Cannot use "${folder}/checkpoint-3/resume.json": expected the bytes that were written, ` +
    "found others; checkpoint-3 is left out",
    `Cannot use "${folder}/checkpoint-2/optimizer.safetensors": expected the bytes that were ` +
    "written, found others; checkpoint-2 is left out",
  ]);
  await flipBit(`${folder}/checkpoint-1/model.safetensors`);
  await assert.rejects(newest(), /checkpoint-3\/resume\.json": expected the bytes/);
});

runTest("newestSavedRun() wants a checkpoint", async (folder) => {
  await assert.rejects(newestSavedRun(folder, () => {}), {
    name: "CheckpointError",
    message: `Cannot resume "${folder}": expected a directory checkpoint-N, found none`,
  });
});
