/**
 * Runs that are stopped and resumed end with the very bytes of one that was not.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { BatchSource } from "../../../src/train/batches/batches.ts";
import { evaluateModel } from "../../../src/train/metrics/evaluation.ts";
import { AutoModelForAudioClassification } from "../../../src/auto_model.ts";
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

runTest("Trainer resumes exactly with a mean of the weights", async (directory) => {
  const args = { loadBestModelAtEnd: true, emaDecay: 0.9, focalGamma: 2 };
  await expectSameEnding(directory, { args }, stopAfter(4));
  const last = `${directory}/whole/checkpoint-9/last_weights.safetensors`;
  assert.ok((await Deno.stat(last)).isFile);
  await expectSameEnding(directory, { args: { emaDecay: 0.9 } }, stopAfter(9));
});

runTest("Trainer saves the mean of the weights, and evaluates it", async (directory) => {
  const args = { emaDecay: 0.9, saveStrategy: "no" as const };
  const { trainer } = await tinyRun({ args, outputDir: `${directory}/mean` });
  await tinyRun({ args: { ...args, emaDecay: 0 }, outputDir: `${directory}/last` });
  const [mean, last] = [`${directory}/mean`, `${directory}/last`];
  assert.notEqual(await weightsDigest(mean), await weightsDigest(last));
  const evaluated = trainer.state.logHistory.findLast((entry) => "eval_loss" in entry)!;
  const model = await AutoModelForAudioClassification.fromPretrained(mean);
  const { loss } = await evaluateModel(model, tinySource(5, 4), { batchSize: 8 });
  assert.ok(Math.abs(loss - evaluated.eval_loss!) < 1e-6, `${loss}, logged ${evaluated.eval_loss}`);
  model.dispose();
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

/** A data set that says of itself what it is. */
function namedSource(fingerprint: string): BatchSource {
  return { ...tinySource(10), fingerprint: () => Promise.resolve(fingerprint) };
}

runTest(
  "Trainer refuses to resume what began otherwise, and names each difference",
  async (outputDir) => {
    const began = { outputDir, trainDataset: namedSource("a"), args: { maxSteps: 1 } };
    await tinyRun(began);
    const refused = async (options: Partial<TinyRunOptions>, ...found: string[]) => {
      const run = tinyRun({ ...began, ...options, resumeFromCheckpoint: true });
      await assert.rejects(run, ({ name, message, hint }) => {
        assert.equal(name, "CheckpointError");
        const [start, end] = message.split(", found ");
        assert.equal(
          start,
          `Cannot resume from "${outputDir}/checkpoint-1": expected the classes, data and ` +
            "arguments that it began with",
        );
        assert.deepEqual(end.split("; "), found);
        assert.match(hint, /`model: ".*"` with another `outputDir`/);
        return true;
      });
    };
    const args = { maxSteps: 2, learningRate: 0.5, seed: 7, perDeviceTrainBatchSize: 3 };
    await refused(
      { args },
      "`learningRate` 0.5 (was 0.01)",
      "`perDeviceTrainBatchSize` 3 (was 2)",
      "`seed` 7 (was 42)",
      "`dataSeed` 7 (was 42)",
    );
    await refused({ trainDataset: tinySource(12) }, "training clips 12 (was 10)");
    await refused({ trainDataset: namedSource("b") }, "other training clips, labels or order");
    await refused(
      { config: { id2label: { 0: "b", 1: "a", 2: "c", 3: "d", 4: "e" } } },
      'classes ["b","a","c","d","e"] (was ["zero","one","two","three","four"])',
    );
    await refused(
      { config: { hidden_dropout: 0.3 } },
      '"hidden_dropout" of the model\'s config 0.3 (was null)',
    );
  },
);

runTest("Trainer goes on with what may change, and names it in one line", async (outputDir) => {
  await tinyRun({ outputDir, args: { maxSteps: 1 } });
  const notices: string[] = [];
  const args = {
    maxSteps: 3,
    evalStrategy: "steps",
    evalSteps: 2,
    perDeviceEvalBatchSize: 1,
    saveTotalLimit: 2,
  } as const;
  const onNotice = (message: string) => notices.push(message);
  const { output } = await tinyRun({ outputDir, args, onNotice, resumeFromCheckpoint: true });
  assert.equal(output.globalStep, 3);
  assert.deepEqual(notices, [
    'Goes on with `evalStrategy` "steps" (was "epoch"), `evalSteps` 2 (was 500), ' +
    "`perDeviceEvalBatchSize` 1 (was 8), `maxSteps` 3 (was 1), `saveTotalLimit` 2 (was 0)",
  ]);
});

runTest("Trainer goes on from a checkpoint of version 0.1.0 with a warning", async (outputDir) => {
  await tinyRun({ outputDir, args: { maxSteps: 1 } });
  const directory = `${outputDir}/checkpoint-1`;
  const { run: _, ...resume } = JSON.parse(await Deno.readTextFile(`${directory}/resume.json`));
  const old = { ...resume, clips: 10, accumulation: 2 };
  await Deno.writeTextFile(`${directory}/resume.json`, JSON.stringify(old));
  await Deno.remove(`${directory}/checksums.json`);
  const notices: string[] = [];
  const options = {
    outputDir,
    resumeFromCheckpoint: true,
    onNotice: (message: string) => notices.push(message),
  };
  await tinyRun({ ...options, args: { maxSteps: 2, learningRate: 1 } });
  assert.deepEqual(notices, [
    `"${directory}" is of an earlier version: whether data and arguments are the same is not known`,
  ]);
  await Deno.remove(`${outputDir}/checkpoint-2`, { recursive: true });
  await assert.rejects(tinyRun({ ...options, trainDataset: tinySource(12) }), {
    message: `Cannot resume from "${directory}": expected the batches that it began with, ` +
      "found `training clips` 12 (was 10)",
  });
});

runTest(
  "Trainer goes on from the checkpoint before a broken one to the same bytes",
  async (directory) => {
    const whole = `${directory}/whole`;
    await tinyRun({ outputDir: whole });
    const outputDir = `${directory}/broken`;
    await tinyRun({ outputDir });
    const file = `${outputDir}/checkpoint-9/optimizer.safetensors`;
    await Deno.truncate(file, (await Deno.stat(file)).size - 1);
    const notices: string[] = [];
    const onNotice = (message: string) => notices.push(message);
    await tinyRun({ outputDir, onNotice, modelSeed: 5, resumeFromCheckpoint: true });
    assert.match(notices[0]!, /checkpoint-9\/optimizer\.safetensors".*checkpoint-9 is left out$/);
    assert.equal(await weightsDigest(outputDir), await weightsDigest(whole));
  },
);

runTest("Trainer writes checkpoints that are models alone", async (outputDir) => {
  await tinyRun({ outputDir, args: { saveOnlyModel: true, maxSteps: 1 } });
  const names = Array.from(Deno.readDirSync(`${outputDir}/checkpoint-1`), ({ name }) => name);
  assert.deepEqual(names.sort(), [
    "checksums.json",
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
