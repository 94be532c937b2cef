/**
 * The training arguments on the command line: their options, a JSON file of them, and the preset's.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { directoryFiles } from "../files.ts";
import {
  checkOption,
  type OptionRow,
  TRAINING_OPTIONS,
  TrainingArguments,
  type TrainingOptions,
} from "../train/options/arguments.ts";
import { PROBLEM_TYPES } from "../models/problem_type.ts";
import { metricNames } from "../train/metrics/metric_sets.ts";
import { type RecipeName, suggestedArguments } from "../train/options/recipes.ts";
import { readJsonFile } from "../weights/json_file.ts";
import {
  type OptionSpec,
  type OptionSpecs,
  type ParsedArguments,
  UsageError,
} from "./_arguments.ts";

/** "learningRate" as "learning-rate". */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** "learning-rate" and "learning_rate" as "learningRate". */
function camel(name: string): string {
  return name.replace(/[-_]+(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The training arguments as options of the command line. */
export function trainingOptionSpecs(): OptionSpecs {
  const rows = Object.entries(TRAINING_OPTIONS);
  return Object.fromEntries(rows.map(([name, row]) => [kebab(name), optionSpec(row)]));
}

function optionSpec(row: OptionRow): OptionSpec {
  if (row.kind === "boolean") return { kind: "flag", help: row.help, on: row.default };
  if (row.kind === "numbers") return { kind: "string", value: "JSON", help: row.help };
  const help = row.default === undefined ? row.help : `${row.help} (${row.default})`;
  if (row.kind === "number") return { kind: "number", help };
  return { kind: "string", value: valueOf(row), help };
}

/** What stands for the value in the help. */
function valueOf(row: Exclude<OptionRow, { kind: "number" | "boolean" | "numbers" }>): string {
  if (row.kind === "text") return "NAME";
  if (row.kind === "word") return row.words.join("|");
  return [...row.words, row.of === "number" ? "N,N,..." : "NAME,..."].join("|");
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
    try {
      return [camel(name), checkOption(camel(name), value)];
    } catch (cause) {
      const message = (cause as Error).message;
      const named = message.replace(/training argument "\w*"/, () => called(name));
      throw new UsageError(named, { cause });
    }
  });
  return Object.fromEntries(options);
}

/**
 * What preset or fine-tuning and a recipe suggest, with what was given in its place.
 *
 * @throws {UsageError} when arguments contradict each other.
 */
export function trainingArguments(
  { model, recipe }: { model: string; recipe?: RecipeName },
  given: Partial<TrainingOptions> & { outputDir: string },
): TrainingArguments {
  const options = { ...suggestedArguments(model, recipe), ...given };
  const { evalStrategy = "epoch", saveStrategy = "epoch", metricForBestModel: metric } = options;
  if (metric !== undefined && !METRICS.includes(metric.replace(/^eval_/, ""))) {
    throw new UsageError(
      `Cannot use argument "--metric-for-best-model": expected ${
        METRICS.join(", ")
      }, found "${metric}"`,
    );
  }
  if (given.loadBestModelAtEnd === undefined && !keepsBest(evalStrategy, saveStrategy, options)) {
    options.loadBestModelAtEnd = false;
  }
  try {
    return new TrainingArguments(options);
  } catch (cause) {
    const message = (cause as Error).message.replace(/\b[a-z]+[A-Z]\w+/g, (name) => kebab(name));
    throw new UsageError(message, { cause });
  }
}

/** What the command line measures of any kind of problem. */
const METRICS: readonly string[] = [
  "loss",
  ...new Set(PROBLEM_TYPES.flatMap((problemType) => metricNames(problemType, Infinity))),
];

/** Whether each evaluation has a checkpoint of its own. */
function keepsBest(
  evalStrategy: string,
  saveStrategy: string,
  { evalSteps = 500, saveSteps = 500 }: Partial<TrainingOptions>,
): boolean {
  if (evalStrategy === "no" || evalStrategy !== saveStrategy) return false;
  return evalStrategy === "epoch" || saveSteps % evalSteps === 0;
}
