/**
 * Events from scores that are already there: other thresholds without computing a recording again.
 *
 * @module
 */

import { EventFinder } from "./events.ts";
import type { DetectPlan } from "./settings.ts";
import { heardScores, type SoundEvent, type WindowScores } from "./sound_event.ts";

/** The scores of a whole recording. */
export interface ScoredRecording {
  /** All windows, in order; the last one ends with the recording. */
  windows: readonly WindowScores[];
  /** Class names by number. */
  labels: readonly string[];
  /** Samples a second that the plan is made for. */
  rateHz: number;
}

/**
 * The events that a detection with this plan finds, each once, in order of their start.
 *
 * @param recording what `onScores` of a detection with the same windows gave.
 * @param plan windows, thresholds and filters.
 *
 * @example
 * ```ts
 * import { eventsOfScores } from "./scored_recording.ts";
 * import { detectPlan } from "./settings.ts";
 * import { deepEqual } from "node:assert/strict";
 *
 * const labels = ["dog"];
 * const windows = [0.1, 0.7, 0.2].map((score, at) => {
 *   return { start: at, end: at + 1, scores: Float64Array.of(score) };
 * });
 * const settings = { windowSeconds: 1, hopSeconds: 1, threshold: 0.6 };
 * const plan = detectPlan(settings, { labels, rateHz: 100 });
 * deepEqual(eventsOfScores({ windows, labels, rateHz: 100 }, plan), [
 *   { start: 1, end: 2, label: "dog", score: 0.7 },
 * ]);
 * ```
 */
export function eventsOfScores(
  { windows, labels, rateHz }: ScoredRecording,
  plan: DetectPlan,
): (SoundEvent & { score: number })[] {
  const finder = new EventFinder(plan);
  const samplesOf = (seconds: number) => Math.round(seconds * rateHz);
  const length = samplesOf(windows.at(-1)?.end ?? 0);
  const half = Math.floor((plan.windowSamples + plan.hopSamples) / 2);
  let heardTo = 0;
  const found = windows.flatMap((window, at) => {
    const start = heardTo;
    const end = samplesOf(window.end);
    const next = windows[at + 1];
    // Where windows touch, as frames do, each speaks for itself alone; the last speaks for all that is left.
    const isApart = next === undefined || samplesOf(next.start) === end;
    heardTo = isApart ? end : samplesOf(window.start) + half;
    return finder.push({ start, end: heardTo, scores: heardScores(window) });
  });
  return [...found, ...finder.finish(length)].filter(({ state }) => state === "ended")
    .map(({ start, end, index, score }) => {
      return { start: start / rateHz, end: end / rateHz, label: labels[index]!, score };
    }).sort((a, b) => a.start - b.start);
}
