/**
 * The arguments of training under the names of transformers' `TrainingArguments`, in camelCase; the command
 * line spells them `--kebab-case`.
 *
 * One table holds kind, default, limits and help of each, so that the class, the command line and its
 * help cannot differ.
 *
 * @module
 */

/** When something happens: never, at the end of each epoch, or every so many steps. */
export type IntervalStrategy = "no" | "epoch" | "steps";

/** How the learning rate goes after its warm-up. */
export type SchedulerType = "linear" | "cosine" | "constant";

/** All arguments; each has a default. */
export interface TrainingOptions {
  /** Where the model and its checkpoints go. */
  outputDir: string;
  /** When to evaluate. @default "epoch" */
  evalStrategy: IntervalStrategy;
  /** Steps between evaluations. @default 500 */
  evalSteps: number;
  /** When to write a checkpoint. @default "epoch" */
  saveStrategy: IntervalStrategy;
  /** Steps between checkpoints. @default 500 */
  saveSteps: number;
  /** When to log the training loss. @default "epoch" */
  loggingStrategy: IntervalStrategy;
  /** Steps between log lines. @default 500 */
  loggingSteps: number;
  /** Highest learning rate. @default 5e-5 */
  learningRate: number;
  /** Clips of a batch. @default 8 */
  perDeviceTrainBatchSize: number;
  /** Clips of a batch in evaluation. @default 8 */
  perDeviceEvalBatchSize: number;
  /** Batches whose gradients are averaged, clip by clip, before a step. @default 1 */
  gradientAccumulationSteps: number;
  /** Passes over the training data. @default 3 */
  numTrainEpochs: number;
  /** Steps in all, in place of the epochs; 0 leaves it to them. @default 0 */
  maxSteps: number;
  /** Share of the steps in which the learning rate rises from 0. @default 0 */
  warmupRatio: number;
  /** Steps of the rise, in place of the share. @default 0 */
  warmupSteps: number;
  /** The learning rate after its rise. @default "linear" */
  lrSchedulerType: SchedulerType;
  /** Decay of all parameters but biases and norms. @default 0 */
  weightDecay: number;
  /** Decay of the mean gradient. @default 0.9 */
  adamBeta1: number;
  /** Decay of the mean squared gradient. @default 0.999 */
  adamBeta2: number;
  /** Added to the root of the mean squared gradient. @default 1e-8 */
  adamEpsilon: number;
  /** Gradients are scaled down to this norm; 0 leaves them alone. @default 1 */
  maxGradNorm: number;
  /** Share of the target spread over all classes. @default 0 */
  labelSmoothingFactor: number;
  /** Seed of first weights, order of the data, dropout and masks. @default 42 */
  seed: number;
  /** Whether the convolutional feature encoder stays as it is. @default false */
  freezeFeatureEncoder: boolean;
  /** Whether everything but the head stays as it is. @default false */
  freezeBaseModel: boolean;
  /** Transformer layers, from the first on, that stay as they are with all before them; 0 freezes none. @default 0 */
  freezeLayers: number;
  /** Whether layers are computed again for their gradient instead of being kept: less memory, more time. @default false */
  gradientCheckpointing: boolean;
  /** Whether the best checkpoint is the result, not the last. @default false */
  loadBestModelAtEnd: boolean;
  /** What "best" is judged by: "loss", "accuracy" or a metric of your own. @default "loss" */
  metricForBestModel: string;
  /** Whether more is better; by default so for everything but a loss. */
  greaterIsBetter?: boolean;
  /** Checkpoints kept besides the best; 0 keeps all. @default 0 */
  saveTotalLimit: number;
  /** Evaluations without a better one after which training stops; 0 never does. @default 0 */
  earlyStoppingPatience: number;
  /** What counts as better. @default 0 */
  earlyStoppingThreshold: number;
  /** Whether batches are made of clips of like length. @default true */
  groupByLength: boolean;
  /** Longer clips are cut: at random in training, at the end in evaluation. @default 20 */
  maxLengthSeconds: number;
  /** Training clips are played faster or slower by up to this share. @default 0 */
  augmentSpeed: number;
  /** Whether unreadable files are left out and counted instead of ending the run. @default false */
  skipBadFiles: boolean;
}

/** One row of {@linkcode TRAINING_OPTIONS}. */
export type OptionRow =
  | { kind: "number"; default: number; min: number; max: number; integer?: boolean; help: string }
  | { kind: "boolean"; default: boolean | undefined; help: string }
  | { kind: "word"; default: string; words: readonly string[]; help: string }
  | { kind: "text"; default: string; help: string };

function real(byDefault: number, min: number, max: number, help: string): OptionRow {
  return { kind: "number", default: byDefault, min, max, help };
}

function count(byDefault: number, min: number, help: string): OptionRow {
  return { kind: "number", default: byDefault, min, max: 2 ** 31 - 1, integer: true, help };
}

function flag(byDefault: boolean | undefined, help: string): OptionRow {
  return { kind: "boolean", default: byDefault, help };
}

function word(byDefault: string, words: readonly string[], help: string): OptionRow {
  return { kind: "word", default: byDefault, words, help };
}

const INTERVALS: readonly IntervalStrategy[] = ["no", "epoch", "steps"];
const SCHEDULERS: readonly SchedulerType[] = ["linear", "cosine", "constant"];

