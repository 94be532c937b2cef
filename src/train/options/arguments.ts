/**
 * The arguments of training, checked: of their kind, in range, and not against each other.
 *
 * @module
 */
import {
  type ListRow,
  type NumbersRow,
  type OptionRow,
  TRAINING_OPTIONS,
} from "./_option_table.ts";
import type { TrainingOptions } from "./_training_options.ts";

export { type OptionRow, TRAINING_OPTIONS };
export type {
  IntervalStrategy,
  SamplingStrategy,
  SaveStrategy,
  SchedulerKwargs,
  SchedulerType,
  TrainingOptions,
} from "./_training_options.ts";

/** The arguments with what their defaults came to; a few stay open where nobody gives them. */
export interface TrainingArguments extends
  Readonly<
    Required<
      Omit<
        TrainingOptions,
        "runName" | "augmentNoiseDir" | "hubModelId" | "hubPrivateRepo" | "hubRevision"
      >
    >
  >,
  Readonly<
    Pick<
      TrainingOptions,
      "runName" | "augmentNoiseDir" | "hubModelId" | "hubPrivateRepo" | "hubRevision"
    >
  > {
  /** Where the model and its checkpoints go. */
  readonly outputDir: string;
}

/**
 * The arguments of one training run, checked; what is not given has the default of {@linkcode TrainingOptions}.
 *
 * @example
 * ```ts
 * import { TrainingArguments } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const args = new TrainingArguments({ outputDir: "runs/digits", learningRate: 3e-5 });
 * assert.equal(args.learningRate, 3e-5);
 * assert.equal(args.perDeviceTrainBatchSize, 8);
 * ```
 */
export class TrainingArguments {
  /**
   * Checks the arguments and fills in the defaults.
   *
   * @param options what differs from the defaults.
   * @throws {TypeError} for an unknown argument or a value of another kind.
   * @throws {RangeError} for a value out of range, or arguments that contradict each other.
   */
  constructor(options: Partial<TrainingOptions> & { outputDir: string }) {
    const outputDir = checkOption("outputDir", options.outputDir);
    const values: Record<string, unknown> = { outputDir };
    for (const [name, row] of Object.entries(TRAINING_OPTIONS)) values[name] = row.default;
    for (const [name, value] of Object.entries(options)) {
      if (value !== undefined) values[name] = checkOption(name, value);
    }
    Object.assign(this, filledIn(values as unknown as TrainingOptions));
    expectSteps("loggingSteps", this.loggingSteps);
    expectSteps("evalSteps", this.evalSteps);
    expectSteps("saveSteps", this.saveSteps);
    expectJudge(this);
    expectTogether(this);
    expectNoiseRange(this);
  }
}

/** The arguments whose defaults follow from others. */
function filledIn(values: TrainingOptions): TrainingOptions {
  const sampling = values.groupByLength ? "group_by_length" : "random";
  return {
    ...values,
    greaterIsBetter: values.greaterIsBetter ?? !/(^|_)loss$/.test(values.metricForBestModel),
    evalSteps: values.evalSteps ?? values.loggingSteps,
    dataSeed: values.dataSeed ?? values.seed,
    loraAlpha: values.loraAlpha ?? 2 * values.loraRank,
    trainSamplingStrategy: values.trainSamplingStrategy ?? sampling,
  };
}

/** Steps in all that a number of them, or a share of `totalSteps`, comes to; at least one. */
export function stepsOf(stepsOrShare: number, totalSteps: number): number {
  return stepsOrShare < 1 ? Math.max(1, Math.ceil(stepsOrShare * totalSteps)) : stepsOrShare;
}

function expectSteps(name: string, value: number): void {
  if (value > 1 && !Number.isInteger(value)) {
    fail(RangeError, name, "an integer or a share below 1", value);
  }
}

/** What judges the model must be measured. */
function expectJudge(args: TrainingArguments): void {
  const { loadBestModelAtEnd, earlyStoppingPatience, saveStrategy, evalStrategy } = args;
  const judges = loadBestModelAtEnd || earlyStoppingPatience > 0 || saveStrategy === "best";
  if (!judges || evalStrategy !== "no") return;
  throw new RangeError(
    `Cannot train: expected evalStrategy "epoch" or "steps" to find the best model, found "no"`,
  );
}

