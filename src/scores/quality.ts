/**
 * How good scores are: whether certainty and accuracy agree, and how well the unknown is told from the known.
 *
 * Source of the bins: Nixon et al. 2019, "Measuring calibration in deep learning", with bins of equal mass.
 *
 * @module
 */

/** Clips of about the same confidence. */
export interface ConfidenceBin {
  readonly clips: number;
  /** Mean probability of the predicted class. */
  readonly confidence: number;
  readonly accuracy: number;
}

/** How many bins there are, where there are clips for them. */
export const CONFIDENCE_BINS = 15;

/**
 * Clips in the order of their confidence, in bins of the same number of clips, give or take one; the first ones are the
 * larger.
 *
 * @param confidences the probability of each clip's predicted class.
 * @param isRight whether that class is the clip's.
 */
export function confidenceBins(
  confidences: ArrayLike<number>,
  isRight: readonly boolean[],
  bins: number = CONFIDENCE_BINS,
): ConfidenceBin[] {
  const order = isRight.map((_, i) => i).sort((a, b) => confidences[a]! - confidences[b]!);
  const least = Math.floor(order.length / bins);
  let start = 0;
  return Array.from({ length: bins }, (_, bin) => {
    const inside = order.slice(start, start += least + (bin < order.length % bins ? 1 : 0));
    return {
      clips: inside.length,
      confidence: mean(inside.map((i) => confidences[i]!)),
      accuracy: mean(inside.map((i) => Number(isRight[i]))),
    };
  }).filter(({ clips }) => clips > 0);
}

/**
 * The expected calibration error: how far confidence and accuracy lie apart, on average over the clips.
 *
 * @example
 * ```ts
 * import { calibrationError, confidenceBins } from "./quality.ts";
 * import { equal } from "node:assert/strict";
 *
 * equal(calibrationError(confidenceBins([0.75, 0.75], [true, false], 1)), 0.25);
 * ```
 */
export function calibrationError(bins: readonly ConfidenceBin[]): number {
  const clips = bins.reduce((sum, bin) => sum + bin.clips, 0);
  const apart = bins.map((bin) => Math.abs(bin.accuracy - bin.confidence) * bin.clips);
  return apart.reduce((a, b) => a + b, 0) / clips;
}

/**
 * The chance that a measure is higher for one of the unknown than for one of the known; ties count a half.
 *
 * @example
 * ```ts
 * import { auroc } from "./quality.ts";
 * import { equal } from "node:assert/strict";
 *
 * equal(auroc([2, 3], [1, 2]), 0.875);
 * ```
 */
export function auroc(unknown: readonly number[], known: readonly number[]): number {
  const sorted = [...known].sort((a, b) => a - b);
  const pairs = unknown.map((value) => (below(sorted, value) + notAbove(sorted, value)) / 2);
  return mean(pairs) / known.length;
}

/** How many values are below a limit. */
function below(sorted: readonly number[], limit: number): number {
  return firstWhere(sorted, (value) => value >= limit);
}

function notAbove(sorted: readonly number[], limit: number): number {
  return firstWhere(sorted, (value) => value > limit);
}

/** The first place where it holds, of values for which it holds from there on. */
function firstWhere(sorted: readonly number[], holds: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(sorted[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The value below which a share of all lies, between neighbours where none is exact. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (at - Math.floor(at)) * (high - low);
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
