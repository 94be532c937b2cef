/**
 * The learning rate that falls where evaluations no longer get better.
 *
 * It follows from all evaluations so far, which the log keeps, so that a run that goes on needs no state of it.
 *
 * Source: `ReduceLROnPlateau` of PyTorch 2.13, which "reduce_lr_on_plateau" is in the reference.
 *
 * @module
 */
import type { SchedulerKwargs } from "../options/arguments.ts";

/**
 * The learning rate after evaluations.
 *
 * @param peak the rate before the first.
 * @param metrics what each of them came to, in their order.
 * @param kwargs numbers of the schedule, with PyTorch's defaults.
 *
 * @example
 * ```ts
 * import { plateauRate } from "./plateau.ts";
 * import assert from "node:assert/strict";
 *
 * const kwargs = { patience: 1, factor: 0.5 };
 * assert.equal(plateauRate(0.1, [1, 2, 2], kwargs), 0.05);
 * assert.equal(plateauRate(0.1, [1, 2, 0.5], kwargs), 0.1);
 * ```
 */
export function plateauRate(
  peak: number,
  metrics: readonly number[],
  kwargs: Readonly<SchedulerKwargs> = {},
): number {
  const { factor = 0.1, patience = 10, cooldown = 0, minLr = 0, eps = 1e-8 } = kwargs;
  let rate = peak;
  let best = kwargs.mode === "max" ? -Infinity : Infinity;
  let worse = 0;
  let cooling = 0;
  for (const metric of metrics) {
    const improved = isBetter(metric, best, kwargs);
    if (improved) best = metric;
    worse = improved || cooling > 0 ? 0 : worse + 1;
    cooling = Math.max(0, cooling - 1);
    if (worse <= patience) continue;
    const next = Math.max(rate * factor, minLr);
    // A fall this small is none, as in PyTorch.
    if (rate - next > eps) rate = next;
    cooling = cooldown;
    worse = 0;
  }
  return rate;
}

/** Whether a metric is better than the best before by the threshold. */
export function isBetter(
  metric: number,
  best: number,
  kwargs: Pick<SchedulerKwargs, "mode" | "threshold" | "thresholdMode">,
): boolean {
  const { mode = "min", threshold = 1e-4, thresholdMode = "rel" } = kwargs;
  const sign = mode === "min" ? -1 : 1;
  const least = thresholdMode === "rel" ? best * (1 + sign * threshold) : best + sign * threshold;
  return mode === "min" ? metric < least : metric > least;
}
