/**
 * How often a model is trained and on what, so that its figures can be believed: folds, repeats, and a few clips a class.
 *
 * @module
 */
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";
import type { HeldOut, SplitChoice } from "./_data.ts";

/** Most runs of one command. */
const MAX_RUNS = 1000;

/** Their options. */
export const PROTOCOL_OPTIONS = {
  folds: {
    kind: "number",
    whole: true,
    min: 2,
    max: 100,
    help: "train once for each of so many folds, and test on it",
  },
  "fold-by": {
    kind: "string",
    value: "COLUMN|PATTERN",
    help: "the same with the folds of the data set, named as groups are",
  },
  repeat: {
    kind: "number",
    whole: true,
    min: 1,
    max: MAX_RUNS,
    help:
      "train so often, with the next seed for all that is drawn, and give mean and interval (1)",
  },
  shots: {
    kind: "list",
    value: "N,...",
    help: "train on so many clips of each class, drawn; several numbers give a table",
  },
} as const satisfies OptionSpecs;

/** Several runs, as they were asked for. */
export interface Protocol {
  /** How many folds are drawn; undefined where there are none, or the data set has its own. */
  folds?: number;
  /** Where the folds of the data set come from. */
  foldBy?: string;
  repeat: number;
  /** Clips of each class to train on; empty for all. */
  shots: readonly number[];
}

/** One run of several. */
export interface PlannedRun {
  /** Its directory in that of all, such as `repeat-1/fold-3`. */
  name: string;
  /** What is added to the seed. */
  repeat: number;
  heldOut?: HeldOut;
  /** What the fold is called. */
  fold?: string;
  shots?: number;
}

/**
 * The runs among the options.
 *
 * @throws {UsageError} where options contradict each other.
 */
export function protocolOf(
  options: OptionValues<typeof PROTOCOL_OPTIONS>,
  others: {
    readonly "push-to-hub"?: boolean;
    readonly annotations?: string;
    readonly "mine-negatives"?: boolean;
    readonly "test-size"?: number;
  },
): Protocol {
  const { folds, "fold-by": foldBy, repeat = 1 } = options;
  const shots = (options.shots ?? []).map(shotsOf);
  const protocol = { folds, foldBy, repeat, shots };
  if (folds !== undefined && foldBy !== undefined) {
    throw contradiction("folds", "fold-by", "which has the folds of the data set");
  }
  const name = folds !== undefined ? "folds" : "fold-by";
  const isFolded = folds !== undefined || foldBy !== undefined;
  if (isFolded && others["test-size"] !== undefined) {
    throw contradiction("test-size", name, "whose folds are what is tested on");
  }
  const asked = isFolded ? name : repeat > 1 ? "repeat" : shots.length > 0 ? "shots" : undefined;
  if (asked === undefined) return protocol;
  for (const other of ["annotations", "mine-negatives"] as const) {
    if (others[other]) throw contradiction(asked, other, "which cuts its clips itself");
  }
  const pushes = others["push-to-hub"] && isSeveral(protocol);
  if (pushes) throw contradiction(asked, "push-to-hub", "since there is no one model");
  return protocol;
}

function shotsOf(text: string): number {
  const shots = Number(text);
  if (Number.isSafeInteger(shots) && shots > 0) return shots;
  throw new UsageError(
    `Cannot use argument "--shots": expected whole numbers from 1 with commas between them, found "${text}"`,
  );
}

function contradiction(name: string, other: string, which: string): UsageError {
  return new UsageError(
    `Cannot use argument "--${name}": expected no "--${other}" with it, ${which}`,
  );
}

/** Whether one run is not all there is. */
export function isSeveral({ folds, foldBy, repeat, shots }: Protocol): boolean {
  return folds !== undefined || foldBy !== undefined || repeat > 1 || shots.length > 1;
}

/**
 * All runs in their order.
 *
 * @param folds what the folds are called; undefined where there are none.
 */
export function plannedRuns(protocol: Protocol, folds?: readonly string[]): PlannedRun[] {
  const { repeat: repeats, shots } = protocol;
  const isPath = folds?.every((name) => /^[\w.-]+$/.test(name));
  const runs: PlannedRun[] = [];
  for (const few of shots.length > 0 ? shots : [undefined]) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const [fold, name] of (folds ?? [undefined]).entries()) {
        const parts = [
          shots.length > 1 && `shots-${few}`,
          repeats > 1 && `repeat-${repeat}`,
          folds && `fold-${isPath ? name : fold}`,
        ];
        runs.push({
          name: parts.filter((part) => part).join("/"),
          repeat,
          ...folds && { heldOut: { fold, folds: protocol.folds }, fold: name },
          shots: few,
        });
      }
    }
  }
  return runs;
}

/**
 * The splits of all runs. A head that is fitted has no use for validation clips, and in folds none are taken unless asked
 * for, so that all other folds are trained on.
 */
export function splitsOf(
  { folds, foldBy, shots }: Protocol,
  splits: SplitChoice,
  fitsHead: boolean,
): SplitChoice {
  const isFolded = folds !== undefined || foldBy !== undefined;
  const { validationSize = fitsHead && isFolded ? 0 : undefined } = splits;
  return { ...splits, foldBy, shots: shots[0], validationSize };
}

/** The splits of one run. */
export function splitsOfRun(splits: SplitChoice, { heldOut, shots }: PlannedRun): SplitChoice {
  return { ...splits, heldOut, shots };
}
