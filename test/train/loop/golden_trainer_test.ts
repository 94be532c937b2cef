/**
 * The reference Trainer's run, step by step: loss, gradient norm, learning rate, evaluation and final scores; and a
 * plain run with accumulated batches.
 *
 * @module
 */
import assert from "node:assert/strict";
import { AutoFeatureExtractor } from "../../../src/pretrained.ts";
import { buildModel } from "../../../src/models/model.ts";
import type { AudioClassificationModel } from "../../../src/models/model.ts";
import { TrainingArguments, type TrainingOptions } from "../../../src/train/options/arguments.ts";
import type { Batch, BatchSource } from "../../../src/train/batches/batches.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { QUIET } from "../_tiny_run.ts";
import { bytesSource } from "../../../src/weights/byte_source.ts";
import { openSafetensors } from "../../../src/weights/safetensors.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";
import { kitPath, type KitTensor, readJson, readTensors } from "../../kit.ts";

const CASE = kitPath("trainer");

/** Clips of equal length in the order that they are stored in. */
function storedBatches(inputs: KitTensor, labels: KitTensor): BatchSource {
  const [size, samples] = inputs.shape as [number, number];
  return {
    size,
    batchCount: (batchSize) => Math.ceil(size / batchSize),
    async *batches(_epoch, { batchSize, skip = 0 }): AsyncIterable<Batch> {
      for (let at = skip * batchSize; at < size; at += batchSize) {
        const end = Math.min(size, at + batchSize);
        yield await Promise.resolve({
          inputs: inputs.values.slice(at * samples, end * samples) as Float32Array,
          shape: [end - at, samples],
          labels: Int32Array.from(labels.values.slice(at, end)),
        });
      }
    },
  };
}

/** The model before training; with the evaluation-mode settings of the kit, no dropout of any kind. */
async function initialModel(): Promise<AudioClassificationModel> {
  const bytes = await Deno.readFile(`${CASE}/init/model.safetensors`);
  const source = await openSafetensors(bytesSource("model.safetensors", bytes));
  return await buildModel(await readJson(`${CASE}/init/config.json`), { source });
}

interface Run {
  trainer: Trainer;
  test: BatchSource;
  outputDir: string;
}

async function runTrainer(options: Partial<TrainingOptions>): Promise<Run> {
  const tensors = await readTensors(`${CASE}/inputs.safetensors`);
  const train = storedBatches(tensors.get("train.input_values")!, tensors.get("train.labels")!);
  const test = storedBatches(tensors.get("test.input_values")!, tensors.get("test.labels")!);
  const outputDir = await Deno.makeTempDir();
  const args = new TrainingArguments({
    outputDir,
    learningRate: 4e-3,
    warmupRatio: 0.1,
    weightDecay: 0.01,
    loggingStrategy: "steps",
    loggingSteps: 1,
    ...options,
  });
  const featureExtractor = await AutoFeatureExtractor.fromPretrained(`${CASE}/init`);
  const model = await initialModel();
  const trainer = new Trainer({
    model,
    args,
    trainDataset: train,
    evalDataset: test,
    featureExtractor,
    callbacks: [QUIET],
  });
  await trainer.train();
  const scores = await trainer.predict(test);
  await Deno.remove(outputDir, { recursive: true });
  model.dispose();
  return { trainer, test, outputDir, ...{ scores } } as Run & { scores: typeof scores };
}

type Log = Record<string, number>[];

function column(log: Log, key: string): number[] {
  return log.filter((entry) => entry[key] !== undefined).map((entry) => entry[key]!);
}

deviceTest("Trainer reproduces the reference's run step by step", async () => {
  const run = await runTrainer({
    metricForBestModel: "accuracy",
    loadBestModelAtEnd: true,
  }) as Run & { scores: { logits: Float32Array } };
  const expected = await readJson<Log>(`${CASE}/log_history.json`);
  const { logHistory: log, bestGlobalStep } = run.trainer.state;
  for (const key of ["loss", "eval_loss"]) {
    assertAllClose(column(log, key), column(expected, key), { atol: 1e-3, label: key });
  }
  assertAllClose(column(log, "grad_norm"), column(expected, "grad_norm"), {
    rtol: 1e-2,
    label: "norm",
  });
  const rates = column(expected, "learning_rate");
  assertAllClose(column(log, "learning_rate"), rates, { atol: 1e-12, label: "learning rate" });
  assert.deepEqual(column(log, "eval_accuracy"), column(expected, "eval_accuracy"));
  assert.equal(bestGlobalStep, 24);
  const logits = (await readTensors(`${CASE}/expected.safetensors`)).get("final.test_logits")!;
  assertAllClose(run.scores.logits, logits.values, { atol: 1e-2, label: "final logits" });
}, { needsKit: true });

deviceTest("Trainer averages accumulated batches over all their clips", async () => {
  const run = await runTrainer({
    numTrainEpochs: 6,
    gradientAccumulationSteps: 4,
    evalStrategy: "no",
    saveStrategy: "no",
  }) as Run & { scores: { logits: Float32Array } };
  const { log: expected } = await readJson<{ log: Log }>(`${CASE}/accumulation.json`);
  const { logHistory: log } = run.trainer.state;
  assertAllClose(column(log, "loss"), column(expected, "loss"), { atol: 1e-3, label: "loss" });
  const norms = column(expected, "grad_norm");
  assertAllClose(column(log, "grad_norm"), norms, { rtol: 1e-2, label: "norm" });
  const logits = (await readTensors(`${CASE}/expected.safetensors`)).get(
    "accumulation.test_logits",
  )!;
  assertAllClose(run.scores.logits, logits.values, { atol: 1e-2, label: "logits" });
}, { needsKit: true });
