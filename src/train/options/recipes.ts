/**
 * Recipes: for a task, the data, the checkpoint and the training arguments that are known to learn it.
 *
 * What each is expected to come to is its source's figure, or was measured here, and says which; the
 * sources and the measurements are in `docs/recipes.md`.
 *
 * @module
 */
import type { TrainingOptions } from "./arguments.ts";
import { FINE_TUNING, isPreset, PRESETS } from "./presets.ts";

/** Where a recipe's clips are on the hub. */
export interface RecipeData {
  /** The id of the data set. */
  source: string;
  /** Its configuration. @default the only one */
  name?: string;
  /** The column of labels. @default "label", or the only column of classes */
  labelColumn?: string;
}

/** A task, and how to learn it. */
export interface Recipe {
  /** What is told apart. */
  task: string;
  /** The clips, where no others are named. */
  data: RecipeData;
  /** The checkpoint to start from, where no other is named. */
  model: string;
  /** Training arguments for a checkpoint. */
  fineTuning: Partial<TrainingOptions>;
  /** Training arguments for a preset, in place of those that it brings. */
  fromScratch: Partial<TrainingOptions>;
  /** What comes of it, and who says so. */
  expected: string;
}

/** The names of the recipes. */
export type RecipeName = "minds14" | "keyword-spotting" | "language-id" | "environment";

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

/** Whether a word is the name of a recipe. */
export function isRecipe(name: string): name is RecipeName {
  return Object.hasOwn(RECIPES, name);
}

/**
 * The training arguments that suit a model: those of a preset or of fine-tuning, and a recipe's in their place.
 *
 * @param model a preset, or anything that names a checkpoint.
 * @param recipe the recipe; without one the model alone decides.
 *
 * @example
 * ```ts
 * import { suggestedArguments } from "@earshot/earshot/train";
 * import { equal } from "node:assert/strict";
 *
 * equal(suggestedArguments("facebook/wav2vec2-base", "minds14").learningRate, 5e-5);
 * equal(suggestedArguments("tiny", "minds14").learningRate, 2e-3);
 * ```
 */
export function suggestedArguments(model: string, recipe?: RecipeName): Partial<TrainingOptions> {
  const own = recipe && RECIPES[recipe];
  return isPreset(model)
    ? { ...PRESETS[model].args, ...own?.fromScratch }
    : { ...FINE_TUNING, ...own?.fineTuning };
}
