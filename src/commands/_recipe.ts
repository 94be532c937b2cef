/**
 * `--recipe`: what `train` takes where nothing else is named.
 *
 * @module
 */
import { type RecipeName, RECIPES } from "../train/options/recipes.ts";
import type { OptionSpecs } from "./_arguments.ts";

const NAMES = Object.keys(RECIPES) as RecipeName[];

/** The option. */
export const RECIPE_OPTION = {
  recipe: {
    kind: "choice",
    choices: NAMES,
    help: "data, checkpoint and arguments that are known to learn a task, unless others are named",
  },
} as const satisfies OptionSpecs;

/** The options that a recipe has values for. */
interface RecipeValues {
  readonly recipe?: RecipeName;
  readonly data?: string;
  readonly model?: string;
  readonly "data-name"?: string;
  readonly "label-column"?: string;
}

/** The options with the recipe's model and data where there are no others; its columns belong to its data alone. */
export function withRecipe<Values extends RecipeValues>(options: Values): Values {
  const { recipe } = options;
  if (recipe === undefined) return options;
  const { data: { source, name, labelColumn }, model } = RECIPES[recipe];
  const data = {
    data: source,
    ...name && { "data-name": name },
    ...labelColumn && { "label-column": labelColumn },
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...options, model, ...options.data === undefined && data, ...Object.fromEntries(given) };
}

/** What a recipe is for, and what it comes to. */
export function recipeLine(recipe: RecipeName): string {
  const { task, expected } = RECIPES[recipe];
  return `Recipe: ${recipe} (${task}); ${expected}`;
}
