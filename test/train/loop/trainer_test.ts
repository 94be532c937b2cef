/**
 * What a run logs, evaluates, keeps and ends with. Exact resuming is in `resume_test.ts`, failures are in
 * `trainer_failures_test.ts`, the reference's numbers in `golden_trainer_test.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { engine, type Variable } from "@tensorflow/tfjs-core";
import { encodeWav } from "../../../src/audio/encode_wav.ts";
import { Dataset } from "../../../src/data/dataset.ts";
import { Audio, ClassLabel } from "../../../src/data/features.ts";
import { buildModel } from "../../../src/models/mod.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import type { EvalPrediction } from "../../../src/train/metrics/metrics.ts";
import type { LogEntry, TrainerState } from "../../../src/train/checkpoints/state.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest, startTestWasm } from "../../devices.ts";
import { kitPath, kitTest, readJson } from "../../kit.ts";
import { TINY_CONFIG, TINY_LABELS, tinyExtractor, tone } from "../../tiny_model.ts";
import {
  checkpointsIn,
  QUIET,
  runTest,
  timelessLog,
  tinyRun,
  tinySource,
  weightsDigest,
} from "../_tiny_run.ts";

const BY_STEPS = {
  evalStrategy: "steps",
  saveStrategy: "steps",
  loggingStrategy: "steps",
} as const;

/** Metrics that were decided beforehand, one for each evaluation. */
function scripted(...values: number[]): () => { score: number } {
  return () => ({ score: values.shift()! });
}

function stepsOf({ logHistory }: TrainerState, key: string): number[] {
  return logHistory.filter((entry) => key in entry).map(({ step }) => step);
}

runTest("Trainer logs, evaluates and saves by epochs", async (outputDir) => {
  const { trainer, output } = await tinyRun({ outputDir });
  assert.deepEqual([output.globalStep, output.interrupted], [9, false]);
  assert.deepEqual(stepsOf(trainer.state, "loss"), [3, 6, 9]);
  assert.deepEqual(stepsOf(trainer.state, "eval_loss"), [3, 6, 9]);
  assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-3", "checkpoint-6", "checkpoint-9"]);
});

runTest("Trainer logs, evaluates and saves by steps", async (outputDir) => {
  const args = { ...BY_STEPS, loggingSteps: 2, evalSteps: 3, saveSteps: 4 };
  const { trainer } = await tinyRun({ outputDir, args });
  assert.deepEqual(stepsOf(trainer.state, "loss"), [2, 4, 6, 8]);
  assert.deepEqual(stepsOf(trainer.state, "eval_loss"), [3, 6, 9]);
  assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-4", "checkpoint-8", "checkpoint-9"]);
});

runTest(
  "Trainer logs, evaluates and saves nothing where its arguments say so",
  async (outputDir) => {
    const args = { loggingStrategy: "no", evalStrategy: "no", saveStrategy: "no" } as const;
    const { trainer } = await tinyRun({ outputDir, args });
    assert.deepEqual(stepsOf(trainer.state, "loss"), []);
    assert.deepEqual(stepsOf(trainer.state, "eval_loss"), []);
    assert.deepEqual(checkpointsIn(outputDir), []);
  },
);

runTest("Trainer gives the mean loss of all steps, however they are logged", async (directory) => {
  const losses: number[] = [];
  for (const args of [{ loggingSteps: 1 }, { loggingSteps: 4 }, { loggingStrategy: "no" }]) {
    const { output } = await tinyRun({
      outputDir: `${directory}/${losses.length}`,
      args: { ...BY_STEPS, ...args as object },
    });
    losses.push(output.trainingLoss);
  }
  assert.ok(losses[0]! > 1 && losses[0]! < 5, `loss ${losses[0]}`);
  assertAllClose(losses, [losses[0]!, losses[0]!, losses[0]!], { atol: 1e-6 });
});

runTest("Trainer stops at maxSteps amid an epoch, and at a part of an epoch", async (directory) => {
  const stopped = await tinyRun({ outputDir: `${directory}/a`, args: { maxSteps: 4 } });
  assert.deepEqual([stopped.output.globalStep, stopped.trainer.state.epoch], [4, 1.4]);
  const part = await tinyRun({ outputDir: `${directory}/b`, args: { numTrainEpochs: 0.5 } });
  assert.equal(part.output.globalStep, 2);
});

