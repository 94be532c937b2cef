/**
 * Event-based F1: is each sound detected as one event, with its beginning and its end.
 *
 * A. Mesaros, T. Heittola, T. Virtanen: Metrics for polyphonic sound event detection (Applied Sciences 6, 2016),
 * section 3.2. Of the ways to pair what is there with what was detected, one is taken that has most pairs.
 *
 * @module
 */

import { type AnnotatedDetection, byLabel, labelsOf } from "./annotated_detection.ts";
import { ClassCounts, type F1Measures } from "./_f1.ts";
import type { SoundEvent } from "./sound_event.ts";

/** How near a detected event has to be. */
export interface EventF1Options {
  /** How far the two beginnings may be apart, in seconds. @default 0.2 */
  onsetSeconds?: number;
  /** How far the two ends may be apart, in seconds. @default 0.2 */
  offsetSeconds?: number;
  /** How far the two ends may be apart as a share of the event that is there, where that is more. @default 0.2 */
  offsetShare?: number;
}

/**
 * Counts events that are there and detected, only detected, and only there.
 *
 * @param recordings events of different recordings or classes are never paired.
 * @param options how near beginnings and ends have to be.
 *
 * @example
 * ```ts
 * import { eventF1 } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const truth = [{ start: 1, end: 2, label: "bark" }, { start: 5, end: 9, label: "bark" }];
 * // The second one ends 0.7 s late, within 20 % of its 4 s; the third was never there.
 * const detected = [
 *   { start: 1.1, end: 2.1, label: "bark" },
 *   { start: 5, end: 9.7, label: "bark" },
 *   { start: 11, end: 12, label: "bark" },
 * ];
 * const { micro } = eventF1([{ truth, detected }]);
 * equal(micro.recall, 1);
 * equal(micro.f1, 0.8);
 * ```
 */
export function eventF1(
  recordings: readonly AnnotatedDetection[],
  options: EventF1Options = {},
): F1Measures {
  const counts = new ClassCounts();
  for (const recording of recordings) {
    const [truth, detected] = [byLabel(recording.truth), byLabel(recording.detected)];
    for (const label of labelsOf(recording)) {
      const there = truth.get(label) ?? [];
      const found = detected.get(label) ?? [];
      const pairs = mostPairs(there, found, options);
      counts.add(label, {
        truePositives: pairs,
        falsePositives: found.length - pairs,
        falseNegatives: there.length - pairs,
      });
    }
  }
  return counts.measures();
}

/** Times from samples and from decimals differ by less. */
const SLACK = 1e-6;

/** How many events can be paired one to one: a matching of most pairs, by augmenting paths (Kuhn 1955). */
function mostPairs(
  truth: readonly SoundEvent[],
  detected: readonly SoundEvent[],
  options: EventF1Options,
): number {
  const fitting = truth.map((event) => {
    return detected.flatMap((other, at) => isNear(event, other, options) ? [at] : []);
  });
  const partnerOf = new Map<number, number>();
  const canPair = (event: number, tried: Set<number>): boolean =>
    fitting[event]!.some((at) => {
      if (tried.has(at)) return false;
      tried.add(at);
      const partner = partnerOf.get(at);
      if (partner !== undefined && !canPair(partner, tried)) return false;
      partnerOf.set(at, event);
      return true;
    });
  return truth.filter((_, event) => canPair(event, new Set())).length;
}

function isNear(
  truth: SoundEvent,
  detected: SoundEvent,
  { onsetSeconds = 0.2, offsetSeconds = 0.2, offsetShare = 0.2 }: EventF1Options,
): boolean {
  const offset = Math.max(offsetSeconds, offsetShare * (truth.end - truth.start));
  return Math.abs(detected.start - truth.start) <= onsetSeconds + SLACK &&
    Math.abs(detected.end - truth.end) <= offset + SLACK;
}