/** Each evaluation that may be the best needs a checkpoint of its own. */
function expectTogether(args: TrainingArguments): void {
  const { evalStrategy, saveStrategy, evalSteps, saveSteps } = args;
  if (!args.loadBestModelAtEnd || saveStrategy === "best") return;
  if (saveStrategy !== evalStrategy) {
    throw new RangeError(
      `Cannot train: expected saveStrategy "${evalStrategy}" as evalStrategy to keep the best model, found "${saveStrategy}"`,
    );
  }
  if (evalStrategy !== "steps") return;
  const areShares = evalSteps < 1 || saveSteps < 1;
  const fits = areShares ? saveSteps === evalSteps : saveSteps % evalSteps === 0;
  if (fits) return;
  throw new RangeError(
    `Cannot train: expected saveSteps to be a multiple of evalSteps ${evalSteps}, found ${saveSteps}`,
  );
}

function expectNoiseRange(args: TrainingArguments): void {
  const { augmentNoiseMinSnrDb: least, augmentNoiseMaxSnrDb: most } = args;
  if (least <= most) return;
  fail(RangeError, "augmentNoiseMaxSnrDb", `at least augmentNoiseMinSnrDb ${least}`, most);
}

/**
 * A value of one argument, checked; lists and named numbers may be given as text.
 *
 * @throws {TypeError} for an unknown argument or a value of another kind.
 * @throws {RangeError} for a value out of range.
 */
export function checkOption(name: string, value: unknown): unknown {
  if (name === "outputDir") return expectText(name, value);
  const row = Object.hasOwn(TRAINING_OPTIONS, name)
    ? TRAINING_OPTIONS[name as keyof typeof TRAINING_OPTIONS]
    : undefined;
  if (!row) {
    throw new TypeError(`Cannot use training argument "${name}": there is none of that name`);
  }
  switch (row.kind) {
    case "number":
      return expectNumber(name, value, row);
    case "boolean":
      if (typeof value !== "boolean") fail(TypeError, name, "true or false", value);
      return value;
    case "word":
      if (!row.words.includes(value as string)) {
        fail(RangeError, name, `one of ${row.words.join(", ")}`, value);
      }
      return value;
    case "text":
      return expectText(name, value);
    case "list":
      return expectList(name, value, row);
    case "numbers":
      return expectNumbers(name, value, row);
  }
}

function expectNumber(
  name: string,
  value: unknown,
  row: Extract<OptionRow, { kind: "number" }>,
): number {
  if (typeof value !== "number" || Number.isNaN(value)) fail(TypeError, name, "a number", value);
  const number = value as number;
  if (row.integer && !Number.isInteger(number)) fail(RangeError, name, "an integer", value);
  if (number < row.min || number > row.max) {
    fail(RangeError, name, `a value between ${row.min} and ${row.max}`, value);
  }
  return number;
}

function expectText(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "") fail(TypeError, name, "some text", value);
  return value as string;
}

/** "a,b" and ["a", "b"] alike. */
function expectList(name: string, value: unknown, { of, words }: ListRow): unknown {
  if (typeof value === "string" && words.includes(value)) return value;
  const items: unknown[] = typeof value === "string" ? value.split(",") : value as unknown[];
  const found = Array.isArray(items) ? items.map((item) => itemOf(item, of)) : [];
  if (found.length > 0 && !found.includes(undefined)) return found;
  const kind = of === "number" ? "numbers from 0 up" : "names";
  fail(TypeError, name, [...words, `a list of ${kind}`].join(", "), value);
}

function itemOf(item: unknown, of: ListRow["of"]): number | string | undefined {
  if (of === "text") return typeof item === "string" && item.trim() ? item.trim() : undefined;
  const isGiven = typeof item === "number" || typeof item === "string" && item.trim() !== "";
  const number = isGiven ? Number(item) : NaN;
  return number >= 0 && number < Infinity ? number : undefined;
}

/** Names may be in snake_case, as the reference has them. */
function expectNumbers(name: string, value: unknown, { names }: NumbersRow): unknown {
  const given = typeof value === "string" ? parsed(value) : value;
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  const entries = isObject ? Object.entries(given) : undefined;
  const named = entries?.map(([key, number]) =>
    [key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), number] as const
  );
  const isFine = named?.every(([key, number]) => names.includes(key) && Number.isFinite(number));
  if (!isFine) fail(TypeError, name, `numbers under the names ${names.join(", ")}`, value);
  return Object.fromEntries(named!);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function fail(
  Kind: typeof TypeError | typeof RangeError,
  name: string,
  expected: string,
  found: unknown,
): never {
  throw new Kind(
    `Cannot use training argument "${name}": expected ${expected}, found ${JSON.stringify(found)}`,
  );
}