runTest("Trainer ends with the best model, by more and by less", async (directory) => {
  for (const [greaterIsBetter, best] of [[true, 6], [false, 3]] as const) {
    const outputDir = `${directory}/${best}`;
    const { trainer } = await tinyRun({
      outputDir,
      args: { loadBestModelAtEnd: true, metricForBestModel: "score", greaterIsBetter },
      computeMetrics: scripted(1, 3, 2),
    });
    const { bestGlobalStep, bestMetric, bestModelCheckpoint } = trainer.state;
    assert.deepEqual([bestGlobalStep, bestMetric], [best, greaterIsBetter ? 3 : 1]);
    assert.equal(bestModelCheckpoint, `checkpoint-${best}`);
    const kept = await weightsDigest(`${outputDir}/checkpoint-${best}`);
    assert.equal(await weightsDigest(outputDir), kept);
    assert.notEqual(kept, await weightsDigest(`${outputDir}/checkpoint-9`));
  }
});

runTest(
  "Trainer evaluates and saves the last step too, and keeps it if it is best",
  async (outputDir) => {
    const steps = { evalSteps: 5, saveSteps: 5, loggingSteps: 5, maxSteps: 16 };
    const { trainer } = await tinyRun({
      outputDir,
      args: {
        ...BY_STEPS,
        ...steps,
        loadBestModelAtEnd: true,
        metricForBestModel: "score",
        saveTotalLimit: 1,
      },
      computeMetrics: scripted(1, 2, 3, 4),
    });
    assert.deepEqual(stepsOf(trainer.state, "eval_loss"), [5, 10, 15, 16]);
    assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-16"]);
    assert.equal(trainer.state.bestModelCheckpoint, "checkpoint-16");
  },
);

runTest("Trainer saves the best model also between two checkpoints", async (outputDir) => {
  const args = { ...BY_STEPS, evalSteps: 1, saveSteps: 4, loadBestModelAtEnd: true };
  await tinyRun({
    outputDir,
    args: { ...args, metricForBestModel: "score", saveTotalLimit: 1 },
    computeMetrics: scripted(1, 2, 3, 1, 9, 1, 1, 1, 1),
  });
  assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-5", "checkpoint-9"]);
  assert.equal(await weightsDigest(outputDir), await weightsDigest(`${outputDir}/checkpoint-5`));
});

runTest("Trainer never takes NaN for the best", async (outputDir) => {
  const { trainer } = await tinyRun({
    outputDir,
    args: { loadBestModelAtEnd: true, metricForBestModel: "score" },
    computeMetrics: scripted(NaN, 0.5, NaN),
  });
  assert.deepEqual([trainer.state.bestMetric, trainer.state.bestGlobalStep], [0.5, 6]);
});

runTest("Trainer keeps the newest checkpoints and the best", async (directory) => {
  for (const [saveTotalLimit, kept] of [[1, [3, 15]], [2, [3, 12, 15]]] as const) {
    const outputDir = `${directory}/${saveTotalLimit}`;
    await tinyRun({
      outputDir,
      args: { saveTotalLimit, numTrainEpochs: 5, metricForBestModel: "score" },
      computeMetrics: scripted(5, 4, 3, 2, 1),
    });
    assert.deepEqual(checkpointsIn(outputDir), kept.map((step) => `checkpoint-${step}`));
  }
});

runTest("Trainer stops early after so many evaluations without a better one", async (directory) => {
  const run = async (values: number[], args: object): Promise<number> => {
    const { output } = await tinyRun({
      outputDir: `${directory}/${crypto.randomUUID()}`,
      args: { numTrainEpochs: 5, metricForBestModel: "score", ...args },
      computeMetrics: scripted(...values),
    });
    return output.globalStep / 3;
  };
  assert.equal(await run([1, 1, 1, 1, 1], { earlyStoppingPatience: 1 }), 2);
  assert.equal(await run([1, 1, 2, 1, 1], { earlyStoppingPatience: 2 }), 5);
  assert.equal(await run([1, 1, 2, 1, 1], { earlyStoppingPatience: 0 }), 5);
  const threshold = { earlyStoppingPatience: 2, earlyStoppingThreshold: 0.5 };
  assert.equal(await run([1, 1.1, 1.2, 1.3, 9], threshold), 3);
});

