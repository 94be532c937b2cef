/**
 * Where clips are cut out of a long recording: around what is labelled, and where nothing is.
 *
 * Only times are drawn here; `cut_file.ts` takes the samples.
 *
 * @module
 */

import type { SoundEvent } from "../detect/mod.ts";
import type { Random } from "../random.ts";

/** A stretch of time, in seconds. */
export interface Stretch {
  start: number;
  end: number;
}

/** A clip to be cut. */
export interface PlannedCut {
  /** Seconds from the recording's first sample. */
  start: number;
  seconds: number;
  /** Seconds of each label within it, those with most first. */
  labels: Map<string, number>;
}

/** How clips are cut. */
export interface CutPlanOptions {
  /** The length of a clip. */
  windowSeconds: number;
  /** The recording's length. */
  durationSeconds: number;
  /** Draws the places. */
  random: Random;
  /**
   * Whether clips are longer, so that a part of `windowSeconds` taken anywhere in them is as good. Training takes
   * another part in each epoch. @default false
   */
  isLonger?: boolean;
  /** Longer clips are played slower or faster by up to this share, so that as much less or more of them is heard. @default 0 */
  speed?: number;
}

/**
 * The clips around events, each event in at least one.
 *
 * An event that fits lies within its clip as a whole, at a place drawn at random, as far as the recording's ends allow.
 * One that is longer gives as many clips as it takes to cover it, each within it at a place drawn from its share. Other
 * events count in a clip that holds half of them, or half its length of them.
 *
 * @param events in order of their start.
 *
 * @example
 * ```ts
 * import { eventCuts } from "./_cut_plan.ts";
 * import { Random } from "../random.ts";
 * import { equal, ok } from "node:assert/strict";
 *
 * const events = [{ start: 5, end: 5.5, label: "dog" }, { start: 20, end: 26, label: "rain" }];
 * const options = { windowSeconds: 2, durationSeconds: 60, random: new Random(1) };
 * const [dog, ...rain] = eventCuts(events, options);
 * ok(dog!.start >= 3.5 && dog!.start <= 5);
 * equal(rain.length, 3);
 * ```
 */
export function eventCuts(events: readonly SoundEvent[], options: CutPlanOptions): PlannedCut[] {
  const { windowSeconds, random, isLonger = false } = options;
  return events.flatMap((event) => {
    const isShort = event.end - event.start <= windowSeconds;
    return startsFor(event, options).map(([earliest, latest]) => {
      const drawn = earliest + (latest - earliest) * random.uniform();
      const labels = labelsWithin(drawn, windowSeconds, events);
      if (!isLonger) return { start: drawn, seconds: windowSeconds, labels };
      if (isShort) return { ...surroundings(event, options), labels };
      return { start: earliest, seconds: latest - earliest + windowSeconds, labels };
    });
  });
}

/** A short event with as much around it that the least window that is heard has it in it, wherever it is taken. */
function surroundings(
  { start, end }: SoundEvent,
  { windowSeconds, durationSeconds, speed = 0 }: CutPlanOptions,
): { start: number; seconds: number } {
  const around = 2 * windowSeconds * (1 - speed) - (end - start);
  const seconds = Math.max(windowSeconds, around);
  const wanted = (start + end - seconds) / 2;
  const last = Math.max(0, durationSeconds - windowSeconds);
  const from = Math.min(last, Math.max(0, wanted));
  const to = Math.max(from + windowSeconds, Math.min(durationSeconds, wanted + seconds));
  return { start: from, seconds: to - from };
}

/** Where the clips of an event may begin: the earliest and the latest place of each. */
function startsFor(
  { start, end }: SoundEvent,
  { windowSeconds, durationSeconds }: CutPlanOptions,
): [earliest: number, latest: number][] {
  const spare = windowSeconds - (end - start);
  const last = Math.max(0, durationSeconds - windowSeconds);
  if (spare >= 0) {
    const earliest = Math.min(last, Math.max(0, start - spare));
    return [[earliest, Math.max(earliest, Math.min(last, start))]];
  }
  const count = Math.ceil((end - start) / windowSeconds);
  const share = -spare / count;
  const within = (place: number) => Math.min(last, place);
  return Array.from({ length: count }, (_, i) => {
    return [within(start + i * share), within(start + (i + 1) * share)];
  });
}

function labelsWithin(
  start: number,
  seconds: number,
  events: readonly SoundEvent[],
): Map<string, number> {
  const found = new Map<string, number>();
  for (const event of events) {
    if (event.start >= start + seconds) break;
    const within = Math.min(event.end, start + seconds) - Math.max(event.start, start);
    const least = Math.min(event.end - event.start, seconds) / 2;
    // The clip's own event is in it whole, but for rounding.
    if (within >= least - 1e-6 && within > 0) {
      found.set(event.label, (found.get(event.label) ?? 0) + within);
    }
  }
  return new Map([...found].sort(([, a], [, b]) => b - a));
}

/** Where nothing is labelled for at least so long. */
export function freeStretches(
  events: readonly SoundEvent[],
  { durationSeconds, windowSeconds }: Pick<CutPlanOptions, "durationSeconds" | "windowSeconds">,
): Stretch[] {
  const found: Stretch[] = [];
  let free = 0;
  for (const { start, end } of events) {
    if (start - free >= windowSeconds) found.push({ start: free, end: start });
    free = Math.max(free, end);
  }
  if (durationSeconds - free >= windowSeconds) found.push({ start: free, end: durationSeconds });
  return found;
}

/**
 * Draws so many clips from stretches that have room for one, each place as likely as any other; with `isLonger`, up to
 * half a clip on either side comes with them.
 */
export function drawnCuts<T extends Stretch>(
  stretches: readonly T[],
  count: number,
  { windowSeconds, random, isLonger }: Omit<CutPlanOptions, "durationSeconds">,
): { stretch: T; start: number; seconds: number }[] {
  // Where a clip can begin; a little more, so that a stretch of just its length counts, too.
  const room = stretches.map(({ start, end }) => end - start - windowSeconds + 1e-3);
  const total = room.reduce((sum, seconds) => sum + seconds, 0);
  if (stretches.length === 0) return [];
  return Array.from({ length: count }, () => {
    let place = random.uniform() * total;
    let at = 0;
    while (at < room.length - 1 && place >= room[at]!) place -= room[at++]!;
    const stretch = stretches[at]!;
    const latest = Math.max(stretch.start, stretch.end - windowSeconds);
    const start = Math.min(latest, stretch.start + place);
    if (!isLonger) return { stretch, start, seconds: windowSeconds };
    const from = Math.max(stretch.start, start - windowSeconds / 2);
    const to = Math.min(stretch.end, start + 1.5 * windowSeconds);
    return { stretch, start: from, seconds: to - from };
  });
}
