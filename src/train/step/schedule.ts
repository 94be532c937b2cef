/**
 * The learning rate at each step: a linear rise, then one of several ways down, or none.
 *
 * "reduce_lr_on_plateau" and "greedy" are the peak here; what evaluations make of it is in `plateau.ts` and `greedy.ts`.
 *
 * Source: `transformers.optimization` 5.18; the first step of a rise has rate 0, as there.
 *
 * @module
 */
import {
  followsEvaluations,
  type SchedulerKwargs,
  type SchedulerType,
  type WayType,
} from "../options/arguments.ts";

/** The plan of a run. */
export interface Schedule {
  type: SchedulerType;
  peak: number;
  warmupSteps: number;
  totalSteps: number;
  /** Numbers that some types have. @default none */
  kwargs?: SchedulerKwargs;
}

/** What an inverse square root falls by where there is no rise to take it from. */
const DEFAULT_TIMESCALE = 10_000;

/**
 * Steps of the rise: the number given, or the share of all steps, rounded up. A number below 1 is a share as well.
 */
export function warmupStepsOf(
  args: { warmupSteps: number; warmupRatio: number },
  totalSteps: number,
): number {
  if (args.warmupSteps >= 1) return Math.floor(args.warmupSteps);
  return Math.ceil(totalSteps * (args.warmupSteps || args.warmupRatio));
}

/**
 * The learning rate of a step, counted from 0.
 *
 * @throws {RangeError} where the type needs a number that is not there.
 *
 * @example
 * ```ts
 * import { learningRateAt } from "./schedule.ts";
 * import assert from "node:assert/strict";
 *
 * const schedule = { type: "linear", peak: 1, warmupSteps: 2, totalSteps: 6 } as const;
 * assert.deepEqual([0, 1, 2, 4].map((step) => learningRateAt(schedule, step)), [0, 0.5, 1, 0.5]);
 * ```
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { type, peak, warmupSteps, totalSteps, kwargs = {} } = schedule;
  if (type === "constant" || followsEvaluations(type)) return peak;
  if (type === "warmup_stable_decay") return warmupStableDecay(schedule, step);
  if (type === "cosine_warmup_with_min_lr") return fromFirstStep(schedule, step);
  if (step < warmupSteps) return peak * step / Math.max(1, warmupSteps);
  const rest = Math.max(1, totalSteps - warmupSteps);
  const progress = Math.min(1, (step - warmupSteps) / rest);
  switch (type) {
    case "linear":
      return peak * (1 - progress);
    case "cosine":
      return peak * Math.max(0, wave(progress * 2 * (kwargs.numCycles ?? 0.5)));
    case "cosine_with_restarts":
      return progress >= 1 ? 0 : peak * wave((kwargs.numCycles ?? 1) * progress % 1);
    case "cosine_with_min_lr":
      return lifted(schedule, wave(progress * 2 * (kwargs.numCycles ?? 0.5)));
    case "polynomial": {
      const { lrEnd = 1e-7, power = 1 } = kwargs;
      return (peak - lrEnd) * (1 - progress) ** power + lrEnd;
    }
    case "constant_with_warmup":
      return peak;
    case "inverse_sqrt": {
      const timescale = kwargs.timescale ?? (warmupSteps || DEFAULT_TIMESCALE);
      return peak / Math.sqrt((step - warmupSteps + timescale) / timescale);
    }
  }
}

/** Half a cosine from 1 to 0 for each whole number. */
function wave(progress: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * progress));
}

/** A share of the peak, above the lowest rate. */
function lifted({ peak, kwargs = {} }: Schedule, share: number): number {
  const lowest = kwargs.minLr ?? peak * (kwargs.minLrRate ?? 0);
  return Math.max(0, lowest + (peak - lowest) * share);
}

/** A cosine whose rise has no step at rate 0: it starts from `warmupLrRate`, or one step above 0. */
function fromFirstStep(schedule: Schedule, step: number): number {
  const { peak, warmupSteps, totalSteps, kwargs = {} } = schedule;
  if (step < warmupSteps) {
    const { warmupLrRate: first } = kwargs;
    if (first === undefined) return peak * (step + 1) / Math.max(1, warmupSteps);
    return peak * (first + (1 - first) * step / Math.max(1, warmupSteps - 1));
  }
  const progress = (step - warmupSteps + 1) / Math.max(1, totalSteps - warmupSteps);
  return lifted(schedule, wave(progress * 2 * (kwargs.numCycles ?? 0.5)));
}

/** Both ways lead between `minLrRatio` and all of the peak. */
function warmupStableDecay(schedule: Schedule, step: number): number {
  const { peak, warmupSteps, totalSteps, kwargs = {} } = schedule;
  const { numDecaySteps, minLrRatio = 0, warmupType = "linear", decayType = "cosine" } = kwargs;
  if (numDecaySteps === undefined) {
    throw new RangeError(
      'Cannot plan learning rate "warmup_stable_decay": expected numDecaySteps among lrSchedulerKwargs, found none',
    );
  }
  const between = (share: number) => peak * Math.max(0, minLrRatio + (1 - minLrRatio) * share);
  if (step < warmupSteps) return between(rise(warmupType, step / warmupSteps));
  const { numStableSteps = totalSteps - warmupSteps - numDecaySteps } = kwargs;
  const decayed = step - warmupSteps - numStableSteps;
  if (decayed < 0) return peak;
  if (decayed >= numDecaySteps) return peak * minLrRatio;
  return between(fall(decayType, decayed / numDecaySteps, kwargs.numCycles));
}

function rise(type: WayType, progress: number): number {
  if (type === "cosine") return 1 - wave(progress);
  return type === "linear" ? progress : 1 - Math.sqrt(1 - progress);
}

function fall(type: WayType, progress: number, cycles = 0.5): number {
  if (type === "cosine") return wave(progress * 2 * cycles);
  return 1 - (type === "linear" ? progress : Math.sqrt(progress));
}
