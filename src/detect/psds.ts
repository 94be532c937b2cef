/**
 * The polyphonic sound detection score (PSDS): how well a model detects over all thresholds at once.
 *
 * Ç. Bilen, G. Ferroni, F. Tuveri, J. Azcarreta, S. Krstulović: A framework for the robust evaluation of sound event
 * detection (ICASSP 2020), without its cross-triggers: what is detected of a wrong class is a false positive like any
 * other. `docs/detect.md` has the formulas.
 *
 * @module
 */

import { byLabel, overlapSeconds } from "./annotated_detection.ts";
import type { SoundEvent } from "./sound_event.ts";

/** A recording, and what was detected in it with each of some thresholds. */
export interface ThresholdedDetection {
  /** What people say is there. */
  truth: readonly SoundEvent[];
  /** What was detected, for each threshold; every recording has the same thresholds in the same order. */
  detected: readonly (readonly SoundEvent[])[];
  /** The recording's length. */
  durationSeconds: number;
}

/** What counts, and how much. */
export interface PsdsOptions {
  /** Detection tolerance: the share of a detected event that has to be events of its class. @default 0.7 */
  detectionTolerance?: number;
  /** Ground truth intersection: the share of an event that relevant detections have to cover. @default 0.7 */
  truthTolerance?: number;
  /** What the standard deviation between the classes is multiplied with; 0 to leave it out. @default 1 */
  instabilityCost?: number;
  /** The most false positives of a class in an hour, where the curve ends. @default 100 */
  maxFalsePositivesPerHour?: number;
}

/** The score, and the curve that it is the area under. */
export interface Psds {
  /** In [0, 1]; NaN where nothing is annotated. */
  score: number;
  /** The steps of the curve: from `falsePositivesPerHour` on, up to the next one. */
  curve: { falsePositivesPerHour: number; truePositiveRate: number }[];
}

/** A threshold of a class: where it stands in the class's curve. */
interface OperatingPoint {
  falsePositivesPerHour: number;
  truePositiveRate: number;
}

/**
 * Computes the score.
 *
 * @param recordings with what was detected by each threshold.
 * @param options the tolerances.
 * @throws {RangeError} where recordings have different numbers of thresholds, or have no length.
 *
 * @example
 * ```ts
 * import { psds } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const truth = [{ start: 10, end: 12, label: "bark" }];
 * const near = { start: 10, end: 12.5, label: "bark" };
 * const wrong = { start: 40, end: 41, label: "bark" };
 * // With the lower threshold there is one more event, 36 in an hour: nothing is detected below that.
 * const detected = [[near, wrong], [wrong]];
 * const { score } = psds([{ truth, detected, durationSeconds: 100 }]);
 * equal(score, 0.64);
 * ```
 */
export function psds(
  recordings: readonly ThresholdedDetection[],
  options: PsdsOptions = {},
): Psds {
  const { instabilityCost = 1, maxFalsePositivesPerHour: most = 100 } = options;
  const thresholds = expectAlike(recordings);
  const hours = recordings.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0) / 3600;
  const labels = new Set(recordings.flatMap(({ truth }) => truth.map(({ label }) => label)));
  const curves = Array.from(labels, (label) => {
    const points = Array.from({ length: thresholds }, (_, at) => {
      return operatingPoint(recordings, { label, at, hours }, options);
    });
    return points.sort((a, b) => a.falsePositivesPerHour - b.falsePositivesPerHour);
  });
  const steps = new Set([0, ...curves.flat().map((point) => point.falsePositivesPerHour)]);
  const within = [...steps].filter((step) => step < most).sort((a, b) => a - b);
  const curve = within.map((falsePositivesPerHour) => {
    const rates = curves.map((points) => rateAt(points, falsePositivesPerHour));
    return { falsePositivesPerHour, truePositiveRate: effectiveRate(rates, instabilityCost) };
  });
  const area = curve.reduce((sum, { falsePositivesPerHour: from, truePositiveRate }, at) => {
    const to = curve[at + 1]?.falsePositivesPerHour ?? most;
    return sum + truePositiveRate * (to - from);
  }, 0);
  return { score: area / most, curve };
}

function expectAlike(recordings: readonly ThresholdedDetection[]): number {
  const thresholds = recordings[0]?.detected.length ?? 0;
  for (const { detected, durationSeconds } of recordings) {
    if (detected.length !== thresholds) {
      throw new RangeError(
        `Cannot compute the PSDS: expected ${thresholds} thresholds for each recording, found ${detected.length}`,
      );
    }
    if (!(durationSeconds > 0)) {
      throw new RangeError(
        `Cannot compute the PSDS: expected recordings longer than 0 s, found ${durationSeconds}`,
      );
    }
  }
  return thresholds;
}

/** What a threshold finds of a class. */
function operatingPoint(
  recordings: readonly ThresholdedDetection[],
  { label, at, hours }: { label: string; at: number; hours: number },
  { detectionTolerance = 0.7, truthTolerance = 0.7 }: PsdsOptions,
): OperatingPoint {
  let [events, found, falsePositives] = [0, 0, 0];
  for (const { truth, detected } of recordings) {
    const there = byLabel(truth).get(label) ?? [];
    const own = byLabel(detected[at]!).get(label) ?? [];
    const relevant = own.filter((event) => coveredShare(event, there) >= detectionTolerance);
    events += there.length;
    found += there.filter((event) => coveredShare(event, relevant) >= truthTolerance).length;
    falsePositives += own.length - relevant.length;
  }
  return { falsePositivesPerHour: falsePositives / hours, truePositiveRate: found / events };
}

/** Times from samples and from decimals differ by less. */
const SLACK = 1e-9;

/** How much of an event others cover; they are of one class, and so apart from each other. */
function coveredShare(event: SoundEvent, others: readonly SoundEvent[]): number {
  const covered = others.reduce((sum, other) => sum + overlapSeconds(event, other), 0);
  return covered / (event.end - event.start) + SLACK;
}

/** The best that a class reaches with so many false positives or fewer. */
function rateAt(points: readonly OperatingPoint[], falsePositivesPerHour: number): number {
  const allowed = points.filter((point) => point.falsePositivesPerHour <= falsePositivesPerHour);
  return Math.max(0, ...allowed.map(({ truePositiveRate }) => truePositiveRate));
}

/** The mean over the classes less what they differ by, and never below nothing. */
function effectiveRate(rates: readonly number[], instabilityCost: number): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  return Math.max(0, mean - instabilityCost * Math.sqrt(variance));
}
