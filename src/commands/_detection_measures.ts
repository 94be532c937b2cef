/**
 * What a detection over annotated recordings comes to, as `eval` prints it and gives it to programs.
 *
 * @module
 */
import {
  type DetectPlan,
  eventF1,
  eventsOfScores,
  type F1Measures,
  psds,
  segmentF1,
  type SoundEvent,
  wakeWordCurve,
  type WakeWordPoint,
  wakeWordPoint,
  type WindowScores,
} from "../detect/mod.ts";
import { table } from "./_output.ts";

/** A recording with what is there, what was detected, and the scores that this came from. */
export interface DetectedRecording {
  file: string;
  truth: readonly SoundEvent[];
  detected: readonly (SoundEvent & { score: number })[];
  windows: readonly WindowScores[];
  durationSeconds: number;
}

/** How it was detected. */
export interface DetectionSetup {
  plan: DetectPlan;
  labels: readonly string[];
  rateHz: number;
  /** The class whose false accepts are counted against its misses. */
  wakeWord?: string;
}

/** The figures. */
export interface DetectionMeasures {
  segment: F1Measures;
  event: F1Measures;
  /** Without the costs of cross-triggers; see `docs/detect.md`. */
  psds: number;
  /** Micro-averaged F1 where all classes have one threshold, with the same filters. */
  thresholds: { threshold: number; segmentF1: number; eventF1: number }[];
  recordings: number;
  hours: number;
  events: number;
  detected: number;
  wakeWord?: { label: string; words: number; curve: WakeWordPoint[] };
}

/** The thresholds of the PSDS and of the table: 50 from 0.01 to 0.99, as in DCASE. */
const THRESHOLDS = Array.from({ length: 50 }, (_, i) => 0.01 + 0.02 * i);

/** Computes the figures. */
export function detectionMeasures(
  recordings: readonly DetectedRecording[],
  setup: DetectionSetup,
): DetectionMeasures {
  const swept = recordings.map((recording) => ({
    truth: recording.truth,
    durationSeconds: recording.durationSeconds,
    detected: THRESHOLDS.map((threshold) => {
      return eventsOfScores(
        { ...setup, windows: recording.windows },
        atThreshold(setup, threshold),
      );
    }),
  }));
  const seconds = sum(recordings.map(({ durationSeconds }) => durationSeconds));
  return {
    segment: segmentF1(recordings),
    event: eventF1(recordings),
    psds: psds(swept).score,
    thresholds: THRESHOLDS.map((threshold, at) => {
      const found = swept.map(({ truth, detected }) => ({ truth, detected: detected[at]! }));
      return {
        threshold: Number(threshold.toFixed(2)),
        segmentF1: segmentF1(found).micro.f1,
        eventF1: eventF1(found).micro.f1,
      };
    }),
    recordings: recordings.length,
    hours: seconds / 3600,
    events: sum(recordings.map(({ truth }) => truth.length)),
    detected: sum(recordings.map(({ detected }) => detected.length)),
    ...setup.wakeWord !== undefined && {
      wakeWord: wakeWordMeasures(recordings, setup, setup.wakeWord),
    },
  };
}

/** The same plan with one threshold, and with hysteresis as wide as before in proportion. */
function atThreshold({ plan }: DetectionSetup, threshold: number): DetectPlan {
  const classes = plan.classes.map(({ index, on, off }) => {
    return { index, on: threshold, off: on > 0 ? threshold * off / on : threshold };
  });
  return { ...plan, classes };
}