/** Kind, default, limits and help of every argument but the output directory. */
export const TRAINING_OPTIONS: Record<Exclude<keyof TrainingOptions, "outputDir">, OptionRow> = {
  evalStrategy: word("epoch", INTERVALS, "when to evaluate"),
  evalSteps: count(500, 1, "steps between evaluations"),
  saveStrategy: word("epoch", INTERVALS, "when to write a checkpoint"),
  saveSteps: count(500, 1, "steps between checkpoints"),
  loggingStrategy: word("epoch", INTERVALS, "when to log the training loss"),
  loggingSteps: count(500, 1, "steps between log lines"),
  learningRate: real(5e-5, 0, 10, "highest learning rate"),
  perDeviceTrainBatchSize: count(8, 1, "clips of a training batch"),
  perDeviceEvalBatchSize: count(8, 1, "clips of an evaluation batch"),
  gradientAccumulationSteps: count(1, 1, "batches to a step"),
  numTrainEpochs: real(3, 1e-6, 1e6, "passes over the training data"),
  maxSteps: count(0, 0, "steps in all, in place of the epochs; 0: by epochs"),
  warmupRatio: real(0, 0, 1, "share of the steps in which the learning rate rises"),
  warmupSteps: count(0, 0, "steps of the rise, in place of the share"),
  lrSchedulerType: word("linear", SCHEDULERS, "learning rate after the rise"),
  weightDecay: real(0, 0, 10, "decay of weights, not of biases and norms"),
  adamBeta1: real(0.9, 0, 0.999999999, "decay of the mean gradient"),
  adamBeta2: real(0.999, 0, 0.999999999, "decay of the mean squared gradient"),
  adamEpsilon: real(1e-8, 0, 1, "added to the root of the mean squared gradient"),
  maxGradNorm: real(1, 0, 1e9, "gradients are scaled down to this norm; 0: never"),
  labelSmoothingFactor: real(0, 0, 0.999, "share of the target spread over all classes"),
  seed: count(42, 0, "seed of weights, order, dropout and masks"),
  freezeFeatureEncoder: flag(false, "keep the convolutional feature encoder as it is"),
  freezeBaseModel: flag(false, "train the head only"),
  freezeLayers: count(0, 0, "keep the first so many layers, and all before them, as they are"),
  gradientCheckpointing: flag(false, "compute layers again for gradients: less memory, more time"),
  loadBestModelAtEnd: flag(false, "end with the best checkpoint, not the last"),
  metricForBestModel: { kind: "text", default: "loss", help: "what the best is judged by" },
  greaterIsBetter: flag(undefined, "more is better (default: for all but a loss)"),
  saveTotalLimit: count(0, 0, "checkpoints kept besides the best; 0: all"),
  earlyStoppingPatience: count(
    0,
    0,
    "stop after so many evaluations without a better one; 0: never",
  ),
  earlyStoppingThreshold: real(0, 0, 1e9, "what counts as better"),
  groupByLength: flag(true, "batches of clips of like length"),
  maxLengthSeconds: real(20, 0.01, 3600, "longer clips are cut"),
  augmentSpeed: real(0, 0, 0.9, "play training clips faster or slower by up to this share"),
  skipBadFiles: flag(false, "leave unreadable files out and count them"),
};

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
export class TrainingArguments implements TrainingOptions {
  declare readonly outputDir: string;
  declare readonly evalStrategy: IntervalStrategy;
  declare readonly evalSteps: number;
  declare readonly saveStrategy: IntervalStrategy;
  declare readonly saveSteps: number;
  declare readonly loggingStrategy: IntervalStrategy;
  declare readonly loggingSteps: number;
  declare readonly learningRate: number;
  declare readonly perDeviceTrainBatchSize: number;
  declare readonly perDeviceEvalBatchSize: number;
  declare readonly gradientAccumulationSteps: number;
  declare readonly numTrainEpochs: number;
  declare readonly maxSteps: number;
  declare readonly warmupRatio: number;
  declare readonly warmupSteps: number;
  declare readonly lrSchedulerType: SchedulerType;
  declare readonly weightDecay: number;
  declare readonly adamBeta1: number;
  declare readonly adamBeta2: number;
  declare readonly adamEpsilon: number;
  declare readonly maxGradNorm: number;
  declare readonly labelSmoothingFactor: number;
  declare readonly seed: number;
  declare readonly freezeFeatureEncoder: boolean;
  declare readonly freezeBaseModel: boolean;
  declare readonly freezeLayers: number;
  declare readonly gradientCheckpointing: boolean;
  declare readonly loadBestModelAtEnd: boolean;
  declare readonly metricForBestModel: string;
  declare readonly greaterIsBetter: boolean;
  declare readonly saveTotalLimit: number;
  declare readonly earlyStoppingPatience: number;
  declare readonly earlyStoppingThreshold: number;
  declare readonly groupByLength: boolean;
  declare readonly maxLengthSeconds: number;
  declare readonly augmentSpeed: number;
  declare readonly skipBadFiles: boolean;

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
    values.greaterIsBetter ??= !/(^|_)loss$/.test(String(values.metricForBestModel));
    Object.assign(this, values);
    this.#checkTogether();
  }

  #checkTogether(): void {
    if (this.loadBestModelAtEnd || this.earlyStoppingPatience > 0) {
      if (this.evalStrategy === "no") {
        throw new RangeError(
          `Cannot train: expected evalStrategy "epoch" or "steps" to find the best model, found "no"`,
        );
      }
    }
    if (this.loadBestModelAtEnd && this.saveStrategy !== this.evalStrategy) {
      throw new RangeError(
        `Cannot train: expected saveStrategy "${this.evalStrategy}" as evalStrategy to keep the best model, found "${this.saveStrategy}"`,
      );
    }
    const together = this.evalStrategy === "steps" && this.saveSteps % this.evalSteps !== 0;
    if (this.loadBestModelAtEnd && together) {
      throw new RangeError(
        `Cannot train: expected saveSteps to be a multiple of evalSteps ${this.evalSteps}, found ${this.saveSteps}`,
      );
    }
  }
}

/**
 * A value of one argument, checked.
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
