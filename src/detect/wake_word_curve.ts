/**
 * How often a wake word is missed, against how often something else is taken for it.
 *
 * @module
 */

import { ScoreFilters } from "./_score_filter.ts";
import { overlapSeconds } from "./annotated_detection.ts";
import type { SoundEvent } from "./sound_event.ts";

/** A recording in which a word is to be heard. */
export interface WakeWordRecording {
  /** The score of the word in each window, in order of their start. */
  windows: readonly { start: number; end: number; score: number }[];
  /** Where the word is said. */
  words: readonly Pick<SoundEvent, "start" | "end">[];
  /** The recording's length. */
  durationSeconds: number;
}

/** What counts as accepted. */
export interface WakeWordOptions {
  /** The thresholds. @default 0.01 to 0.99 in steps of 0.01 */
  thresholds?: readonly number[];
  /** For how long after a window that reached the threshold none is looked at. @default 1 */
  pauseSeconds?: number;
  /** Windows whose mean score counts, an odd number. @default 1, for none */
  meanWindows?: number;
  /** Windows of a median filter over the scores, an odd number. @default 1, for none */
  medianWindows?: number;
}

/** What a threshold comes to. */
export interface WakeWordPoint {
  /** The score that a window has to reach. */
  threshold: number;
  /** Windows that reached the threshold and have no part of a word. */
  falseAccepts: number;
  /** By the hours of all recordings. */
  falseAcceptsPerHour: number;
  /** Words of which no window reached the threshold. */
  misses: number;
  /** By the number of words; NaN where there are none. */
  missRate: number;
}

const THRESHOLDS = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);

/**
 * Computes the curve.
 *
 * The word is accepted with a window whose score reaches the threshold; after that nothing is for `pauseSeconds` from
 * the window's start, as a device that has woken up does not wake up again. An accept whose window overlaps a word
 * belongs to the word, any other one is false.
 *
 * @param recordings with the scores of their windows.
 * @param options thresholds, and the pause.
 * @returns a point for each threshold, in their order.
 * @throws {RangeError} where there is no sound at all.
 *
 * @example
 * ```ts
 * import { wakeWordCurve } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const scores = [0.2, 0.9, 0.8, 0.1, 0.7, 0.1];
 * const windows = scores.map((score, at) => ({ start: at, end: at + 1, score }));
 * const words = [{ start: 1.2, end: 1.8 }];
 * const [point] = wakeWordCurve([{ windows, words, durationSeconds: 1_800 }], {
 *   thresholds: [0.6],
 *   pauseSeconds: 2,
 * });
 * equal(point!.missRate, 0);
 * equal(point!.falseAcceptsPerHour, 2);
 * ```
 */
export function wakeWordCurve(
  recordings: readonly WakeWordRecording[],
  options: WakeWordOptions = {},
): WakeWordPoint[] {
  const { thresholds = THRESHOLDS, pauseSeconds = 1 } = options;
  const { meanWindows = 1, medianWindows = 1 } = options;
  const hours = recordings.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0) / 3600;
  if (!(hours > 0)) {
    throw new RangeError(`Cannot draw a curve: expected recordings above 0 s, found ${hours} h`);
  }
  const words = recordings.reduce((sum, recording) => sum + recording.words.length, 0);
  const smoothed = recordings.map((recording) => {
    return { ...recording, windows: filtered(recording.windows, { meanWindows, medianWindows }) };
  });
  return thresholds.map((threshold) => {
    let [falseAccepts, accepted] = [0, 0];
    for (const recording of smoothed) {
      const counts = acceptsOf(recording, threshold, pauseSeconds);
      falseAccepts += counts.falseAccepts;
      accepted += counts.words;
    }
    const misses = words - accepted;
    const falseAcceptsPerHour = falseAccepts / hours;
    return { threshold, falseAccepts, falseAcceptsPerHour, misses, missRate: misses / words };
  });
}

/**
 * The point with fewest misses among those with so many false accepts an hour or fewer; of equals, that of the highest
 * threshold.
 *
 * @param curve as {@linkcode wakeWordCurve} gives it.
 * @param maxFalseAcceptsPerHour what can be borne.
 * @returns undefined where every threshold has more.
 *
 * @example
 * ```ts
 * import { wakeWordPoint } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const curve = [
 *   { threshold: 0.5, falseAccepts: 9, falseAcceptsPerHour: 9, misses: 1, missRate: 0.01 },
 *   { threshold: 0.8, falseAccepts: 1, falseAcceptsPerHour: 1, misses: 4, missRate: 0.04 },
 * ];
 * equal(wakeWordPoint(curve, 2)!.threshold, 0.8);
 * equal(wakeWordPoint(curve, 0.5), undefined);
 * ```
 */
export function wakeWordPoint(
  curve: readonly WakeWordPoint[],
  maxFalseAcceptsPerHour: number,
): WakeWordPoint | undefined {
  return curve.filter((point) => point.falseAcceptsPerHour <= maxFalseAcceptsPerHour)
    .sort((a, b) => a.misses - b.misses || b.threshold - a.threshold)[0];
}

function filtered(
  windows: WakeWordRecording["windows"],
  lengths: { meanWindows: number; medianWindows: number },
): WakeWordRecording["windows"] {
  const filters = new ScoreFilters(lengths);
  const spans = windows.flatMap(({ start, end, score }) => {
    return filters.push({ start, end, scores: [score] });
  });
  return [...spans, ...filters.finish()].map(({ start, end, scores }) => {
    return { start, end, score: scores[0]! };
  });
}

function acceptsOf(
  { windows, words }: WakeWordRecording,
  threshold: number,
  pauseSeconds: number,
): { falseAccepts: number; words: number } {
  const inOrder = words.toSorted((a, b) => a.start - b.start);
  const accepted = new Set<number>();
  let falseAccepts = 0;
  let ready = -Infinity;
  let first = 0;
  for (const window of windows) {
    if (window.score < threshold || window.start < ready) continue;
    ready = window.start + pauseSeconds;
    while (first < inOrder.length && inOrder[first]!.end <= window.start) first++;
    let isFalse = true;
    for (let at = first; at < inOrder.length && inOrder[at]!.start < window.end; at++) {
      if (overlapSeconds(inOrder[at]!, window) <= 0) continue;
      accepted.add(at);
      isFalse = false;
    }
    if (isFalse) falseAccepts++;
  }
  return { falseAccepts, words: accepted.size };
}
