/**
 * The answer for a recording that is too long to be classified whole: the mean of its windows.
 *
 * Windows lie end to end, the last one moved back so that it ends with the recording. Their raw scores are averaged,
 * each window alike, before they become shares. Classifying, evaluating and reporting all do it so.
 *
 * @module
 */

import { detectPlan, type HearingModel } from "./settings.ts";
import type { WindowOptions } from "./windows.ts";

/** Where the model's config names no window. */
const LONG_WINDOW_SECONDS = 30;

/**
 * The windows in which a model hears a recording that is too long for it.
 *
 * @param model its labels, its rate and `earshot.detect` of its config, whose `window_seconds` are taken.
 * @param limits the shortest and the longest clip that the model takes, in samples.
 *
 * @example
 * ```ts
 * import { longRecordingWindows } from "./long_recordings.ts";
 * import { equal } from "node:assert/strict";
 *
 * const model = { labels: ["dog"], rateHz: 16_000 };
 * equal(longRecordingWindows(model, { min: 400, max: Infinity }).windowSamples, 480_000);
 * ```
 */
export function longRecordingWindows(
  model: HearingModel,
  { min, max }: { min: number; max: number },
): WindowOptions {
  const isStated = model.config !== undefined &&
    (model.config as Record<string, unknown>).window_seconds !== undefined;
  const { windowSamples } = detectPlan(
    isStated ? {} : { windowSeconds: LONG_WINDOW_SECONDS },
    model,
  );
  const samples = Math.max(min, Math.min(windowSamples, max));
  return { windowSamples: samples, hopSamples: samples, lastWindow: "back" };
}

/** What a user is told of it. */
export function longRecordingNotice(
  recording: { file?: string; seconds: number; windows: number; windowSeconds: number },
): string {
  const { file, seconds, windows, windowSeconds } = recording;
  const name = file === undefined ? "The recording" : `"${file}"`;
  const part = Number(windowSeconds.toFixed(2));
  return `${name} has ${
    seconds.toFixed(1)
  } s, too many to hear at once: its scores are the mean of ` +
    `${windows} windows of ${part} s; detect tells what is heard when`;
}

/** Takes the mean of rows of scores as they come. */
export class MeanScores {
  #sums: Float64Array | undefined;
  /** Rows so far. */
  count = 0;

  /** Takes one more row. */
  add(scores: ArrayLike<number>): void {
    const sums = this.#sums ??= new Float64Array(scores.length);
    for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + scores[i]!;
    this.count++;
  }

  /** The mean of the rows, of which there is one at least. */
  mean(): Float32Array {
    return Float32Array.from(this.#sums!, (sum) => sum / this.count);
  }
}
