/**
 * What arguments under the reference's names do to a run, as far as no other test of this folder looks at it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { DeviceError } from "../../../src/errors.ts";
import { expectDevice } from "../../../src/train/loop/_run_setup.ts";
import { TrainingArguments, type TrainingOptions } from "../../../src/train/options/arguments.ts";
import { deviceTest } from "../../devices.ts";
import { checkpointsIn, runTest, tinyRun, tinySource, weightsDigest } from "../_tiny_run.ts";

const LOGGED = { loggingStrategy: "steps", loggingSteps: 1, saveStrategy: "no" } as const;

runTest("reduce_lr_on_plateau falls after evaluations that are no better", async (outputDir) => {
  const scores = [1, 2, 3];
  const { trainer } = await tinyRun({
    outputDir,
    args: {
      ...LOGGED,
      learningRate: 1e-3,
      lrSchedulerType: "reduce_lr_on_plateau",
      lrSchedulerKwargs: { patience: 0, factor: 0.5 },
      metricForBestModel: "score",
    },
    computeMetrics: () => ({ score: scores.shift()! }),
  });
  const rates = trainer.state.logHistory.flatMap(({ learning_rate: rate }) => rate ?? []);
  assert.deepEqual(rates, [1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 5e-4]);
});

runTest(
  "greedy rises after evaluations that are better, and falls after others",
  async (directory) => {
    const outputDir = `${directory}/whole`;
    const args = {
      ...LOGGED,
      saveStrategy: "epoch",
      learningRate: 1e-3,
      lrSchedulerType: "greedy",
      lrSchedulerKwargs: { patience: 0, factor: 0.5, minLr: 0 },
      metricForBestModel: "score",
    } as const;
    const run = async (options: { outputDir: string; resumeFromCheckpoint?: string }) => {
      const scores = options.resumeFromCheckpoint ? [3] : [2, 1, 3];
      const { trainer } = await tinyRun({
        ...options,
        args,
        computeMetrics: () => ({ score: scores.shift()! }),
      });
      return trainer.state.logHistory.flatMap(({ learning_rate: rate }) => rate ?? []);
    };
    const rates = await run({ outputDir });
    assert.deepEqual(rates, [1e-3, 1e-3, 1e-3, 2e-3, 2e-3, 2e-3, 4e-3, 4e-3, 4e-3]);
    const resumeFromCheckpoint = `${outputDir}/checkpoint-6`;
    assert.deepEqual(await run({ outputDir: `${directory}/again`, resumeFromCheckpoint }), rates);
  },
);

for (
  const [optim, optimArgs] of [
    ["sgd", "momentum=0.9"],
    ["adafactor", "scale_parameter=true,beta1=0.5"],
    ["adafactor", "relative_step=true"],
  ] as const
) {
  runTest(`optim ${optim} trains with ${optimArgs}, and goes on exactly`, async (directory) => {
    await expectExactContinuation(directory, { optim, optimArgs });
  });
}

async function expectExactContinuation(
  directory: string,
  own: Pick<TrainingOptions, "optim" | "optimArgs">,
): Promise<void> {
  const args = { ...own, learningRate: 1e-3, numTrainEpochs: 6, evalStrategy: "no" } as const;
  const whole = await tinyRun({ outputDir: `${directory}/whole`, args });
  const { logHistory } = whole.trainer.state;
  const losses = logHistory.flatMap(({ loss }) => loss ?? []);
  assert.ok(losses.at(-1)! < losses[0]!, `losses ${losses}`);
  const first = whole.trainer.state.globalStep / 6;
  const resumed = await tinyRun({
    outputDir: `${directory}/again`,
    args,
    resumeFromCheckpoint: `${directory}/whole/checkpoint-${first}`,
  });
  assert.equal(resumed.output.globalStep, whole.output.globalStep);
  assert.equal(
    await weightsDigest(`${directory}/again`),
    await weightsDigest(`${directory}/whole`),
  );
}

runTest("predictionLossOnly leaves the metrics out", async (outputDir) => {
  const { trainer } = await tinyRun({ outputDir, args: { predictionLossOnly: true } });
  const evaluations = trainer.state.logHistory.filter((entry) => "eval_loss" in entry);
  assert.equal(evaluations.length, 3);
  assert.ok(evaluations.every((entry) => !("eval_accuracy" in entry)));
});

runTest("ignoreDataSkip begins the epoch again", async (directory) => {
  const args = { ...LOGGED, saveStrategy: "steps", saveSteps: 1, evalStrategy: "no" } as const;
  await tinyRun({ outputDir: directory, args });
  const from = checkpointsIn(directory)[0]!;
  const digests = await Promise.all([false, true].map(async (ignoreDataSkip) => {
    const outputDir = `${directory}/${ignoreDataSkip}`;
    const resumeFromCheckpoint = `${directory}/${from}`;
    await tinyRun({ outputDir, args: { ...args, ignoreDataSkip }, resumeFromCheckpoint });
    return await weightsDigest(outputDir);
  }));
  assert.equal(digests[0], await weightsDigest(directory));
  assert.notEqual(digests[1], digests[0]);
});

runTest("autoFindBatchSize starts again with half as many clips", async (outputDir) => {
  const source = tinySource(10);
  const sizes: number[] = [];
  const notices: string[] = [];
  const trainDataset = {
    ...source,
    batches: (epoch: number, options: { batchSize: number; skip?: number }) => {
      sizes.push(options.batchSize);
      if (options.batchSize <= 2) return source.batches(epoch, options);
      throw new DeviceError("Cannot hold the batch", { reason: "memory" });
    },
  };
  const run = (autoFindBatchSize: boolean) =>
    tinyRun({
      outputDir,
      trainDataset,
      onNotice: (message) => notices.push(message),
      args: {
        autoFindBatchSize,
        perDeviceTrainBatchSize: 8,
        numTrainEpochs: 1,
        evalStrategy: "no",
        hubToken: "hf_secret",
      },
    });
  await assert.rejects(run(false), /Cannot hold the batch/);
  const { output, trainer } = await run(true);
  assert.deepEqual(sizes, [8, 8, 4, 2]);
  assert.deepEqual([output.globalStep, trainer.state.trainBatchSize], [3, 2]);
  assert.match(notices.join("\n"), /starts again with `perDeviceTrainBatchSize: 2`/);
});

runTest("logLevel error shows no notices", async (directory) => {
  for (const logLevel of ["error", "passive"] as const) {
    const notices: string[] = [];
    const outputDir = `${directory}/${logLevel}`;
    await tinyRun({ outputDir, args: { logLevel } });
    const options = { outputDir, onNotice: (message: string) => void notices.push(message) };
    const args = { logLevel, evalDelay: 1 };
    await tinyRun({ ...options, args, resumeFromCheckpoint: true });
    assert.equal(notices.length > 0, logLevel === "passive", notices.join("\n"));
  }
});

runTest(
  "restoreCallbackStatesFromCheckpoint decides whether callbacks go on",
  async (directory) => {
    const restored: boolean[] = [];
    const counting = {
      name: "Counting",
      exportState: () => ({ args: {}, attributes: { count: 1 } }),
      restoreState: () => void restored.push(true),
    };
    await tinyRun({ outputDir: directory, callbacks: [counting] });
    for (const restoreCallbackStatesFromCheckpoint of [false, true]) {
      const args = { restoreCallbackStatesFromCheckpoint };
      await tinyRun({
        outputDir: directory,
        args,
        callbacks: [counting],
        resumeFromCheckpoint: true,
      });
      assert.equal(restored.length > 0, restoreCallbackStatesFromCheckpoint);
    }
  },
);

deviceTest("useCpu and fullDeterminism refuse WebGPU", () => {
  for (const name of ["useCpu", "fullDeterminism"]) {
    const args = new TrainingArguments({ outputDir: "out", [name]: true });
    const isRefused = engine().backendName === "webgpu";
    const check = () => expectDevice(args);
    if (isRefused) assert.throws(check, new RegExp(`Cannot train with \`${name}\``));
    else assert.doesNotThrow(check);
    assert.doesNotThrow(() => expectDevice(new TrainingArguments({ outputDir: "out" })));
  }
});
