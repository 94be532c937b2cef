/**
 * The learning rate that rises while evaluations get better, and falls where they do not.
 *
 * As `plateau.ts` it follows from all evaluations so far, so that a run that goes on needs no state of it.
 *
 * Source: `GreedyLR` of transformers 5.18, which "greedy" is in the reference; https://arxiv.org/abs/2512.14527.
 *
 * @module
 */
import type { SchedulerKwargs } from "../options/arguments.ts";
import { isBetter } from "./plateau.ts";

/** What a rate follows from, beside the settings. */
interface Course {
  rate: number;
  best: number;
  better: number;
  worse: number;
  /** Evaluations that are not counted, after a fall and after a rise. */
  cooling: number;
  warming: number;
  /** Falls at the lowest rate until it starts anew. */
  untilReset: number;
  /** Evaluations of the mean that is looked at. */
  window: number[];
}

type Settings = Required<Omit<SchedulerKwargs, OtherSettings>>;

/** Those of other schedules, and what has no effect. */
type OtherSettings =
  | "numCycles"
  | "power"
  | "lrEnd"
  | "minLrRate"
  | "warmupLrRate"
  | "timescale"
  | "numDecaySteps"
  | "numStableSteps"
  | "minLrRatio"
  | "warmupType"
  | "decayType"
  | "verbose";

const DEFAULTS: Settings = {
  mode: "min",
  factor: 0.95,
  patience: 10,
  threshold: 1e-6,
  thresholdMode: "abs",
  cooldown: 0,
  warmup: 0,
  minLr: 1e-3,
  maxLr: 1,
  eps: 1e-8,
  smooth: false,
  windowSize: 50,
  resetStart: 500,
};

/**
 * The learning rate after evaluations.
 *
 * @param peak the rate before the first.
 * @param metrics what each of them came to, in their order.
 * @param kwargs numbers of the schedule, with the reference's defaults.
 *
 * @example
 * ```ts
 * import { greedyRate } from "./greedy.ts";
 * import assert from "node:assert/strict";
 *
 * const kwargs = { patience: 1, factor: 0.5 };
 * assert.equal(greedyRate(0.1, [3, 2], kwargs), 0.2);
 * assert.equal(greedyRate(0.1, [1, 2, 2], kwargs), 0.05);
 * ```
 */
export function greedyRate(
  peak: number,
  metrics: readonly number[],
  kwargs: Readonly<SchedulerKwargs> = {},
): number {
  const settings: Settings = { ...DEFAULTS, ...kwargs };
  let course = atStart(peak, settings);
  for (const metric of metrics) {
    step(course, metric, settings);
    if (course.untilReset > 0) continue;
    course = { ...atStart(peak, settings), cooling: settings.cooldown };
  }
  return course.rate;
}

function atStart(rate: number, { mode, resetStart }: Settings): Course {
  const best = mode === "min" ? Infinity : -Infinity;
  return {
    ...{ rate, best, better: 0, worse: 0, cooling: 0, warming: 0 },
    untilReset: resetStart,
    window: [],
  };
}

function step(course: Course, metric: number, settings: Settings): void {
  const current = settings.smooth ? smoothed(course, metric, settings) : metric;
  if (course.cooling > 0) course.cooling--;
  else if (course.warming > 0) course.warming--;
  else return judge(course, current, settings);
  course.better = course.worse = 0;
}

function smoothed({ window }: Course, metric: number, { windowSize }: Settings): number {
  window.push(metric);
  if (window.length > windowSize) window.shift();
  return window.reduce((sum, value) => sum + value, 0) / window.length;
}

function judge(course: Course, current: number, settings: Settings): void {
  const improved = isBetter(current, course.best, settings);
  if (improved) course.best = current;
  course.better = improved ? course.better + 1 : 0;
  course.worse = improved ? 0 : course.worse + 1;
  if (course.better > settings.patience) {
    raise(course, settings);
  } else if (course.worse > settings.patience) {
    lower(course, settings);
  }
}

function raise(course: Course, { factor, maxLr, eps, warmup, resetStart }: Settings): void {
  const next = Math.min(course.rate / factor, maxLr);
  // A change this small is none, as in the reference.
  if (next - course.rate > eps) course.rate = next;
  course.warming = warmup;
  course.better = 0;
  course.untilReset = resetStart;
}

function lower(course: Course, { factor, minLr, eps, cooldown }: Settings): void {
  const next = Math.max(course.rate * factor, minLr);
  if (course.rate - next > eps) course.rate = next;
  course.cooling = cooldown;
  course.worse = 0;
  if (course.rate <= minLr) course.untilReset--;
}
