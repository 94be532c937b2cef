/**
 * The learning rate at each step: a linear rise, then a straight line, half a cosine, or a constant.
 *
 * Source: `get_linear_schedule_with_warmup` and its siblings of transformers 5.18; the first step of a rise
 * has rate 0, as there.
 *
 * @module
 */
import type { SchedulerType } from "./arguments.ts";

/** The plan of a run. */
export interface Schedule {
  type: SchedulerType;
  peak: number;
  warmupSteps: number;
  totalSteps: number;
}

/**
 * Steps of the rise: the number given, or the share of all steps, rounded up.
 */
export function warmupStepsOf(
  args: { warmupSteps: number; warmupRatio: number },
  totalSteps: number,
): number {
  return args.warmupSteps > 0 ? args.warmupSteps : Math.ceil(totalSteps * args.warmupRatio);
}

/**
 * The learning rate of a step, counted from 0.
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
  const { type, peak, warmupSteps, totalSteps } = schedule;
  if (step < warmupSteps) return peak * step / Math.max(1, warmupSteps);
  const rest = Math.max(1, totalSteps - warmupSteps);
  const progress = Math.min(1, (step - warmupSteps) / rest);
  switch (type) {
    case "linear":
      return peak * (1 - progress);
    case "cosine":
      return peak * 0.5 * (1 + Math.cos(Math.PI * progress));
    case "constant":
      return peak;
  }
}
