/**
 * What callbacks get, and that the run does what they say.
 *
 * @module
 */
import assert from "node:assert/strict";
import { buildModel } from "../../../src/models/mod.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import type { TrainerCallback, TrainerControl } from "../../../src/train/callbacks/callbacks.ts";
import { EarlyStoppingCallback } from "../../../src/train/callbacks/early_stopping.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { TINY_CONFIG, tinyExtractor } from "../../tiny_model.ts";
import { checkpointsIn, runTest, timelessLog, tinyRun, tinySource } from "../_tiny_run.ts";

/** A run of epochs of three steps that writes down every event. */
function recorder(calls: string[]): TrainerCallback {
  const note = (name: string) => () => void calls.push(name);
  return {
    onInitEnd: note("init"),
    onTrainBegin: note("train begin"),
    onTrainEnd: note("train end"),
    onEpochBegin: note("epoch begin"),
    onEpochEnd: note("epoch end"),
    onStepBegin: note("step begin"),
    onStepEnd: note("step end"),
    onLog: note("log"),
    onEvaluate: note("evaluate"),
    onPredict: note("predict"),
    onSave: note("save"),
  };
}

runTest("Trainer tells every event in the reference's order", async (outputDir) => {
  const calls: string[] = [];
  const { trainer } = await tinyRun({
    outputDir,
    args: { numTrainEpochs: 1 },
    callbacks: [recorder(calls)],
    computeMetrics: () => ({}),
  });
  const step = ["step begin", "step end"];
  assert.deepEqual(calls, [
    "init",
    "train begin",
    "epoch begin",
    ...step,
    ...step,
    ...step,
    "epoch end",
    "log",
    "evaluate",
    "save",
    "log",
    "train end",
  ]);
  assert.equal(trainer.state.globalStep, 3);
});

const QUIET = { evalStrategy: "no", saveStrategy: "no", loggingStrategy: "no" } as const;

runTest("Trainer waits for callbacks that take their time", async (outputDir) => {
  const calls: number[] = [];
  await tinyRun({
    outputDir,
    args: { ...QUIET, maxSteps: 2 },
    callbacks: [{
      onStepBegin: (_args, { globalStep }) => void calls.push(globalStep),
      onStepEnd: async (_args, { globalStep }) => {
        // Each takes a turn of the event loop, of which a step that is not logged takes few.
        for (let turn = 0; turn < 50; turn++) await Deno.stat(outputDir);
        calls.push(globalStep * 10);
      },
    }],
  });
  assert.deepEqual(calls, [0, 10, 1, 20]);
});

/** Asks for something after one step. */
function askAfter(step: number, wish: Partial<TrainerControl>): TrainerCallback {
  return {
    onStepEnd: (_args, { globalStep }, control) => {
      if (globalStep === step) Object.assign(control, wish);
    },
  };
}

runTest("Trainer logs, evaluates and saves when a callback asks for it", async (outputDir) => {
  const { trainer } = await tinyRun({
    outputDir,
    args: QUIET,
    callbacks: [
      askAfter(2, { shouldLog: true }),
      askAfter(4, { shouldEvaluate: true, shouldSave: true }),
    ],
  });
  const lines = trainer.state.logHistory.slice(0, -1);
  assert.deepEqual(lines.map((entry) => [entry.step, "loss" in entry]), [[2, true], [4, false]]);
  assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-4"]);
});

runTest("Trainer leaves out what a callback takes back", async (outputDir) => {
  const callbacks: TrainerCallback[] = [{
    onEpochEnd: (_args, _state, control) => {
      control.shouldSave = false;
    },
  }];
  await tinyRun({ outputDir, callbacks });
  assert.deepEqual(checkpointsIn(outputDir), []);
});

runTest("Trainer ends when a callback asks for it, and saves its result", async (outputDir) => {
  const callbacks = [askAfter(2, { shouldTrainingStop: true })];
  const { output } = await tinyRun({ outputDir, callbacks });
  assert.deepEqual([output.globalStep, output.interrupted], [2, false]);
  assert.ok((await Deno.stat(`${outputDir}/config.json`)).isFile);
});

