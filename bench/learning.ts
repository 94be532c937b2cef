/**
 * Whether every architecture learns: a small model of each, from random weights, on a few spoken digits.
 *
 * The path is that of `deno task train`: audio folder, batches, extractor, trainer. The loss is that of the training
 * clips before the first and after the last step; the run fails unless each falls below half of its start.
 *
 * @module
 */
import type { AudioDataset } from "../src/data/audio_dataset.ts";
import { loadTrainingSplits } from "../src/data/training_splits.ts";
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { TrainingArguments } from "../src/train/options/arguments.ts";
import { clipBatches } from "../src/train/batches/clip_batches.ts";
import { Trainer } from "../src/train/loop/trainer.ts";
import { MODEL_TYPES, modelRecipe, type ModelSize } from "../test/model_recipes.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { fromWhereTyped, ROOT } from "./_process.ts";
import { type BenchRow, rowOf } from "./_records.ts";

/**
 * All but CED and EfficientAT: their running statistics lag behind so few steps, and they hear the padding of training,
 * which evaluation leaves out.
 */
const LEARNERS = MODEL_TYPES.filter((modelType) => !["ced", "efficientat"].includes(modelType));

/** `learning`. */
export const question: Question = {
  asks: "Does every architecture learn from random weights?",
  options: {
    data: { help: "the Free Spoken Digit Dataset", default: `${ROOT}/../shared/data/fsdd` },
    only: { help: "architectures, separated by commas", default: LEARNERS.join(",") },
  },
  answer,
};

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
  ced: { frames: 101, bands: 64, patch: 8 },
  pairs: { bands: 40 },
  whisper: { seconds: 1, bands: 40 },
  initializerRange: 0.06,
};

interface Learned {
  startLoss: number;
  endLoss: number;
  /** Share of the training clips that the trained model names. */
  accuracy: number;
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
    callbacks: [{ showsProgress: true }],
  });
  const before = await trainer.evaluate(data);
  const { seconds } = await trainer.train();
  const after = await trainer.evaluate(data);
  model.dispose();
  return {
    startLoss: before.eval_loss!,
    endLoss: after.eval_loss!,
    accuracy: after.eval_accuracy!,
    seconds,
  };
}

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const types = options.someOf("only", MODEL_TYPES);
  const device = await startWasm({ threads: 1 });
  const dataset = await digits(fromWhereTyped(options.text("data")));
  const dir = await Deno.makeTempDir({ prefix: "earshot-learning-" });
  const failed: string[] = [];
  try {
    for (const type of types) {
      notes.progress(type);
      const { startLoss, endLoss, accuracy, seconds } = await learn(type, dataset, dir);
      if (!(endLoss < startLoss / 2)) failed.push(type);
      yield rowOf(`${type}: loss before`, startLoss, "loss");
      yield rowOf(`${type}: loss after`, endLoss, "loss");
      yield rowOf(`${type}: training clips named`, 100 * accuracy, "%");
      yield rowOf(`${type}: time`, seconds, "s");
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
    device.dispose();
  }
  if (failed.length === 0) return;
  throw new RangeError(`Cannot train ${failed.join(", ")}: expected the loss to fall by half`);
}
