/**
 * Figures of several runs as one: mean, standard deviation, and an interval of the mean.
 *
 * Runs whose clips to test on were drawn from the same data share most of what they are trained on, so that their figures
 * differ less than those of new data would. The variance of the mean is therefore taken as (1/J + n₂/n₁) times that of the
 * J figures, n₂ clips being tested on and n₁ trained on, with J - 1 degrees of freedom: Nadeau and Bengio 2003, "Inference for
 * the Generalization Error", Machine Learning 52; for repeated folds Bouckaert and Frank 2004, "Evaluating the Replicability
 * of Significance Tests for Comparing Learning Algorithms". Where all runs are tested on the same clips, n₂/n₁ is left out:
 * the interval then speaks of other seeds, and not of other clips.
 *
 * @module
 */

/** A figure of several runs. */
export interface RunsSummary {
  mean: number;
  /** The standard deviation of the figures, with one less than their number below it; undefined for one. */
  deviation?: number;
  /** The lower end of the interval of the mean; undefined for one figure. */
  low?: number;
  /** Its upper end. */
  high?: number;
}

/** How an interval is made. */
export interface RunsOptions {
  /** Clips tested on over clips trained on, where runs share clips; 0 where all are tested on the same. @default 0 */
  testRatio?: number;
  /** Chance that the interval holds the mean. @default 0.95 */
  level?: number;
}

/**
 * Mean, deviation and interval of a figure over runs.
 *
 * @param values the figure of each run.
 * @throws {RangeError} where there is none.
 *
 * @example
 * ```ts
 * import { summaryOfRuns } from "./repeated_runs.ts";
 * import assert from "node:assert/strict";
 *
 * const { mean, low, high } = summaryOfRuns([0.8, 0.9, 0.85], { testRatio: 0.5 });
 * assert.deepEqual([mean, low, high].map((value) => value!.toFixed(2)), ["0.85", "0.65", "1.05"]);
 * ```
 */
export function summaryOfRuns(
  values: readonly number[],
  { testRatio = 0, level = 0.95 }: RunsOptions = {},
): RunsSummary {
  const count = values.length;
  if (count === 0) throw new RangeError("Cannot sum up runs: expected figures, found none");
  const mean = meanOf(values);
  if (count === 1) return { mean };
  const deviation = deviationOf(values, mean);
  const reach = studentQuantile(level, count - 1) * deviation * Math.sqrt(1 / count + testRatio);
  return { mean, deviation, low: mean - reach, high: mean + reach };
}

/** How two models differ over runs on the same clips. */
export interface PairedRuns extends RunsSummary {
  /** Chance of a difference as large where there is none; undefined for one run, or where all differ alike. */
  p?: number;
}

/**
 * The difference of a figure between two models that were trained and tested on the same clips, run by run, with Nadeau and
 * Bengio's corrected t-test.
 *
 * @param first the figures of one model.
 * @param second those of the other, in the same order.
 * @throws {RangeError} where there are not as many, or none.
 */
export function pairedRuns(
  first: readonly number[],
  second: readonly number[],
  options: RunsOptions = {},
): PairedRuns {
  if (first.length !== second.length) {
    throw new RangeError(
      `Cannot pair runs: expected as many of both, found ${first.length} and ${second.length}`,
    );
  }
  const differences = second.map((value, i) => value - first[i]!);
  const summary = summaryOfRuns(differences, options);
  const { mean, deviation } = summary;
  if (!deviation) return summary;
  const count = differences.length;
  const t = mean / (deviation * Math.sqrt(1 / count + (options.testRatio ?? 0)));
  return { ...summary, p: studentTails(Math.abs(t), count - 1) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: readonly number[], mean: number): number {
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** How far Student's t lies from 0 at most, either way, with a chance of `level`. */
export function studentQuantile(level: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (studentTails(high, freedom) > 1 - level) high *= 2;
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (studentTails(middle, freedom) > 1 - level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Enough for all digits of a double. */
const BISECTIONS = 80;

/** The chance that Student's t lies further from 0 than this, either way. */
export function studentTails(t: number, freedom: number): number {
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/** The regularised incomplete beta function I_x(a, b). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges quickly on one side alone.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b);
  return Math.exp(front) / a / betaFraction(x, a, b);
}

const MAX_TERMS = 500;

/** Its continued fraction (Abramowitz and Stegun 26.5.8), from the last term to the first. */
function betaFraction(x: number, a: number, b: number): number {
  let fraction = 1;
  for (let term = MAX_TERMS; term >= 1; term--) {
    const m = term >> 1;
    const numerator = term % 2 === 0
      ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    fraction = 1 + numerator / fraction;
  }
  return fraction;
}

/** The logarithm of the gamma function, by Stirling's series above 10. */
export function logGamma(x: number): number {
  if (x < STIRLING_FROM) return logGamma(x + 1) - Math.log(x);
  const square = 1 / (x * x);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}

const STIRLING_FROM = 20;
