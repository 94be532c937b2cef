/**
 * What was detected in a recording beside what is there: which of it is right, and which part is worth a look.
 *
 * @module
 */
import type { SoundEvent } from "../detect/mod.ts";
import type { ReportRecording } from "./report_data.ts";

/** A part of a recording. */
export interface Stretch {
  recording: ReportRecording;
  startSec: number;
  endSec: number;
}

/** An event, and whether there is one of its class on the other side at that time. */
export interface MarkedEvent extends SoundEvent {
  isMatched: boolean;
}

/** The events of both sides, each with whether it meets one of the other. */
export function markedEvents(
  { truth, detected }: ReportRecording,
): { truth: MarkedEvent[]; detected: MarkedEvent[] } {
  return { truth: marked(truth, detected), detected: marked(detected, truth) };
}

function marked(events: readonly SoundEvent[], others: readonly SoundEvent[]): MarkedEvent[] {
  const byLabel = Map.groupBy(others, ({ label }) => label);
  return events.map(({ start, end, label }) => {
    const isMatched = (byLabel.get(label) ?? []).some((other) => {
      return other.start < end && other.end > start;
    });
    return { start, end, label, isMatched };
  });
}

/** Events that meet none of the other side: missed, or detected without being there. */
export function mistakesOf(recording: ReportRecording): MarkedEvent[] {
  const { truth, detected } = markedEvents(recording);
  return [...truth, ...detected].filter(({ isMatched }) => !isMatched);
}

/** The part of so many seconds with most mistakes, of equals that with most events, of these the first. */
export function worstStretch(recording: ReportRecording, maxSec: number): Stretch {
  const { durationSec } = recording;
  if (durationSec <= maxSec) return { recording, startSec: 0, endSec: durationSec };
  const mistakes = mistakesOf(recording);
  const events = [...recording.truth, ...recording.detected];
  const within = (all: readonly SoundEvent[], from: number) => {
    return all.filter(({ start, end }) => start >= from && end <= from + maxSec).length;
  };
  const starts = events.map(({ start }) => {
    // A little before the event, so that one sees how it begins.
    return Math.max(0, Math.min(durationSec - maxSec, Math.floor(start - 1)));
  }).sort((a, b) => a - b);
  const scored = [0, ...starts].map((startSec) => ({
    startSec,
    mistakes: within(mistakes, startSec),
    events: within(events, startSec),
  }));
  const { startSec } = scored.reduce((best, one) => {
    const isWorse = one.mistakes > best.mistakes ||
      one.mistakes === best.mistakes && one.events > best.events;
    return isWorse ? one : best;
  });
  return { recording, startSec, endSec: startSec + maxSec };
}

/** The events that have a part in a stretch, cut to it. */
export function eventsWithin<E extends SoundEvent>(
  events: readonly E[],
  { startSec, endSec }: Pick<Stretch, "startSec" | "endSec">,
): E[] {
  return events.filter(({ start, end }) => start < endSec && end > startSec).map((event) => ({
    ...event,
    start: Math.max(event.start, startSec),
    end: Math.min(event.end, endSec),
  }));
}
