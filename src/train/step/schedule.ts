/**
 * The learning rate at each step: a linear rise, then one of several ways down, or none.
 *
 * Source: `transformers.optimization` 5.18; the first step of a rise has rate 0, as there.
 *
 * @module
 */
import type { SchedulerKwargs, SchedulerType } from "../options/arguments.ts";

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
  if (type === "constant") return peak;
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
      const timescale = warmupSteps || DEFAULT_TIMESCALE;
      return peak / Math.sqrt((step - warmupSteps + timescale) / timescale);
    }
    case "warmup_stable_decay":
      return stableThenDecay(schedule, step);
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

function stableThenDecay(schedule: Schedule, step: number): number {
  const { totalSteps, kwargs = {} } = schedule;
  const { numDecaySteps, numCycles = 0.5 } = kwargs;
  if (numDecaySteps === undefined) {
    throw new RangeError(
      'Cannot plan learning rate "warmup_stable_decay": expected numDecaySteps among lrSchedulerKwargs, found none',
    );
  }
  const progress = (step - totalSteps + numDecaySteps) / Math.max(1, numDecaySteps);
  if (progress >= 1) return lifted(schedule, 0);
  return lifted(schedule, wave(Math.max(0, progress) * 2 * numCycles));
}