function wakeWordMeasures(
  recordings: readonly DetectedRecording[],
  { labels, plan: { meanWindows, medianWindows } }: DetectionSetup,
  label: string,
): NonNullable<DetectionMeasures["wakeWord"]> {
  const index = labels.indexOf(label);
  const scored = recordings.map(({ windows, truth, durationSeconds }) => ({
    windows: windows.map(({ start, end, scores }) => ({ start, end, score: scores[index]! })),
    words: truth.filter((event) => event.label === label),
    durationSeconds,
  }));
  const curve = wakeWordCurve(scored, { meanWindows, medianWindows });
  const words = sum(recordings.map(({ truth }) => {
    return truth.filter((event) => event.label === label).length;
  }));
  return { label, words, curve };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** As one object: the figures that matter at the top, by names with underscores as other metrics have them. */
export function detectionRecord(measures: DetectionMeasures): Record<string, unknown> {
  const { segment, event, ...rest } = measures;
  const labels = Object.keys({ ...segment.perClass, ...event.perClass }).sort();
  return {
    segment_f1_micro: segment.micro.f1,
    segment_f1_macro: segment.macroF1,
    event_f1_micro: event.micro.f1,
    event_f1_macro: event.macroF1,
    ...rest,
    segment: segment.micro,
    event: event.micro,
    perClass: Object.fromEntries(labels.map((label) => [label, {
      segment: segment.perClass[label],
      event: event.perClass[label],
    }])),
  };
}

/** A table by class, and of a wake word what it costs to miss fewer. */
export function detectionTables({ segment, event, wakeWord }: DetectionMeasures): string {
  const rows = Object.keys(event.perClass).sort().map((label) => {
    const [one, own] = [event.perClass[label]!, segment.perClass[label]!];
    const counts = [one.truePositives + one.falseNegatives, one.truePositives + one.falsePositives];
    return [label, ...counts, ...[own.f1, one.precision, one.recall, one.f1].map(figure)];
  });
  const headings = ["Class", "Events", "Detected", "Segment F1", "Precision", "Recall", "Event F1"];
  const classes = table(headings, rows);
  return wakeWord ? `${classes}\n\n${wakeWordTable(wakeWord)}` : classes;
}

/** False accepts an hour that are shown. */
const BUDGETS = [0, 0.25, 0.5, 1, 2, 5, 10];

function wakeWordTable({ curve, words }: NonNullable<DetectionMeasures["wakeWord"]>): string {
  const rows = BUDGETS.map((budget) => {
    const point = wakeWordPoint(curve, budget);
    if (!point) return [budget, "–", "–", "–", "–"];
    const { threshold, falseAccepts, falseAcceptsPerHour, misses, missRate } = point;
    const missed = `${misses} of ${words} (${(100 * missRate).toFixed(1)} %)`;
    return [budget, threshold.toFixed(2), falseAccepts, falseAcceptsPerHour.toFixed(2), missed];
  });
  return table(["At most an hour", "Threshold", "False accepts", "An hour", "Missed"], rows);
}

/** "Segment F1 0.931 (macro 0.928), event F1 0.842 (macro 0.839), PSDS 0.612, 240 events in 1.00 h, 238 detected" */
export function detectionLine(measures: DetectionMeasures): string {
  const { segment, event, events, detected, hours } = measures;
  return `Segment F1 ${figure(segment.micro.f1)} (macro ${figure(segment.macroF1)}), ` +
    `event F1 ${figure(event.micro.f1)} (macro ${figure(event.macroF1)}), ` +
    `PSDS ${figure(measures.psds)}, ${events} events in ${
      hours.toFixed(2)
    } h, ${detected} detected`;
}

/** "One threshold for all classes: event F1 is highest at 0.61 (0.853), segment F1 at 0.55 (0.934)" */
export function bestThresholdsLine({ thresholds }: DetectionMeasures): string {
  const best = (name: "eventF1" | "segmentF1") => {
    const most = thresholds.reduce((a, b) => b[name] > a[name] ? b : a);
    return `${most.threshold.toFixed(2)} (${figure(most[name])})`;
  };
  return `One threshold for all classes: event F1 is highest at ${best("eventF1")}, ` +
    `segment F1 at ${best("segmentF1")}`;
}

function figure(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(3);
}