runTest("Trainer logs the rate of the schedule when it stops early", async (outputDir) => {
  const args = { ...BY_STEPS, evalSteps: 1, loggingSteps: 1, earlyStoppingPatience: 2 };
  const { trainer } = await tinyRun({
    outputDir,
    args: { ...args, loggingStrategy: "epoch", maxSteps: 10, metricForBestModel: "score" },
    computeMetrics: scripted(3, 2, 1),
  });
  const [entry] = trainer.state.logHistory.filter(({ loss }) => loss !== undefined);
  assert.deepEqual([entry!.step, entry!.learning_rate], [3, 1e-2 * 0.8]);
});

runTest(
  "Trainer tells its callbacks in order, and of directories that are there",
  async (directory) => {
    const calls: string[] = [];
    await tinyRun({
      outputDir: directory,
      args: { maxSteps: 3 },
      callbacks: [{
        onTrainBegin: (_args, { maxSteps }) => calls.push(`begin ${maxSteps}`),
        onStepEnd: (_args, { globalStep }) => calls.push(`step ${globalStep}`),
        onLog: (...[, , , { logs }]) => calls.push(`log ${logs.step} ${logs.loss! > 0}`),
        onEvaluate: (...[, , , { metrics }]) =>
          calls.push(`eval ${metrics.step} ${metrics.eval_accuracy! >= 0}`),
        onSave: (...[, , , { directory }]) =>
          calls.push(`save ${Deno.statSync(directory).isDirectory}`),
      }],
    });
    const steps = ["step 1", "step 2", "step 3"];
    assert.deepEqual(calls, [
      "begin 3",
      ...steps,
      "log 3 true",
      "eval 3 true",
      "save true",
      "log 3 false",
    ]);
  },
);

runTest("Trainer evaluates at the start, and waits before it does again", async (outputDir) => {
  const args = { ...BY_STEPS, evalSteps: 2, evalDelay: 5, evalOnStart: true, loggingSteps: 4 };
  const { trainer } = await tinyRun({ outputDir, args: { ...args, loggingFirstStep: true } });
  assert.deepEqual(stepsOf(trainer.state, "eval_loss"), [0, 6, 8, 9]);
  assert.deepEqual(stepsOf(trainer.state, "loss"), [1, 4, 8]);
  const byEpoch = await tinyRun({ outputDir, args: { evalDelay: 2 } });
  assert.deepEqual(stepsOf(byEpoch.trainer.state, "eval_loss"), [6, 9]);
});

runTest("Trainer takes intervals below 1 for shares of all steps", async (outputDir) => {
  const args = { ...BY_STEPS, evalSteps: 0.5, saveSteps: 0.3, loggingSteps: 0.2 };
  const { trainer } = await tinyRun({ outputDir, args });
  assert.deepEqual(stepsOf(trainer.state, "eval_loss"), [5, 9]);
  assert.deepEqual(stepsOf(trainer.state, "loss"), [2, 4, 6, 8]);
  assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-3", "checkpoint-6", "checkpoint-9"]);
});

runTest("Trainer saves the best alone where its arguments say so", async (outputDir) => {
  const { trainer } = await tinyRun({
    outputDir,
    args: { saveStrategy: "best", loadBestModelAtEnd: true, metricForBestModel: "score" },
    computeMetrics: scripted(1, 3, 2),
  });
  assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-3", "checkpoint-6"]);
  assert.equal(trainer.state.bestModelCheckpoint, "checkpoint-6");
  const best = await weightsDigest(`${outputDir}/checkpoint-6`);
  assert.equal(await weightsDigest(outputDir), best);
});

runTest("Trainer balances classes by the labels of its data", async (outputDir) => {
  const data = tinySource(10);
  const run = async (labels?: number[], classWeights: "balanced" | number[] = "balanced") => {
    const trainDataset = { ...data, labels: labels && (() => Promise.resolve(labels)) };
    await tinyRun({ outputDir, trainDataset, args: { maxSteps: 2, classWeights } });
    return await weightsDigest(outputDir);
  };
  const labels = [0, 1, 2, 3, 4, 0, 1, 2, 3, 0];
  const weights = [3, 2, 2, 2, 1].map((count) => 10 / (5 * count));
  assert.equal(await run(labels), await run(undefined, weights));
  assert.notEqual(await run(labels), await run(undefined, [1, 1, 1, 1, 1]));
  await assert.rejects(run(), {
    name: "RangeError",
    message: 'Cannot balance classes: expected a training set that tells its "labels", found none',
  });
  await assert.rejects(run(undefined, [1, 2]), /"classWeights": expected 5 numbers/);
});

