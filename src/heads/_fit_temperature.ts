/**
 * The temperature at which a model's certainty agrees with how often it is right: the one of least cross-entropy over
 * clips that it was not trained on.
 *
 * Source: Guo et al. 2017, "On calibration of modern neural networks".
 *
 * @module
 */
import { calibrated, type ScoreKind, sigmoid, softmax } from "../scores/mod.ts";
import { minimise } from "./_logistic_regression.ts";

/** Outputs of clips, and what they should be. */
export interface TargetedOutputs {
  /** `[n]` of `[N]` */
  logits: readonly ArrayLike<number>[];
  /** `[n]` of `[N]`, from 0 to 1. */
  targets: readonly ArrayLike<number>[];
  kind: ScoreKind;
}

/** A temperature and a bias for each class. */
export interface VectorScaling {
  temperature: number[];
  bias: number[];
}

/** Nothing is colder or hotter, whatever the clips say. */
const MOST = 1000;
const HALVINGS = 80;

/**
 * The temperature of least cross-entropy. That is convex in its inverse, whose slope is followed to 0.
 *
 * @returns from 0.001 to 1000.
 */
export function fitTemperature(data: TargetedOutputs): number {
  let [low, high] = [-Math.log(MOST), Math.log(MOST)];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (slopeAt(data, Math.exp(middle)) > 0) high = middle;
    else low = middle;
  }
  return Math.exp(-(low + high) / 2);
}

/** How the cross-entropy changes with the inverse of the temperature. */
function slopeAt({ logits, targets, kind }: TargetedOutputs, inverse: number): number {
  const scoresOf = kind === "softmax" ? softmax : sigmoid;
  return logits.reduce((slope, row, i) => {
    const scores = scoresOf(calibrated(row, { temperature: 1 / inverse }));
    return scores.reduce((sum, score, k) => sum + (score - targets[i]![k]!) * row[k]!, slope);
  }, 0);
}

/**
 * A temperature and a bias for each class, of least cross-entropy.
 *
 * @param l2 what holds them to the one temperature for all, times half the square of the logarithm of each
 * temperature's ratio to it, and of each bias.
 */
export function fitVectorScaling(data: TargetedOutputs, l2 = 1): VectorScaling {
  const common = fitTemperature(data);
  const classes = data.logits[0]!.length;
  const settingsAt = (point: Float64Array): VectorScaling => ({
    temperature: Array.from(point.subarray(0, classes), (x) => common * Math.exp(-x)),
    bias: Array.from(point.subarray(classes)),
  });
  const lossAt = (point: Float64Array, slope: Float64Array) => {
    point.forEach((x, i) => slope[i] = l2 * x);
    const held = l2 / 2 * point.reduce((sum, x) => sum + x * x, 0);
    const settings = settingsAt(point);
    return data.logits.reduce((loss, row, i) => {
      const moved = calibrated(row, settings);
      const scores = (data.kind === "softmax" ? softmax : sigmoid)(moved);
      scores.forEach((score, k) => {
        const error = score - data.targets[i]![k]!;
        slope[k] = slope[k]! + error * (moved[k]! - settings.bias[k]!);
        slope[classes + k] = slope[classes + k]! + error;
      });
      return loss + crossEntropy(moved, data.targets[i]!, data.kind);
    }, held);
  };
  return settingsAt(minimise(lossAt, new Float64Array(2 * classes), 1e-8 * data.logits.length));
}

/** Of one clip, from its outputs by the temperature. */
export function crossEntropy(
  moved: readonly number[],
  targets: ArrayLike<number>,
  kind: ScoreKind,
): number {
  if (kind === "sigmoid") {
    return moved.reduce((sum, x, k) => {
      return sum + Math.max(x, 0) - x * targets[k]! + Math.log1p(Math.exp(-Math.abs(x)));
    }, 0);
  }
  const most = moved.reduce((a, b) => Math.max(a, b), -Infinity);
  const logSum = most + Math.log(moved.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return moved.reduce((sum, x, k) => sum + targets[k]! * (logSum - x), 0);
}
