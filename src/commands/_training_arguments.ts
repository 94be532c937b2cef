/**
 * The training arguments on the command line: their options, a JSON file of them, and the preset's.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { directoryFiles } from "../files.ts";
import {
  camelCase,
  canKeepBest,
  checkEffectless,
  checkOption,
  EFFECTLESS_OPTIONS,
  isDerived,
  isEffectless,
  OPTION_NAMES,
  type OptionName,
  optionName,
  type OptionRow,
  TRAINING_OPTIONS,
  TrainingArguments,
  type TrainingOptions,
} from "../train/options/arguments.ts";
import { PROBLEM_TYPES } from "../models/problem_type.ts";
import { metricNames } from "../train/metrics/metric_sets.ts";
import { isPreset } from "../train/options/presets.ts";
import { type RecipeName, suggestedArguments } from "../train/options/recipes.ts";
import { readJsonFile } from "../weights/json_file.ts";
import {
  type OptionSpec,
  type OptionSpecs,
  type ParsedArguments,
  UsageError,
} from "./_arguments.ts";
import { inFlags, kebabCase } from "./_flags.ts";

/** The training arguments as options of the command line. */
export function trainingOptionSpecs(): OptionSpecs {
  // A token on a command line is seen by all who list processes.
  const names = OPTION_NAMES.filter((name) => name !== "hubToken");
  return {
    ...Object.fromEntries(names.map((name) => [kebabCase(name), optionSpec(name)])),
    ...Object.fromEntries(
      Object.entries(EFFECTLESS_OPTIONS).map(([name, row]) => [kebabCase(name), hiddenSpec(row)]),
    ),
  };
}

/** What is taken for scripts that have it, and is not shown. */
function hiddenSpec({ kind, help, default: byDefault }: OptionRow<unknown>): OptionSpec {
  if (kind === "flag") return { kind, help, on: byDefault === true, isHidden: true };
  return { kind: kind === "number" ? kind : "string", help, isHidden: true };
}

function optionSpec(name: OptionName): OptionSpec {
  const { kind, value, help: what, default: byDefault } = TRAINING_OPTIONS[name];
  const usual = usually(byDefault);
  const isShown = usual !== "" && (kind !== "flag" || isDerived(byDefault));
  const help = inFlags(isShown ? `${what} (${usual})` : what);
  if (kind === "flag") return { kind, help, on: byDefault === true };
  return kind === "number" ? { kind, help } : { kind: "string", value, help };
}

/** A default, as a help shows it. */
function usually(byDefault: unknown): string {
  if (isDerived(byDefault)) return byDefault.text;
  return Array.isArray(byDefault) || typeof byDefault !== "object" ? String(byDefault) : "";
}

/**
 * Training arguments that were given as options, each checked.
 *
 * @throws {UsageError} naming the option whose value is out of range.
 */
export function givenTrainingOptions(given: ParsedArguments["others"]): Partial<TrainingOptions> {
  return checked(Object.entries(given), (name) => `argument "--${name}"`);
}

/**
 * Training arguments from a JSON file, in camelCase, snake_case or kebab-case.
 *
 * @throws {UsageError} naming the file, and the argument that is unknown or out of range.
 */
export async function configFile(file: string): Promise<Partial<TrainingOptions>> {
  const json = await readJsonFile(directoryFiles(dirname(file)), basename(file)).catch((cause) => {
    throw new UsageError((cause as Error).message, { cause });
  });
  return checked(Object.entries(json), (name) => `argument "${name}" of "${file}"`);
}

/** Options under their names in code; an error says what the user called them. */
function checked(
  given: [name: string, value: unknown][],
  called: (name: string) => string,
): Partial<TrainingOptions> {
  const options = given.map(([name, value]) => {
    const inCode = camelCase(name);
    if (inCode === "hubToken") throw new UsageError(...TOKEN_IN_FILE);
    try {
      return [inCode, checkedValue(inCode, value)];
    } catch (cause) {
      const { message, hint } = asError(cause);
      const named = message.replace(/training argument "\w*"/, () => called(name));
      throw new UsageError(named, { hint, cause });
    }
  });
  return Object.fromEntries(options);
}

function checkedValue(inCode: string, value: unknown): unknown {
  if (inCode === "outputDir") return value;
  return isEffectless(inCode)
    ? checkEffectless(inCode, value)
    : checkOption(optionName(inCode), value);
}

/**
 * What preset or fine-tuning and a recipe suggest, with what was given in its place.
 *
 * @throws {UsageError} when arguments contradict each other.
 */
export function trainingArguments(
  { model, recipe, clipSeconds }: { model: string; recipe?: RecipeName; clipSeconds?: number },
  given: Partial<TrainingOptions> & { outputDir: string },
): TrainingArguments {
  const options = { ...suggested(model, recipe, clipSeconds), ...given };
  const { metricForBestModel: metric } = options;
  if (metric !== undefined && !METRICS.includes(metric.replace(/^eval_/, ""))) {
    throw new UsageError(
      `Cannot use argument "--metric-for-best-model": expected ${
        METRICS.join(", ")
      }, found "${metric}"`,
    );
  }
  try {
    // A suggestion to keep the best gives way to what was asked for.
    const isSuggested = options.loadBestModelAtEnd && given.loadBestModelAtEnd === undefined;
    if (isSuggested) options.loadBestModelAtEnd = canKeepBest(options);
    return new TrainingArguments(options);
  } catch (cause) {
    throw new UsageError(asError(cause).message, { cause });
  }
}

function suggested(
  model: string,
  recipe?: RecipeName,
  clipSeconds?: number,
): Partial<TrainingOptions> {
  if (clipSeconds !== undefined && !isPreset(model)) {
    throw new UsageError(
      `Cannot use argument "--clip-seconds": expected a preset as model, found "${model}"`,
    );
  }
  try {
    return suggestedArguments(model, recipe, { clipSeconds });
  } catch (cause) {
    throw new UsageError(asError(cause).message, { cause });
  }
}

/** What is wrong with a token in a file, and what to do. */
const TOKEN_IN_FILE: ConstructorParameters<typeof UsageError> = [
  'Cannot use argument "hub_token": a token is not kept beside the arguments of a run',
  { hint: "Put it into HF_TOKEN, or type login" },
];

/** What the command line measures of any kind of problem. */
const METRICS: readonly string[] = [
  "loss",
  ...new Set(PROBLEM_TYPES.flatMap((problemType) => metricNames(problemType, Infinity))),
];

function asError(thrown: unknown): { message: string; hint?: string } {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const hint = "hint" in thrown && typeof thrown.hint === "string" ? thrown.hint : undefined;
  return { message: thrown.message, hint };
}