runTest("Trainer trains and evaluates on a data set as it is", async (outputDir) => {
  const rows = Array.from({ length: 10 }, (_, i) => {
    const bytes = encodeWav(tone(600, 1 + i % 5), 8_000);
    return { audio: { path: `${i}.wav`, bytes }, label: i % 5 };
  });
  const features = { audio: new Audio(), label: new ClassLabel(TINY_LABELS) };
  const dataset = Dataset.fromRows(rows, features);
  const args = { classWeights: "balanced", balancedSampling: true } as const;
  const { trainer, output } = await tinyRun({
    outputDir,
    args,
    trainDataset: dataset,
    evalDataset: dataset,
  });
  assert.equal(output.globalStep, 9);
  assert.deepEqual(stepsOf(trainer.state, "eval_accuracy"), [3, 6, 9]);
});

runTest("Trainer computes metrics of the user's own", async (outputDir) => {
  let seen: EvalPrediction | undefined;
  const { trainer } = await tinyRun({
    outputDir,
    args: { maxSteps: 1 },
    computeMetrics: (prediction) => {
      seen = prediction;
      return { f1: 0.25, eval_custom: 7 };
    },
  });
  assert.deepEqual(seen!.labels, Int32Array.of(0, 1, 2, 3, 4));
  assert.deepEqual([seen!.classes, seen!.logits.length], [5, 25]);
  const entry = trainer.state.logHistory.find((entry) => "eval_loss" in entry)!;
  assert.deepEqual([entry.eval_f1, entry.eval_custom, entry.eval_accuracy], [0.25, 7, undefined]);
});

runTest("Trainer names the metrics there are when it is to judge by another", async (outputDir) => {
  const args = { maxSteps: 1, metricForBestModel: "f2" };
  await assert.rejects(tinyRun({ outputDir, args }), {
    name: "RangeError",
    message: /^Cannot judge the model by metric "f2": expected one of eval_loss, eval_accuracy,/,
  });
});

runTest("Trainer writes its state in the reference's words", async (outputDir) => {
  const { trainer } = await tinyRun({ outputDir });
  const written = await readJson<Record<string, unknown>>(`${outputDir}/trainer_state.json`);
  const { log_history, ...fields } = written;
  assert.deepEqual(log_history, trainer.state.logHistory);
  assert.ok(trainer.state.totalFlos > 0);
  assert.deepEqual(fields, {
    best_global_step: trainer.state.bestGlobalStep,
    best_metric: trainer.state.bestMetric,
    best_model_checkpoint: `checkpoint-${trainer.state.bestGlobalStep}`,
    epoch: 3,
    eval_steps: 500,
    global_step: 9,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    logging_steps: 500,
    max_steps: 9,
    num_input_tokens_seen: 0,
    num_train_epochs: 3,
    save_steps: 500,
    stateful_callbacks: {
      TrainerControl: {
        args: {
          should_training_stop: false,
          should_epoch_stop: false,
          should_save: true,
          should_evaluate: true,
          should_log: true,
        },
        attributes: {},
      },
    },
    total_flos: trainer.state.totalFlos,
    train_batch_size: 2,
    trial_name: null,
    trial_params: null,
  });
  assert.equal(trainer.state.logHistory.length, 3 + 3 + 1);
});

kitTest("Trainer's state and log lines have the reference's fields", async () => {
  const expected = await readJson<Record<string, unknown>>(
    kitPath("trainer", "trainer_state.json"),
  );
  const lines = expected.log_history as LogEntry[];
  const outputDir = await Deno.makeTempDir();
  const device = await startTestWasm({ threads: 1 });
  const { trainer } = await tinyRun({ outputDir });
  device.dispose();
  const state = await readJson<object>(`${outputDir}/trainer_state.json`);
  await Deno.remove(outputDir, { recursive: true });
  assert.deepEqual(Object.keys(state).sort(), Object.keys(expected).sort());
  const keysOfFirst = (log: LogEntry[], key: string) =>
    Object.keys(log.find((entry) => key in entry)!).sort();
  const log = timelessLog(trainer);
  for (const kind of ["loss", "eval_loss"]) {
    assert.deepEqual(keysOfFirst(log, kind), keysOfFirst(lines, kind));
  }
});

