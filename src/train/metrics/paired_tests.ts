/**
 * Whether two models differ by more than chance, on the same clips.
 *
 * Sources: McNemar 1947, in its exact form, the sign test over the clips of which one model alone is right; and the percentile
 * bootstrap over clips, both models drawn together (Efron and Tibshirani 1993, "An Introduction to the Bootstrap").
 *
 * @module
 */
import { type BootstrapOptions, type Interval, quantile, resampledFigures } from "./bootstrap.ts";
import { logGamma } from "./repeated_runs.ts";

/** The clips on which two models disagree, and what that says. */
export interface McNemarTest {
  /** Clips that the first alone has right. */
  firstOnly: number;
  /** Clips that the second alone has right. */
  secondOnly: number;
  /** Chance of so uneven a share, or one more uneven, where both are equally good. */
  p: number;
}

/**
 * McNemar's exact test.
 *
 * @param first whether one model has each clip right.
 * @param second the same of the other.
 * @throws {RangeError} where there are not as many.
 *
 * @example
 * ```ts
 * import { mcNemarTest } from "./paired_tests.ts";
 * import assert from "node:assert/strict";
 *
 * const first = [true, true, false, false, false, false, false, false];
 * const second = [true, false, true, true, true, true, true, true];
 * assert.equal(mcNemarTest(first, second).p.toFixed(3), "0.125");
 * ```
 */
export function mcNemarTest(first: readonly boolean[], second: readonly boolean[]): McNemarTest {
  if (first.length !== second.length) {
    throw new RangeError(
      `Cannot compare: expected as many clips of both, found ${first.length} and ${second.length}`,
    );
  }
  const firstOnly = first.filter((right, i) => right && !second[i]).length;
  const secondOnly = second.filter((right, i) => right && !first[i]).length;
  return { firstOnly, secondOnly, p: signTest(firstOnly, secondOnly) };
}

/** Twice the chance of at most the smaller count of all heads, tails being as likely. */
function signTest(a: number, b: number): number {
  const count = a + b;
  let tail = 0;
  for (let k = 0; k <= Math.min(a, b); k++) {
    const ways = logGamma(count + 1) - logGamma(k + 1) - logGamma(count - k + 1);
    tail += Math.exp(ways - count * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

/** How much more a figure is of the second of two models. */
export interface PairedDifference extends Interval {
  difference: number;
  /** Chance of a difference as large where there is none, from the share of draws on the other side of 0. */
  p: number;
}

/**
 * The difference of a figure of two models on the same clips, with its interval over clips drawn with replacement.
 *
 * @param clips how many there are.
 * @param first the figure of one model over clips by their places, some of them more than once.
 * @param second that of the other.
 * @throws {RangeError} where there is no clip.
 */
export function pairedDifference(
  clips: number,
  first: (places: Int32Array) => number,
  second: (places: Int32Array) => number,
  options: BootstrapOptions = {},
): PairedDifference {
  const { level = 0.95 } = options;
  const between = (places: Int32Array) => second(places) - first(places);
  const drawn = resampledFigures(clips, between, options);
  const share = (isBeyond: (value: number) => boolean) =>
    (drawn.filter(isBeyond).length + 1) / (drawn.length + 1);
  const p = 2 * Math.min(share((value) => value <= 0), share((value) => value >= 0));
  return {
    difference: between(Int32Array.from({ length: clips }, (_, i) => i)),
    low: quantile(drawn, (1 - level) / 2),
    high: quantile(drawn, (1 + level) / 2),
    p: Math.min(1, p),
  };
}
