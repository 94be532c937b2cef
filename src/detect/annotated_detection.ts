/**
 * What is in a recording beside what was detected in it: what the measures of detection start from.
 *
 * @module
 */

import type { SoundEvent } from "./sound_event.ts";

/** A recording, and what was detected in it. */
export interface AnnotatedDetection {
  /** What people say is there. */
  truth: readonly SoundEvent[];
  /** What a model says is there; every event once, when it has ended. */
  detected: readonly SoundEvent[];
}

/** The events by class. */
export function byLabel(events: readonly SoundEvent[]): Map<string, SoundEvent[]> {
  return Map.groupBy(events, ({ label }) => label);
}

/** The classes of a recording, each once. */
export function labelsOf({ truth, detected }: AnnotatedDetection): Set<string> {
  return new Set([...truth, ...detected].map(({ label }) => label));
}

/** Seconds that two stretches have in common. */
export function overlapSeconds(
  a: Pick<SoundEvent, "start" | "end">,
  b: Pick<SoundEvent, "start" | "end">,
): number {
  return Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start));
}
