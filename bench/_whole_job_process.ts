/**
 * A training job of `whole_job.ts` in this process: data set, epochs, and the accuracy on the test split.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { loadTrainingSplits } from "../src/data/training_splits.ts";
import { useDevice } from "../src/devices.ts";
import { loadFeatureExtractor } from "../src/features/mod.ts";
import { directoryFiles } from "../src/files.ts";
import { loadPretrained } from "../src/pretrained.ts";
import { clipBatches } from "../src/train/batches/clip_batches.ts";
import { Trainer } from "../src/train/loop/trainer.ts";
import { TrainingArguments } from "../src/train/options/arguments.ts";
import { peakRssMb, readRequest, sinceSpawn } from "./_process.ts";

/** The job, the same for all engines. */
export interface JobRequest {
  /** An audio folder with the splits `train` and `test`. */
  data: string;
  /** A model with random weights and the labels of the data. */
  directory: string;
  scratch: string;
  threads: number;
  epochs: number;
  batch: number;
  learningRate: number;
  warmupRatio: number;
  weightDecay: number;
  seed: number;
}

/** What it took, from the start of the process to the accuracy. */
export interface JobFound {
  wallMs: number;
  processorMs: number;
  rssMb: number;
  /** Share of the test clips that are named. */
  accuracy: number;
}

if (import.meta.main) {
  const request = readRequest<JobRequest>();
  const { data, directory, scratch, batch, epochs, threads, seed } = request;
  const device = await useDevice({ backend: "wasm", threads, purpose: "training" });
  const featureExtractor = await loadFeatureExtractor(directoryFiles(directory));
  const model = await loadPretrained(directory);
  const { splits: { train, test } } = await loadTrainingSplits(data, { labels: model.labels });
  const batchesOf = (set: typeof train) => clipBatches(set!, model, featureExtractor, { seed });
  const trainer = new Trainer({
    model,
    featureExtractor,
    args: new TrainingArguments({
      outputDir: await Deno.makeTempDir({ dir: scratch }),
      learningRate: request.learningRate,
      warmupRatio: request.warmupRatio,
      weightDecay: request.weightDecay,
      perDeviceTrainBatchSize: batch,
      perDeviceEvalBatchSize: batch,
      numTrainEpochs: epochs,
      evalStrategy: "no",
      saveStrategy: "no",
      seed,
    }),
    trainDataset: batchesOf(train),
    callbacks: [{ showsProgress: true }],
  });
  await trainer.train();
  const { eval_accuracy: accuracy } = await trainer.evaluate(batchesOf(test));
  const { user, system } = cpuUsage();
  const found: JobFound = {
    wallMs: sinceSpawn(request),
    processorMs: (user + system) / 1000,
    rssMb: peakRssMb(),
    accuracy: accuracy!,
  };
  model.dispose();
  device.dispose();
  console.log(JSON.stringify(found));
}
