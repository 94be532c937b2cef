/**
 * Whether every architecture learns: a small model of each, from random weights, on a few spoken digits.
 *
 *     deno run --allow-read --allow-write --allow-env bench/learning.ts [--data DIR] [--json FILE] [--only MODEL_TYPE]
 *
 * The path is that of `deno task train`: audio folder, batches, extractor, trainer. The loss is that of the training
 * clips before the first and after the last step; the exit code is 1 unless each falls below half of its start.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { AudioDataset } from "../src/data/audio_dataset.ts";
import { loadTrainingSplits } from "../src/data/training_splits.ts";
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { TrainingArguments } from "../src/train/options/arguments.ts";
import { clipBatches } from "../src/train/batches/clip_batches.ts";
import { Trainer } from "../src/train/loop/trainer.ts";
import { MODEL_TYPES, modelRecipe, type ModelSize } from "./eleven_models.ts";

const DIGITS = ["zero", "one", "two", "three"];
const CLIPS_PER_DIGIT = 16;
const BATCH = 16;
const EPOCHS = 50;
const LEARNING_RATE = 2e-3;
const SEED = 42;

const SIZE: ModelSize = {
  hidden: 48,
  layers: 2,
  heads: 4,
  wide: 96,
  convolutions: { channels: 32, widths: [10, 6, 6, 4], strides: [5, 4, 4, 2] },
  positions: { width: 16, groups: 4 },
  samplingRate: 8_000,
  ast: { frames: 98, bands: 64 },
  whisper: { seconds: 1, bands: 40 },
  initializerRange: 0.06,
};

interface Learned {
  modelType: string;
  parameters: number;
  startLoss: number;
  endLoss: number;
  /** Share of the training clips that the trained model names. */
  accuracy: number;
  steps: number;
  seconds: number;
}

/** The same clips at every run: the first of each digit, taken evenly from its list, so that each speaker has some. */
async function digits(dir: string): Promise<AudioDataset> {
  const { splits } = await loadTrainingSplits(dir);
  const { train } = splits;
  if (!train) throw new RangeError(`Cannot use "${dir}": expected a training split, found none`);
  const clips = DIGITS.flatMap((digit, label) => {
    const number = train.labels.indexOf(digit);
    const found = train.clips.filter((clip) => clip.label === number);
    const stride = Math.floor(found.length / CLIPS_PER_DIGIT);
    return found.filter((_, i) => i % stride === 0).slice(0, CLIPS_PER_DIGIT)
      .map(({ file }) => ({ file, label }));
  });
  return { split: "train", labels: DIGITS, clips };
}

async function learn(modelType: string, dataset: AudioDataset, dir: string): Promise<Learned> {
  const { config, preprocessor } = modelRecipe(modelType, SIZE);
  const model = await buildModel(config, { labels: DIGITS, seed: SEED });
  const featureExtractor = featureExtractorFromConfig(preprocessor);
  const data = clipBatches(dataset, model, featureExtractor, { seed: SEED });
  const trainer = new Trainer({
    model,
    args: new TrainingArguments({
      outputDir: `${dir}/${modelType}`,
      learningRate: LEARNING_RATE,
      warmupRatio: 0.1,
      perDeviceTrainBatchSize: BATCH,
      perDeviceEvalBatchSize: BATCH,
      numTrainEpochs: EPOCHS,
      evalStrategy: "no",
      saveStrategy: "no",
      seed: SEED,
    }),
    trainDataset: data,
    featureExtractor,
  });
  const before = await trainer.evaluate(data);
  const { globalStep, seconds } = await trainer.train();
  const after = await trainer.evaluate(data);
  const { parameterCount } = model;
  model.dispose();
  return {
    modelType,
    parameters: parameterCount,
    startLoss: before.eval_loss!,
    endLoss: after.eval_loss!,
    accuracy: after.eval_accuracy!,
    steps: globalStep,
    seconds,
  };
}

function row(learned: Learned): string {
  const cells = [
    `\`${learned.modelType}\``,
    learned.parameters.toLocaleString("en"),
    learned.startLoss.toFixed(3),
    learned.endLoss.toFixed(3),
    `${(learned.accuracy * 100).toFixed(0)} %`,
    `${learned.steps}`,
    learned.seconds.toFixed(1),
  ];
  return `| ${cells.join(" | ")} |`;
}

const { values } = parseArgs({
  options: {
    data: { type: "string", default: `${import.meta.dirname}/../../shared/data/fsdd` },
    json: { type: "string" },
    only: { type: "string" },
  },
});
const device = await startWasm({ threads: 1 });
const dataset = await digits(values.data);
const dir = await Deno.makeTempDir({ prefix: "earshot-learning-" });
const results: Learned[] = [];
console.log(
  "| architecture | parameters | loss before | loss after | accuracy | steps | seconds |",
);
console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
try {
  for (const modelType of MODEL_TYPES.filter((type) => !values.only || type === values.only)) {
    const learned = await learn(modelType, dataset, dir);
    results.push(learned);
    console.log(row(learned));
  }
} finally {
  await Deno.remove(dir, { recursive: true });
  device.dispose();
}
if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(results, null, 2) + "\n");
const failed = results.filter(({ startLoss, endLoss }) => !(endLoss < startLoss / 2));
for (const { modelType } of failed) console.error(`${modelType}: the loss did not fall by half`);
if (failed.length > 0) Deno.exit(1);
