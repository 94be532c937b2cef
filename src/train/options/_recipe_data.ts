/**
 * The recipes as data; `recipes.ts` reads them.
 *
 * What each is expected to come to is its source's figure, or was measured here, and says which; the
 * sources and the measurements are in `docs/recipes.md`.
 *
 * @module
 */
import type { Recipe, RecipeName } from "./recipes.ts";

/** The recipes by name. */
export const RECIPES: Readonly<Record<RecipeName, Recipe>> = {
  "minds14": {
    task: "what callers of a bank want, 14 intents",
    data: { source: "PolyAI/minds14", name: "en-US", labelColumn: "intent_class" },
    model: "facebook/wav2vec2-base",
    fineTuning: { learningRate: 5e-5, perDeviceTrainBatchSize: 8, numTrainEpochs: 10 },
    fromScratch: {},
    expected: "accuracy 0.76 by its source, not measured here; " +
      "tiny from scratch: 0.982 on the bundled calls, measured here",
  },
  "keyword-spotting": {
    task: "single words of about a second",
    data: { source: "s3prl/superb", name: "ks" },
    model: "facebook/wav2vec2-base",
    fineTuning: {
      learningRate: 3e-5,
      perDeviceTrainBatchSize: 32,
      gradientAccumulationSteps: 4,
      perDeviceEvalBatchSize: 32,
      numTrainEpochs: 5,
      maxLengthSeconds: 1,
      freezeFeatureEncoder: true,
    },
    fromScratch: {
      perDeviceTrainBatchSize: 16,
      numTrainEpochs: 40,
      maxLengthSeconds: 1,
      augmentShiftSeconds: 0.1,
    },
    expected: "accuracy 0.98 by its source, not measured here; " +
      "tiny from scratch: 0.988 on spoken digits, measured here",
  },
  "language-id": {
    task: "which of 45 languages is spoken",
    data: { source: "speechbrain/common_language", name: "full", labelColumn: "language" },
    model: "facebook/wav2vec2-base",
    fineTuning: {
      learningRate: 3e-4,
      perDeviceTrainBatchSize: 8,
      gradientAccumulationSteps: 4,
      numTrainEpochs: 10,
      maxLengthSeconds: 16,
      freezeFeatureEncoder: true,
    },
    fromScratch: { maxLengthSeconds: 16 },
    expected: "accuracy 0.78 by its source, not measured here",
  },
  "environment": {
    task: "sounds of 50 kinds: dogs, rain, sirens",
    data: { source: "ashraq/esc50", labelColumn: "category" },
    model: "MIT/ast-finetuned-audioset-10-10-0.4593",
    fineTuning: {
      learningRate: 1e-5,
      perDeviceTrainBatchSize: 8,
      gradientAccumulationSteps: 3,
      numTrainEpochs: 10,
    },
    fromScratch: {},
    expected: "accuracy 0.93 by its source, with a sister checkpoint; not measured here",
  },
};