runTest("Trainer goes on with the next epoch when a callback ends one", async (outputDir) => {
  const callbacks = [askAfter(1, { shouldEpochStop: true })];
  const { trainer, output } = await tinyRun({ outputDir, callbacks });
  assert.equal(output.globalStep, 7);
  assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-1", "checkpoint-4", "checkpoint-7"]);
  assert.equal(trainer.state.epoch, 3);
});

runTest("Trainer knows after a resumption that an epoch was ended early", async (directory) => {
  const outputDir = `${directory}/run`;
  const controller = new AbortController();
  const stop: TrainerCallback = {
    onStepEnd: (_args, { globalStep }) => void (globalStep === 3 && controller.abort()),
  };
  const callbacks = [askAfter(1, { shouldEpochStop: true }), stop];
  await tinyRun({ outputDir, callbacks, signal: controller.signal });
  const { output } = await tinyRun({ outputDir, resumeFromCheckpoint: true });
  assert.equal(output.globalStep, 7);
});

runTest("EarlyStoppingCallback ends a run, and keeps its counter over a resumption", async (
  directory,
) => {
  const options = {
    args: { numTrainEpochs: 9, metricForBestModel: "flat" },
    computeMetrics: () => ({ flat: 1 }),
  };
  const make = () => [new EarlyStoppingCallback({ earlyStoppingPatience: 3 })];
  const whole = await tinyRun({ ...options, callbacks: make(), outputDir: `${directory}/whole` });
  assert.equal(whole.output.globalStep, 4 * 3);
  assert.deepEqual(whole.trainer.state.statefulCallbacks.EarlyStoppingCallback, {
    args: { early_stopping_patience: 3, early_stopping_threshold: 0 },
    attributes: { early_stopping_patience_counter: 3 },
  });
  const outputDir = `${directory}/resumed`;
  const controller = new AbortController();
  const stop: TrainerCallback = {
    onStepEnd: (_args, { globalStep }) => void (globalStep === 8 && controller.abort()),
  };
  const callbacks = [...make(), stop];
  await tinyRun({ ...options, callbacks, outputDir, signal: controller.signal });
  const resumed = await tinyRun({
    ...options,
    callbacks: make(),
    outputDir,
    resumeFromCheckpoint: true,
  });
  assert.deepEqual(timelessLog(resumed.trainer), timelessLog(whole.trainer));
});

runTest("EarlyStoppingCallback refuses a run that does not evaluate", async (outputDir) => {
  const callbacks = [new EarlyStoppingCallback()];
  await assert.rejects(tinyRun({ outputDir, args: QUIET, callbacks }), {
    name: "RangeError",
    message: 'Cannot train: expected `evalStrategy` "epoch" or "steps" to stop early, found "no"',
  });
});

runTest("Trainer.predict() tells its callbacks, under its prefix", async (outputDir) => {
  const seen: string[][] = [];
  const model = await buildModel(TINY_CONFIG, { seed: 1 });
  const trainer = new Trainer({
    model,
    args: new TrainingArguments({ outputDir }),
    trainDataset: tinySource(10),
    processingClass: tinyExtractor(),
    callbacks: [{
      onPredict: (...[, , , { output }]) => void seen.push(Object.keys(output.metrics)),
    }],
  });
  await trainer.predict(tinySource(5));
  await trainer.predict(tinySource(5), { metricKeyPrefix: "other" });
  model.dispose();
  const names = ["loss", "accuracy", "runtime", "samples_per_second", "steps_per_second"];
  const under = (prefix: string) => names.map((name) => `${prefix}_${name}`);
  assert.deepEqual(seen, [under("test"), under("other")]);
});

runTest("Trainer asks for an extractor under either name", async (outputDir) => {
  const model = await buildModel(TINY_CONFIG, { seed: 1 });
  const args = new TrainingArguments({ outputDir });
  assert.throws(() => new Trainer({ model, args, trainDataset: tinySource(10) }), {
    name: "TypeError",
    message: "Cannot train: expected a featureExtractor or processingClass, found none",
  });
  model.dispose();
});
