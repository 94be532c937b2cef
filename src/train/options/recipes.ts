/**
 * Recipes: for a task, the data, the checkpoint and the training arguments that are known to learn it.
 *
 * @module
 */
import { RECIPES } from "./_recipe_data.ts";
import type { TrainingOptions } from "./arguments.ts";
import { BACKBONE_TUNING, FINE_TUNING, isPreset, presetOf } from "./presets.ts";

export { RECIPES };

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
  /** The classes, in a few words. */
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

/** Whether a word is the name of a recipe. */
export function isRecipe(name: string): name is RecipeName {
  return Object.hasOwn(RECIPES, name);
}

/** The name of the model that comes with the package to start from. */
const BACKBONE = "backbone";

/**
 * The training arguments that suit a model: those of a preset, of the backbone or of other fine-tuning, and a recipe's in
 * their place.
 *
 * @param model a preset, or anything that names a checkpoint.
 * @param recipe the recipe; without one the model alone decides.
 * @param options `clipSeconds`: what clips a preset that sees spectrograms is made for, where not its own.
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
export function suggestedArguments(
  model: string,
  recipe?: RecipeName,
  { clipSeconds }: { clipSeconds?: number } = {},
): Partial<TrainingOptions> {
  const own = recipe && RECIPES[recipe];
  return isPreset(model)
    ? { ...presetOf(model, clipSeconds).args, ...own?.fromScratch }
    : { ...model === BACKBONE ? BACKBONE_TUNING : FINE_TUNING, ...own?.fineTuning };
}
