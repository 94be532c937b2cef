/**
 * The arguments of training, checked: of their kind, in range, and not against each other.
 *
 * @module
 */
import { UnsupportedOpError } from "../../errors.ts";
import { EFFECTLESS_OPTIONS, type EffectlessOptions, isEffectless } from "./_effectless_options.ts";
import {
  camelCase,
  expectText,
  fail,
  isDerived,
  type OptionRow,
  snakeCase,
} from "./_option_rows.ts";
import { type OptionName, type OptionTable, TRAINING_OPTIONS } from "./_option_table.ts";
import { type Refusal, REFUSED_OPTIONS } from "./_refused_options.ts";
import type { SchedulerType, TrainingOptions } from "./_training_options.ts";

export { camelCase, isDerived, type OptionName, type OptionRow, type OptionTable, snakeCase };
export { EFFECTLESS_OPTIONS, type EffectlessOptions, isEffectless };
export { type Refusal, TRAINING_OPTIONS };
export type {
  HubStrategy,
  IntervalStrategy,
  LogLevel,
  OptimizerName,
  SamplingStrategy,
  SaveStrategy,
  SchedulerKwargs,
  SchedulerType,
  TrainingOptions,
  WayType,
} from "./_training_options.ts";

/** Arguments that stay open where nobody gives them. */
export type OpenArgument =
  | "optimArgs"
  | "runName"
  | "augmentNoiseDir"
  | "hubModelId"
  | "hubToken"
  | "hubPrivateRepo"
  | "hubRevision";

/** The arguments with what their defaults came to; a few stay open where nobody gives them. */
export interface TrainingArguments
  extends
    Readonly<Required<Omit<TrainingOptions, OpenArgument | keyof EffectlessOptions>>>,
    Readonly<Pick<TrainingOptions, OpenArgument>> {}

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
    const { hubToken, ...values } = withDefaults(options);
    Object.assign(this, values);
    // Not enumerable, so that no file, card or message that shows all arguments shows it.
    Object.defineProperty(this, "hubToken", { value: hubToken });
    expectBestModelCriterion(this);
    expectEvaluations(this);
    expectOptimizerOf(this);
    expectTogether(this);
    expectNoiseRange(this);
  }
}

/** All arguments: those given, checked, and the defaults of the others. */
function withDefaults(given: Partial<TrainingOptions>): TrainingOptions {
  const values: Partial<TrainingOptions> = { outputDir: expectText("outputDir", given.outputDir) };
  for (const name of OPTION_NAMES) assign(values, name, defaultOf(name));
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || name === "outputDir") continue;
    if (isEffectless(name)) {
      checkEffectless(name, value);
      continue;
    }
    const known = optionName(name);
    assign(values, known, checkOption(known, value));
  }
  expectFilled(values);
  for (const name of OPTION_NAMES) {
    if (given[name] === undefined) assign(values, name, derivedDefault(name, values));
  }
  return values;
}

function isOption(name: string): name is OptionName {
  return Object.hasOwn(TRAINING_OPTIONS, name);
}

/** The names of the table, in its order. */
export const OPTION_NAMES: readonly OptionName[] = Object.keys(TRAINING_OPTIONS).filter(isOption);

function assign<Name extends OptionName>(
  values: Partial<Pick<TrainingOptions, Name>>,
  name: Name,
  value: TrainingOptions[Name] | undefined,
): void {
  if (value !== undefined) values[name] = value;
}

/** The default of an argument that does not depend on others. */
export function defaultOf<Name extends OptionName>(name: Name): TrainingOptions[Name] | undefined {
  const row: OptionRow<TrainingOptions[Name]> = TRAINING_OPTIONS[name];
  return isDerived(row.default) ? undefined : row.default;
}

function derivedDefault<Name extends OptionName>(
  name: Name,
  values: TrainingOptions,
): TrainingOptions[Name] | undefined {
  const row: OptionRow<TrainingOptions[Name]> = TRAINING_OPTIONS[name];
  return isDerived(row.default) ? row.default.from?.(values) : undefined;
}

/** Whatever has a plain default has a value; what follows from others gets its own after this. */
function expectFilled(values: Partial<TrainingOptions>): asserts values is TrainingOptions {
  const gap = OPTION_NAMES.find((name) =>
    values[name] === undefined && !isDerived<unknown>(TRAINING_OPTIONS[name].default)
  );
  if (gap) throw new TypeError(`Cannot fill in arguments: expected a default of "${gap}"`);
}

/** Steps in all that a number of them, or a share of `totalSteps`, comes to; at least one. */
export function stepsOf(stepsOrShare: number, totalSteps: number): number {
  return stepsOrShare < 1 ? Math.max(1, Math.ceil(stepsOrShare * totalSteps)) : stepsOrShare;
}

/** At how many places in time clips are evaluated. */
export function viewsOf(
  { evalViews: count, evalViewShiftSeconds: shiftSeconds }: TrainingArguments,
): { count: number; shiftSeconds: number } {
  return { count, shiftSeconds };
}

