/**
 * That every architecture learns: a few steps of the trainer on tones, from random weights, halve the loss.
 *
 * What each makes of speech is measured by `deno task bench:run learning`, which takes longer and a data set.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MODEL_TYPES, modelRecipe, type ModelSize } from "../../model_recipes.ts";
import { type FeatureExtractor, featureExtractorFromConfig } from "../../../src/features/mod.ts";
import { buildModel } from "../../../src/models/mod.ts";
import { architectureOf } from "../../../src/models/registry.ts";
import { Random } from "../../../src/random.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import type { Batch, BatchSource } from "../../../src/train/batches/batches.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { QUIET, runTest } from "../_tiny_run.ts";

const LABELS = ["low", "middle", "high"];
const PITCHES_HZ = [300, 800, 1700];
const CLIPS = 12;
const CLIP_SEC = 0.2;

const SIZE: ModelSize = {
  hidden: 16,
  layers: 1,
  heads: 2,
  wide: 32,
  convolutions: { channels: 16, widths: [10, 8, 4], strides: [5, 4, 4] },
  positions: { width: 8, groups: 4 },
  samplingRate: 8_000,
  ast: { frames: 98, bands: 32 },
  ced: { frames: 101, bands: 16, patch: 8 },
  pairs: { bands: 16 },
  whisper: { seconds: 1, bands: 16 },
  initializerRange: 0.1,
};

/** A noisy tone of the clip's class. */
function clip(place: number, rateHz: number): Float32Array {
  const random = new Random(place);
  const radians = 2 * Math.PI * PITCHES_HZ[place % LABELS.length]! / rateHz;
  const phase = random.uniform() * 2 * Math.PI;
  return Float32Array.from(
    { length: rateHz * CLIP_SEC },
    (_, i) => 0.5 * Math.sin(i * radians + phase) + 0.02 * random.normal(),
  );
}

/** All clips as one batch, as the extractor of a model makes it. */
function toneBatches(extractor: FeatureExtractor): BatchSource {
  const clips = Array.from({ length: CLIPS }, (_, i) => clip(i, extractor.samplingRate));
  const { inputValues, shape, lengths } = extractor.extract(clips);
  const labels = Int32Array.from(clips, (_, i) => i % LABELS.length);
  const fixed = extractor.fixedSamples !== undefined;
  const batch: Batch = { inputs: inputValues, shape, labels, lengths: fixed ? lengths : undefined };
  return {
    size: CLIPS,
    batchCount: () => 1,
    async *batches() {
      yield await Promise.resolve(batch);
    },
  };
}

Deno.test("the models of the benches are those that the registry knows", () => {
  assert.equal(MODEL_TYPES.length, 14);
  for (const type of MODEL_TYPES) assert.equal(architectureOf(type, "x").modelType, type);
});

for (const modelType of MODEL_TYPES) {
  runTest(`Trainer teaches ${modelType} three tones from random weights`, async (outputDir) => {
    const { config, preprocessor } = modelRecipe(modelType, SIZE);
    const model = await buildModel(config, { labels: LABELS, seed: 1 });
    const featureExtractor = featureExtractorFromConfig(preprocessor);
    const data = toneBatches(featureExtractor);
    const trainer = new Trainer({
      model,
      args: new TrainingArguments({
        outputDir,
        learningRate: 1e-2,
        maxSteps: 30,
        perDeviceTrainBatchSize: CLIPS,
        perDeviceEvalBatchSize: CLIPS,
        evalStrategy: "no",
        saveStrategy: "no",
      }),
      trainDataset: data,
      featureExtractor,
      callbacks: [QUIET],
    });
    const { eval_loss: start } = await trainer.evaluate(data);
    const { trainingLoss } = await trainer.train();
    // The running statistics of EfficientAT's norms, which evaluation uses, lag behind so few steps.
    const lags = modelType === "efficientat";
    const end = lags ? trainingLoss : (await trainer.evaluate(data)).eval_loss;
    model.dispose();
    assert.ok(end! < start! / 2, `loss ${start} before, ${end} after`);
  });
}
