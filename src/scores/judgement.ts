/**
 * From a model's outputs to what is said of a clip: scores, and whether it is any of the classes at all.
 *
 * Plain double precision: a handful of numbers a clip. Source of the temperature: Guo et al. 2017, "On calibration of
 * modern neural networks"; of the energy: Liu et al. 2020, "Energy-based out-of-distribution detection"; of the
 * distance: Lee et al. 2018, here with one deviation for each feature in the place of a full covariance.
 *
 * @module
 */
import type { Rejection, ScoreSettings, Unlikeness } from "./settings.ts";

/** What a model gives for one clip. */
export interface ClipOutputs {
  /** `[N]` */
  logits: ArrayLike<number>;
  /** `[D]`, the last of the vectors that the head starts from; needed for a distance or the noise. */
  features?: ArrayLike<number>;
}

/** One of several classes a clip, or any number of them. */
export type ScoreKind = "softmax" | "sigmoid";

/** What is said of a clip. */
export interface Judgement {
  /** `[N]`; where the clip is none of the classes, at most a half, and together with `none` as much as before. */
  scores: number[];
  /** How surely it is none of the classes, from a half to 1, where it is. */
  none?: number;
  /** Whether a measure says so, and not only thresholds that no score reaches. */
  isUnlike: boolean;
}

/** The outputs by the temperature. **Shape** `[N]` -> `[N]` */
export function calibrated(
  logits: ArrayLike<number>,
  { temperature, bias }: Pick<ScoreSettings, "temperature" | "bias">,
): number[] {
  return Array.from(logits, (logit, k) => {
    const divisor = typeof temperature === "number" ? temperature : temperature[k]!;
    return logit / divisor + (bias?.[k] ?? 0);
  });
}

/** Outputs as shares of one. **Shape** `[N]` -> `[N]` */
export function softmax(logits: readonly number[]): number[] {
  // Taking the greatest off first keeps `exp` finite.
  let greatest = -Infinity;
  for (let i = 0; i < logits.length; i++) greatest = Math.max(greatest, logits[i]!);
  const shares = new Array<number>(logits.length);
  let sum = 0;
  for (let i = 0; i < shares.length; i++) sum += shares[i] = Math.exp(logits[i]! - greatest);
  for (let i = 0; i < shares.length; i++) shares[i] = shares[i]! / sum;
  return shares;
}

/** Each output by itself, from 0 to 1. **Shape** `[N]` -> `[N]` */
export function sigmoid(logits: readonly number[]): number[] {
  return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
}

/** How unlike the classes a clip is, the more the higher. */
export function unlikenessOf(
  { logits, features }: ClipOutputs,
  how:
    | { method: "energy" }
    | Pick<Unlikeness & { method: "distance" }, "method" | "means" | "deviations">,
): number {
  if (how.method === "distance") return nearestMean(features!, how);
  const greatest = Array.from(logits).reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = Array.from(logits).reduce((a, b) => a + Math.exp(b - greatest), 0);
  return -(greatest + Math.log(sum));
}

/** The logarithm of the distance to the nearest class's mean, in deviations of a feature. */
function nearestMean(
  features: ArrayLike<number>,
  { means, deviations }: { means: Float32Array; deviations: Float32Array },
): number {
  const size = deviations.length;
  let nearest = Infinity;
  for (let at = 0; at < means.length; at += size) {
    let sum = 0;
    for (let d = 0; d < size; d++) sum += ((features[d]! - means[at + d]!) / deviations[d]!) ** 2;
    nearest = Math.min(nearest, sum);
  }
  return Math.log(nearest / size + 1e-12) / 2;
}

/** How like noise a clip is: above 0 where it is more like that than like a recording of something. */
export function noiseOf(
  { features }: ClipOutputs,
  { weights, bias }: NonNullable<Rejection["noise"]>,
): number {
  return weights.reduce((sum, weight, d) => sum + weight * features![d]!, bias);
}

/** Whether the settings look at a clip's features. */
export function needsFeatures(settings: ScoreSettings | undefined): boolean {
  const { unlikeness, noise } = settings?.rejection ?? {};
  return unlikeness?.method === "distance" || noise !== undefined;
}

/** How far the measures are over their limits; a clip is none of the classes from 0 on. */
export function excess(outputs: ClipOutputs, { unlikeness, noise }: Rejection): number {
  const { threshold, scale } = unlikeness;
  const unlike = (unlikenessOf(outputs, unlikeness) - threshold) / scale;
  return noise ? Math.max(unlike, noiseOf(outputs, noise)) : unlike;
}

/**
 * What the settings make of a clip.
 *
 * A clip is none of the classes where a measure is over its limit; or where no answer counts, since the best score is
 * below the threshold of its class (with several labels a clip: since every score is). Scores then share what `none`
 * leaves, so that it comes first.
 *
 * @example
 * ```ts
 * import { judge } from "./judgement.ts";
 * import { deepEqual } from "node:assert/strict";
 *
 * const settings = { temperature: 2, thresholds: {} };
 * const { scores } = judge({ logits: [2, 2] }, { settings, labels: ["dog", "cat"], kind: "softmax" });
 * deepEqual(scores, [0.5, 0.5]);
 * ```
 */
export function judge(
  outputs: ClipOutputs,
  { settings, labels, kind }: {
    settings: ScoreSettings;
    labels: readonly string[];
    kind: ScoreKind;
  },
): Judgement {
  const { rejection } = settings;
  const moved = calibrated(outputs.logits, settings);
  const scores = kind === "softmax" ? softmax(moved) : sigmoid(moved);
  const over = rejection ? excess(outputs, rejection) : -Infinity;
  const isUnlike = over >= 0;
  const unsure = doubt(scores, { settings, labels, kind });
  if (!isUnlike && unsure === 0) return { scores, isUnlike };
  const none = Math.max(isUnlike ? 1 / (1 + Math.exp(-over)) : 0, unsure);
  return { scores: scores.map((score) => (1 - none) * score), none, isUnlike };
}

/** 0 where an answer counts; else a half and more, the more the further the nearest one is below its threshold. */
function doubt(
  scores: readonly number[],
  { settings: { thresholds }, labels, kind }: Parameters<typeof judge>[1],
): number {
  const reached = scores.map((score, k) => {
    const threshold = Object.hasOwn(thresholds, labels[k]!) ? thresholds[labels[k]!]! : 0;
    return threshold === 0 ? 1 : score / threshold;
  });
  const best = kind === "softmax"
    ? reached[scores.indexOf(Math.max(...scores))]!
    : Math.max(...reached);
  return best >= 1 ? 0 : 1 - best / 2;
}
