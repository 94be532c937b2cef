/**
 * How far a metric can be trusted: its interval over data sets drawn from the one at hand.
 *
 * Source: Efron 1979, the percentile bootstrap.
 *
 * @module
 */
import { Random } from "../../random.ts";
import type { EvalPrediction } from "./metrics.ts";

/** How an interval is drawn. */
export interface BootstrapOptions {
  /** Share of the drawn metrics within the interval. @default 0.95 */
  level?: number;
  /** Data sets drawn. @default 1000 */
  resamples?: number;
  /** Seed of the draws. @default 42 */
  seed?: number;
}

/** Where a metric lies. */
export interface Interval {
  /** Its lower end. */
  low: number;
  /** Its upper end. */
  high: number;
}

/**
 * The interval of a metric over data sets of as many clips, drawn with replacement; the same seed gives the same one.
 *
 * @param prediction scores and labels.
 * @param metric such as `accuracy`.
 * @throws {RangeError} where there is no clip.
 *
 * @example
 * ```ts
 * import { accuracy, bootstrapInterval } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const prediction = { logits: Float32Array.of(2, 1, 0, 3), classes: 2, labels: Int32Array.of(0, 1) };
 * assert.deepEqual(bootstrapInterval(prediction, accuracy), { low: 1, high: 1 });
 * ```
 */
export function bootstrapInterval(
  prediction: EvalPrediction,
  metric: (prediction: EvalPrediction) => number,
  options: BootstrapOptions = {},
): Interval {
  const clips = prediction.logits.length / prediction.classes;
  return resampledInterval(clips, (drawn) => metric(picked(prediction, drawn)), options);
}

/**
 * The interval of a figure that is made of so many clips, over as many drawn with replacement.
 *
 * @param clips how many there are.
 * @param figure makes it of clips by their places, some of them more than once.
 * @throws {RangeError} where there is no clip.
 *
 * @example
 * ```ts
 * import { resampledInterval } from "./bootstrap.ts";
 * import assert from "node:assert/strict";
 *
 * const mean = (places: ArrayLike<number>) => Array.from(places).reduce((a, b) => a + b) / places.length;
 * const { low, high } = resampledInterval(11, mean);
 * assert.ok(low > 2 && low < 5 && high > 5 && high < 8);
 * ```
 */
export function resampledInterval(
  clips: number,
  figure: (places: Int32Array) => number,
  options: BootstrapOptions = {},
): Interval {
  const { level = 0.95 } = options;
  const values = resampledFigures(clips, figure, options);
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) };
}

/**
 * A figure over data sets drawn with replacement, sorted; those that are no number are left out.
 *
 * @throws {RangeError} where there is no clip.
 */
export function resampledFigures(
  clips: number,
  figure: (places: Int32Array) => number,
  { resamples = 1000, seed = 42 }: BootstrapOptions = {},
): number[] {
  if (!(clips > 0)) throw new RangeError("Cannot draw data sets: expected clips, found none");
  const random = new Random(seed);
  const drawn = new Int32Array(clips);
  return Array.from({ length: resamples }, () => {
    for (let i = 0; i < clips; i++) drawn[i] = random.below(clips);
    return figure(drawn);
  }).filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
}

/** The prediction of some of its clips, some of them more than once. */
function picked(
  { logits, classes, labels }: EvalPrediction,
  places: Int32Array,
): EvalPrediction {
  const width = labels.length / (logits.length / classes);
  const scores = new Float32Array(places.length * classes);
  const Labels = labels instanceof Int32Array ? Int32Array : Float32Array;
  const own = new Labels(places.length * width);
  places.forEach((place, i) => {
    scores.set(logits.subarray(place * classes, (place + 1) * classes), i * classes);
    own.set(labels.subarray(place * width, (place + 1) * width), i * width);
  });
  return { logits: scores, classes, labels: own };
}

/** Between the two nearest of sorted values, by their distance. */
export function quantile(sorted: number[], share: number): number {
  const place = share * (sorted.length - 1);
  const before = Math.floor(place);
  const after = Math.min(sorted.length - 1, before + 1);
  return sorted[before]! + (place - before) * (sorted[after]! - sorted[before]!);
}
