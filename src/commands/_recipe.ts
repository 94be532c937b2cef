/**
 * `--recipe`: what `train` takes where nothing else is named.
 *
 * @module
 */
import { isRecipe, type RecipeName, RECIPES } from "../train/options/recipes.ts";
import { type OptionSpecs, type ParsedArguments, UsageError } from "./_arguments.ts";

type Options = ParsedArguments["options"];

const NAMES = Object.keys(RECIPES);

/** The option. */
export const RECIPE_OPTION: OptionSpecs = {
  recipe: {
    kind: "text",
    value: NAMES.join("|"),
    help: "data, checkpoint and arguments that are known to learn a task, unless others are named",
  },
};

/**
 * The recipe that is asked for.
 *
 * @throws {UsageError} where there is none of that name.
 */
export function recipeOf({ recipe }: Options): RecipeName | undefined {
  const name = recipe as string | undefined;
  if (name === undefined || isRecipe(name)) return name;
  throw new UsageError(
    `Cannot use argument "--recipe": expected ${NAMES.join(", ")}, found "${name}"`,
  );
}

/** The options with the recipe's model and data where there are no others; its columns belong to its data alone. */
export function withRecipe(options: Options, recipe: RecipeName | undefined): Options {
  if (recipe === undefined) return options;
  const { data: { source, name, labelColumn }, model } = RECIPES[recipe];
  const data = {
    data: source,
    ...name && { "data-name": name },
    ...labelColumn && { "label-column": labelColumn },
  };
  return { model, ...options.data === undefined ? data : {}, ...options };
}

/** What a recipe is for, and what it comes to. */
export function recipeLine(recipe: RecipeName): string {
  const { task, expected } = RECIPES[recipe];
  return `Recipe: ${recipe} (${task}); ${expected}`;
}