runTest("Trainer leaves a model, its extractor and its checkpoints", async (outputDir) => {
  await tinyRun({ outputDir, args: { numTrainEpochs: 1 } });
  const namesIn = (path: string) => Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
  const model = ["config.json", "model.safetensors", "preprocessor_config.json"];
  const results = ["all_results.json", "train_results.json", "trainer_state.json"];
  assert.deepEqual(namesIn(outputDir), ["checkpoint-3", ...model, ...results].sort());
  const state = ["checksums.json", "optimizer.safetensors", "resume.json", "trainer_state.json"];
  assert.deepEqual(namesIn(`${outputDir}/checkpoint-3`), [...model, ...state].sort());
});

runTest("Trainer ends with the same weights when layers are computed again", async (outputDir) => {
  const weights: Record<string, Float32Array>[] = [];
  const runs: number[] = [];
  for (const gradientCheckpointing of [false, true]) {
    const model = await buildModel({ ...TINY_CONFIG, layerdrop: 0.2 }, { seed: 1 });
    let wrapped = 0;
    const forward = model.forward.bind(model);
    model.forward = (inputs, options) => {
      if (options?.wrapLayer) wrapped++;
      return forward(inputs, options);
    };
    const trainer = new Trainer({
      model,
      args: new TrainingArguments({
        outputDir,
        learningRate: 1e-2,
        maxSteps: 3,
        gradientCheckpointing,
      }),
      trainDataset: tinySource(10),
      featureExtractor: tinyExtractor(),
      callbacks: [QUIET],
    });
    await trainer.train();
    weights.push(Object.fromEntries(await valuesOf(model.parameters)));
    runs.push(wrapped);
    model.dispose();
  }
  assert.deepEqual(runs, [0, 3]);
  assert.deepEqual(weights[1], weights[0]);
});

runTest("Trainer changes only what is not frozen", async (outputDir) => {
  for (
    const [args, frozen] of [
      [{ freezeFeatureEncoder: true }, "wav2vec2.feature_extractor."],
      [{ freezeBaseModel: true }, "wav2vec2."],
      [{ freezeLayers: 2 }, "wav2vec2."],
      [{}, "nothing"],
    ] as const
  ) {
    const model = await buildModel({ ...TINY_CONFIG, layerdrop: 0 }, { seed: 1 });
    const before = await valuesOf(model.parameters);
    const trainer = new Trainer({
      model,
      args: new TrainingArguments({ outputDir, learningRate: 1e-2, maxSteps: 2, ...args }),
      trainDataset: tinySource(10),
      featureExtractor: tinyExtractor(),
      callbacks: [QUIET],
    });
    await trainer.train();
    for (const [name, values] of await valuesOf(model.parameters)) {
      const changed = !values.every((value, i) => value === before.get(name)![i]);
      assert.equal(changed, !name.startsWith(frozen), name);
    }
    model.dispose();
  }
});

async function valuesOf(
  parameters: ReadonlyMap<string, Variable>,
): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, variable] of parameters) {
    values.set(name, await variable.data() as Float32Array);
  }
  return values;
}

runTest("Trainer evaluates and predicts another data set", async (outputDir) => {
  const model = await buildModel(TINY_CONFIG, { seed: 1 });
  const trainer = new Trainer({
    model,
    args: new TrainingArguments({ outputDir, perDeviceEvalBatchSize: 3 }),
    trainDataset: tinySource(10),
    featureExtractor: tinyExtractor(),
  });
  await assert.rejects(trainer.evaluate(), {
    name: "TypeError",
    message: /expected an evalDataset/,
  });
  const metrics = await trainer.evaluate(tinySource(7));
  const keys = ["eval_loss", "eval_accuracy", "eval_runtime"];
  assert.deepEqual(Object.keys(metrics), [
    ...keys,
    "eval_samples_per_second",
    "eval_steps_per_second",
  ]);
  const { logits, labels, loss } = await trainer.predict(tinySource(7));
  assert.deepEqual([logits.length, labels.length, loss], [35, 7, metrics.eval_loss]);
  model.dispose();
});

deviceTest("Trainer leaks no tensor from step to step, nor from run to run", async () => {
  const outputDir = await Deno.makeTempDir();
  const config = { layerdrop: 0 };
  const args = { saveStrategy: "no", loggingStrategy: "no", numTrainEpochs: 2 } as const;
  const before = engine().memory().numTensors;
  const counts: number[] = [];
  const callbacks = [{ onStepEnd: () => counts.push(engine().memory().numTensors) }];
  await tinyRun({ outputDir, config, args, callbacks });
  await Deno.remove(outputDir, { recursive: true });
  assert.deepEqual(counts.slice(1), counts.slice(1).fill(counts[1]!));
  assert.equal(engine().memory().numTensors, before);
});