/** The metric that chooses the best model must be measured. */
function expectBestModelCriterion(args: TrainingArguments): void {
  const { loadBestModelAtEnd, earlyStoppingPatience, saveStrategy, evalStrategy } = args;
  const judges = loadBestModelAtEnd || earlyStoppingPatience > 0 || saveStrategy === "best";
  if (!judges || evalStrategy !== "no") return;
  throw new RangeError(
    'Cannot train: expected `evalStrategy` "epoch" or "steps" to find the best model, found "no"',
  );
}

/** Whether a schedule follows the evaluations of the run. */
export function followsEvaluations(
  type: SchedulerType,
): type is "reduce_lr_on_plateau" | "greedy" {
  return type === "reduce_lr_on_plateau" || type === "greedy";
}

/** What falls on a plateau needs evaluations to see one. */
function expectEvaluations({ lrSchedulerType, evalStrategy }: TrainingArguments): void {
  if (!followsEvaluations(lrSchedulerType) || evalStrategy !== "no") return;
  throw new RangeError(
    `Cannot train with "${lrSchedulerType}": expected \`evalStrategy\` "epoch" or "steps", found "no"`,
  );
}

/** Settings that nothing takes are not left out silently, as the reference does. */
function expectOptimizerOf({ optim, optimArgs }: TrainingArguments): void {
  if (optimArgs === undefined || optim === "sgd" || optim === "adafactor") return;
  const hint = "`adamBeta1`, `adamBeta2`, `adamEpsilon` and `weightDecay` are those of AdamW";
  throw new RangeError(
    `Cannot use training argument "optimArgs": expected \`optim\` "sgd" or "adafactor", found "${optim}"; ${hint}`,
  );
}

/** Whether the best model can be kept with these arguments. */
export function canKeepBest(options: Partial<TrainingOptions> & { outputDir: string }): boolean {
  return savesEveryBest(withDefaults({ ...options, loadBestModelAtEnd: true }));
}

type Intervals =
  & Pick<TrainingOptions, "evalStrategy" | "saveStrategy" | "saveSteps">
  & { evalSteps?: number };

/** Whether each evaluation that may be the best has a checkpoint of its own. */
function savesEveryBest({ evalStrategy, saveStrategy, ...steps }: Intervals): boolean {
  if (evalStrategy === "no") return false;
  if (saveStrategy === "best") return true;
  return saveStrategy === evalStrategy && (evalStrategy === "epoch" || fitsSteps(steps));
}

function fitsSteps(
  { evalSteps = 0, saveSteps }: Pick<Intervals, "evalSteps" | "saveSteps">,
): boolean {
  const areShares = evalSteps < 1 || saveSteps < 1;
  return areShares ? saveSteps === evalSteps : saveSteps % evalSteps === 0;
}

function expectTogether(args: TrainingArguments): void {
  if (!args.loadBestModelAtEnd || savesEveryBest(args)) return;
  const { evalStrategy, saveStrategy, evalSteps, saveSteps } = args;
  if (saveStrategy !== evalStrategy) {
    throw new RangeError(
      `Cannot train: expected \`saveStrategy\` "${evalStrategy}" as \`evalStrategy\` to keep the best model, ` +
        `found "${saveStrategy}"`,
    );
  }
  throw new RangeError(
    `Cannot train: expected \`saveSteps\` to be a multiple of \`evalSteps: ${evalSteps}\`, found ${saveSteps}`,
  );
}

function expectNoiseRange(args: TrainingArguments): void {
  const { augmentNoiseMinSnrDb: least, augmentNoiseMaxSnrDb: most } = args;
  if (least <= most) return;
  fail(RangeError, "augmentNoiseMaxSnrDb", `at least \`augmentNoiseMinSnrDb: ${least}\``, most);
}

/**
 * A value of one argument, checked; lists and named numbers may be given as text.
 *
 * @throws {TypeError} for a value of another kind.
 * @throws {RangeError} for a value out of range.
 */
export function checkOption<Name extends OptionName>(
  name: Name,
  value: unknown,
): TrainingOptions[Name] {
  return TRAINING_OPTIONS[name].check(name, value);
}

/**
 * A value of an argument without an effect, checked.
 *
 * @throws {TypeError} for a value of another kind.
 * @throws {RangeError} for a value out of range.
 */
export function checkEffectless(name: keyof EffectlessOptions, value: unknown): unknown {
  return EFFECTLESS_OPTIONS[name].check(name, value);
}

/** Why there is none of the reference's arguments of that name, in any spelling, and what to do; undefined of others. */
export function refusalOf(name: string): Refusal | undefined {
  return REFUSED_OPTIONS.find(({ names }) => names.includes(snakeCase(camelCase(name))));
}

/**
 * A name as one of the table.
 *
 * @throws {TypeError} with the right spelling where there is one.
 * @throws {UnsupportedOpError} with the reason why one of the reference's is not there, and what is.
 */
export function optionName(name: string): OptionName {
  if (isOption(name)) return name;
  const camel = camelCase(name);
  if (isOption(camel) || isEffectless(camel) || camel === "outputDir") {
    throw new TypeError(`Cannot use training argument "${name}": its name in code is "${camel}"`);
  }
  const refusal = refusalOf(camel);
  if (refusal) {
    const { reason, hint } = refusal;
    throw new UnsupportedOpError(`Cannot use training argument "${name}": ${reason}`, { hint });
  }
  throw new TypeError(`Cannot use training argument "${name}": there is none of that name`);
}
