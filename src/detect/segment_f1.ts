/**
 * Segment-based F1: is it known in which seconds a sound is there.
 *
 * A. Mesaros, T. Heittola, T. Virtanen: Metrics for polyphonic sound event detection (Applied Sciences 6, 2016),
 * section 3.1. Recordings are divided into segments of one length, from their first sample on. A class is active in a
 * segment where one of its events has a part of it, however short.
 *
 * @module
 */

import { type AnnotatedDetection, byLabel, labelsOf } from "./annotated_detection.ts";
import { ClassCounts, type F1Measures } from "./_f1.ts";
import type { SoundEvent } from "./sound_event.ts";

/** How recordings are divided. */
export interface SegmentF1Options {
  /** The length of a segment. @default 1 */
  segmentSeconds?: number;
}

/**
 * Counts for each segment and class whether the class is there and whether it was detected.
 *
 * @param recordings each is divided by itself.
 * @param options the length of a segment.
 * @returns segments in which a class is there and detected, only detected, and only there.
 * @throws {RangeError} for segments that are not longer than nothing.
 *
 * @example
 * ```ts
 * import { segmentF1 } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * // Of the seconds 0, 1 and 2 the last one was missed.
 * const truth = [{ start: 0.5, end: 2.5, label: "rain" }];
 * const detected = [{ start: 0.2, end: 1.9, label: "rain" }];
 * const { micro } = segmentF1([{ truth, detected }]);
 * equal(micro.precision, 1);
 * equal(micro.recall, 2 / 3);
 * equal(micro.f1, 0.8);
 * ```
 */
export function segmentF1(
  recordings: readonly AnnotatedDetection[],
  options: SegmentF1Options = {},
): F1Measures {
  const { segmentSeconds = 1 } = options;
  if (!(segmentSeconds > 0)) {
    throw new RangeError(
      `Cannot divide recordings: expected segments above 0 s, found ${segmentSeconds}`,
    );
  }
  const counts = new ClassCounts();
  for (const recording of recordings) {
    const [truth, detected] = [byLabel(recording.truth), byLabel(recording.detected)];
    for (const label of labelsOf(recording)) {
      const there = segmentsOf(truth.get(label) ?? [], segmentSeconds);
      const found = segmentsOf(detected.get(label) ?? [], segmentSeconds);
      const both = there.intersection(found).size;
      counts.add(label, {
        truePositives: both,
        falsePositives: found.size - both,
        falseNegatives: there.size - both,
      });
    }
  }
  return counts.measures();
}

/** Times from samples and from decimals differ by less: an event that ends with a segment has no part of the next. */
const SLACK = 1e-6;

function segmentsOf(events: readonly SoundEvent[], seconds: number): Set<number> {
  const segments = new Set<number>();
  for (const { start, end } of events) {
    const last = Math.ceil((end - SLACK) / seconds);
    for (let at = Math.floor((start + SLACK) / seconds); at < last; at++) segments.add(at);
  }
  return segments;
}
