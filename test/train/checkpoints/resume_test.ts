/**
 * Runs that are stopped and resumed end with the very bytes of one that was not.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Trainer } from "../../../src/train/loop/trainer.ts";
import {
  checkpointsIn,
  runTest,
  timelessLog,
  tinyRun,
  type TinyRunOptions,
  tinySource,
  weightsDigest,
} from "../_tiny_run.ts";

interface Ending {
  weights: string;
  log: Record<string, number>[];
  best: unknown[];
}

async function endingOf(directory: string, trainer: Trainer): Promise<Ending> {
  const { bestMetric, bestGlobalStep, bestModelCheckpoint, epoch } = trainer.state;
  return {
    weights: await weightsDigest(directory),
    log: timelessLog(trainer),
    best: [bestMetric, bestGlobalStep, bestModelCheckpoint, epoch],
  };
}

/** A run, and the same run stopped by `stop` and gone on with, a model of other weights each time. */
async function expectSameEnding(
  directory: string,
  options: TinyRunOptions,
  stop: (abort: () => void) => TinyRunOptions,
): Promise<void> {
  const whole = `${directory}/whole`;
  const { trainer } = await tinyRun({ ...options, outputDir: whole });
  const wanted = await endingOf(whole, trainer);
  const outputDir = `${directory}/resumed-${crypto.randomUUID()}`;
  let resumeFromCheckpoint = false;
  for (let part = 1;; part++) {
    const controller = new AbortController();
    const { trainer, output } = await tinyRun({
      ...options,
      ...part === 1 ? stop(() => controller.abort()) : {},
      signal: controller.signal,
      modelSeed: part,
      outputDir,
      resumeFromCheckpoint,
    });
    assert.equal(output.interrupted, part === 1, `part ${part}`);
    resumeFromCheckpoint = true;
    if (output.interrupted) continue;
    assert.deepEqual(await endingOf(outputDir, trainer), wanted);
    return;
  }
}

function stopAfter(step: number): (abort: () => void) => TinyRunOptions {
  return (abort) => ({
    callbacks: [{ onStepEnd: (_args, { globalStep }) => globalStep === step && abort() }],
  });
}

const BEST: TinyRunOptions = { args: { loadBestModelAtEnd: true, saveTotalLimit: 1 } };

for (const step of [1, 2, 3, 5, 6]) {
  runTest(`Trainer resumes exactly after a stop at step ${step} of 9`, async (directory) => {
    await expectSameEnding(directory, BEST, stopAfter(step));
  });
}

runTest("Trainer resumes exactly after a stop at the last step", async (directory) => {
  await expectSameEnding(directory, BEST, stopAfter(9));
});

runTest("Trainer resumes exactly with intervals by steps", async (directory) => {
  const args = {
    evalStrategy: "steps",
    evalSteps: 2,
    saveStrategy: "steps",
    saveSteps: 2,
    loggingStrategy: "steps",
    loggingSteps: 3,
    loadBestModelAtEnd: true,
    lrSchedulerType: "cosine",
    warmupSteps: 2,
  } as const;
  for (const step of [3, 4, 5]) await expectSameEnding(directory, { args }, stopAfter(step));
});

runTest("Trainer finishes its step when it is stopped amid accumulation", async (directory) => {
  // The fifth batch is the last of an epoch of 5; the third and seventh open a group of two.
  for (const batch of [3, 5, 7]) {
    await expectSameEnding(directory, BEST, (abort) => ({
      trainDataset: tinySource(10, 3, (count) => count === batch && abort()),
    }));
  }
});

runTest("Trainer resumes exactly after a stop in an evaluation", async (directory) => {
  await expectSameEnding(directory, BEST, (abort) => ({
    callbacks: [{ onEvaluate: (_args, { globalStep }) => globalStep === 3 && abort() }],
  }));
});

runTest("Trainer still stops early after it was resumed", async (directory) => {
  const args = {
    ...BEST.args,
    numTrainEpochs: 9,
    earlyStoppingPatience: 2,
    metricForBestModel: "flat",
  };
  const options: TinyRunOptions = { args, computeMetrics: () => ({ flat: 1 }) };
  for (const step of [4, 8]) await expectSameEnding(directory, options, stopAfter(step));
});

runTest(
  "Trainer stays stopped when it was stopped and early stopping was due",
  async (directory) => {
    const args = {
      numTrainEpochs: 9,
      evalStrategy: "steps",
      evalSteps: 2,
      saveStrategy: "steps",
      saveSteps: 2,
      loggingStrategy: "no",
      earlyStoppingPatience: 1,
      metricForBestModel: "flat",
    } as const;
    await expectSameEnding(directory, { args, computeMetrics: () => ({ flat: 1 }) }, stopAfter(4));
  },
);

runTest("Trainer resumes a run of frozen parts, with noise", async (directory) => {
  const args = { freezeFeatureEncoder: true };
  const config = { layerdrop: 0.5, hidden_dropout: 0.3, mask_feature_prob: 0.2 };
  await expectSameEnding(directory, { args, config }, stopAfter(4));
});

runTest("Trainer resumes from a named checkpoint", async (directory) => {
  const whole = `${directory}/whole`;
  const { trainer } = await tinyRun({ outputDir: whole });
  assert.deepEqual(checkpointsIn(whole), ["checkpoint-3", "checkpoint-6", "checkpoint-9"]);
  const outputDir = `${directory}/other`;
  const again = await tinyRun({
    outputDir,
    modelSeed: 7,
    resumeFromCheckpoint: `${whole}/checkpoint-3`,
  });
  assert.deepEqual(await endingOf(outputDir, again.trainer), await endingOf(whole, trainer));
});

runTest("Trainer refuses to resume where there is no checkpoint", async (directory) => {
  const outputDir = `${directory}/new`;
  await assert.rejects(tinyRun({ outputDir, resumeFromCheckpoint: true }), {
    name: "CheckpointError",
    message: `Cannot resume "${outputDir}": expected a directory checkpoint-N, found none`,
  });
});

runTest(
  "Trainer refuses to resume with other batches or clips, and names both",
  async (outputDir) => {
    await tinyRun({ outputDir, args: { maxSteps: 1 } });
    const resumed = { outputDir, resumeFromCheckpoint: true };
    const refused = async (options: Partial<TinyRunOptions>, what: string) => {
      await assert.rejects(tinyRun({ ...resumed, ...options }), {
        name: "CheckpointError",
        message: `Cannot resume from "${outputDir}/checkpoint-1": expected ${what}`,
      });
    };
    const size = "perDeviceTrainBatchSize 2 as it began, found 3";
    await refused({ args: { perDeviceTrainBatchSize: 3 } }, size);
    const group = "gradientAccumulationSteps 2 as it began, found 1";
    await refused({ args: { gradientAccumulationSteps: 1 } }, group);
    await refused({ trainDataset: tinySource(12) }, "training clips: 10 as it began, found 12");
  },
);

runTest("Trainer writes checkpoints that are models alone", async (outputDir) => {
  await tinyRun({ outputDir, args: { saveOnlyModel: true, maxSteps: 1 } });
  const names = Array.from(Deno.readDirSync(`${outputDir}/checkpoint-1`), ({ name }) => name);
  assert.deepEqual(names.sort(), [
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "trainer_state.json",
  ]);
  await assert.rejects(tinyRun({ outputDir, resumeFromCheckpoint: true }), /resume\.json/);
});

runTest("Trainer resumes exactly with weighted classes", async (directory) => {
  const args = { ...BEST.args, classWeights: [1, 0.5, 2, 1, 0] };
  await expectSameEnding(directory, { args }, stopAfter(4));
});
