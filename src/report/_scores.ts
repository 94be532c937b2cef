/**
 * What the outputs of a model come to, clip by clip and class by class.
 *
 * @module
 */
import type { ClipPrediction, ReportData } from "./report_data.ts";

/** A clip with what the report says about it. */
export interface ScoredClip {
  readonly clip: ClipPrediction;
  /** Its path from the folder that holds all clips. */
  readonly name: string;
  /** Probabilities; in regression the values. Shape: `[N]`. */
  readonly scores: Float64Array;
  /** The class with the highest score. */
  readonly predicted: number;
  /** Cross-entropy, binary cross-entropy or squared error. */
  readonly loss: number;
  readonly isRight: boolean;
}

/** How a class fared. */
export interface ClassScores {
  readonly label: string;
  readonly samples: number;
  /** Clips that were taken for the class. */
  readonly claimed: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Clips of one class that were taken for another. */
export interface Confusion {
  readonly actual: number;
  readonly predicted: number;
  readonly clips: number;
}

/** Works out every clip of an evaluation. */
export function scoreClips(data: ReportData): ScoredClip[] {
  const score = {
    single_label_classification: scoreOneLabel,
    multi_label_classification: scoreSeveralLabels,
    regression: scoreValue,
  }[data.problemType];
  const clips = data.evaluation?.clips ?? [];
  const folder = commonFolder(clips.map(({ file }) => file));
  return clips.map((clip) => ({ ...score(clip), name: clip.file.slice(folder.length) }));
}

/** What all paths begin with, up to a slash: of a path alone, its folder. */
export function commonFolder(paths: readonly string[]): string {
  if (paths.length === 0) return "";
  const [first, last] = paths.reduce(
    ([low, high], path) => [path < low ? path : low, path > high ? path : high],
    [paths[0]!, paths[0]!],
  );
  let same = 0;
  while (same < first.length && first[same] === last[same]) same++;
  const common = first.slice(0, same);
  return common.slice(0, Math.max(common.lastIndexOf("/"), common.lastIndexOf("\\")) + 1);
}

type Score = Omit<ScoredClip, "name">;

function scoreOneLabel(clip: ClipPrediction): Score {
  const logits = Float64Array.from(clip.logits);
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const logSum = top + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0));
  const predicted = Math.max(0, logits.indexOf(top));
  const target = clip.target as number;
  return {
    clip,
    scores: logits.map((x) => Math.exp(x - logSum)),
    predicted,
    loss: numberOr(logSum - logits[target]!, Infinity),
    isRight: predicted === target,
  };
}

function scoreSeveralLabels(clip: ClipPrediction): Score {
  const logits = Float64Array.from(clip.logits);
  const targets = clip.target as readonly number[];
  const losses = logits.map((x, i) =>
    Math.max(x, 0) - x * targets[i]! + Math.log1p(Math.exp(-Math.abs(x)))
  );
  return {
    clip,
    scores: logits.map((x) => 1 / (1 + Math.exp(-x))),
    predicted: Math.max(0, logits.indexOf(Math.max(...logits))),
    loss: numberOr(mean(losses), Infinity),
    isRight: logits.every((x, i) => x > 0 === targets[i]! > 0.5),
  };
}

function scoreValue(clip: ClipPrediction): Score {
  const scores = Float64Array.from(clip.logits);
  const loss = numberOr((scores[0]! - (clip.target as number)) ** 2, Infinity);
  return { clip, scores, predicted: 0, loss, isRight: false };
}

/** A model whose training went astray gives NaN, which is as wrong as can be. */
function numberOr(value: number, otherwise: number): number {
  return Number.isNaN(value) ? otherwise : value;
}

/** Precision, recall and F1 of each class. */
export function scoreClasses(data: ReportData, scored: readonly ScoredClip[]): ClassScores[] {
  const isSingle = data.problemType === "single_label_classification";
  return data.labels.map((label, i) => {
    const isOf = ({ clip }: ScoredClip) =>
      isSingle ? clip.target === i : (clip.target as readonly number[])[i]! > 0.5;
    const isTakenFor = (one: ScoredClip) => isSingle ? one.predicted === i : one.scores[i]! > 0.5;
    const samples = scored.filter(isOf);
    const claimed = scored.filter(isTakenFor).length;
    const right = samples.filter(isTakenFor).length;
    return {
      label,
      samples: samples.length,
      claimed,
      precision: claimed ? right / claimed : 0,
      recall: samples.length ? right / samples.length : 0,
      f1: right ? 2 * right / (claimed + samples.length) : 0,
    };
  });
}

/**
 * How often each class was taken for each.
 *
 * Shape: `[N, N]`, a row for what the clip is and a column for what it was taken for.
 */
export function confusionMatrix(classes: number, scored: readonly ScoredClip[]): Int32Array {
  const matrix = new Int32Array(classes * classes);
  for (const { clip, predicted } of scored) {
    matrix[(clip.target as number) * classes + predicted]!++;
  }
  return matrix;
}

/** The pairs that are confused, the most frequent first. */
export function confusions(matrix: Int32Array, classes: number): Confusion[] {
  const pairs = Array.from(matrix, (clips, i): Confusion => ({
    actual: Math.floor(i / classes),
    predicted: i % classes,
    clips,
  }));
  return pairs.filter(({ actual, predicted, clips }) => clips > 0 && actual !== predicted)
    .sort((a, b) => b.clips - a.clips);
}

/** Clips with about the same confidence. */
export interface ConfidenceBin {
  readonly clips: number;
  /** Mean probability of the predicted class. */
  readonly confidence: number;
  readonly accuracy: number;
}

const CONFIDENCE_BINS = 10;

/** Bins of equal width from 0 to 1; empty ones too. */
export function confidenceBins(scored: readonly ScoredClip[]): ConfidenceBin[] {
  return Array.from({ length: CONFIDENCE_BINS }, (_, bin) => {
    const inside = scored.filter((one) =>
      Math.min(CONFIDENCE_BINS - 1, Math.floor(confidenceOf(one) * CONFIDENCE_BINS)) === bin
    );
    return {
      clips: inside.length,
      confidence: mean(inside.map(confidenceOf)),
      accuracy: mean(inside.map(({ isRight }) => Number(isRight))),
    };
  });
}

/** How far confidence and accuracy lie apart, on average over the clips. */
export function calibrationError(bins: readonly ConfidenceBin[]): number {
  const clips = bins.reduce((sum, bin) => sum + bin.clips, 0);
  const apart = (bin: ConfidenceBin) => Math.abs(bin.accuracy - bin.confidence) * bin.clips / clips;
  return bins.reduce((sum, bin) => sum + (bin.clips > 0 ? apart(bin) : 0), 0);
}

/** The probability of the class that is predicted. */
export function confidenceOf({ scores, predicted }: ScoredClip): number {
  return scores[predicted]!;
}

/**
 * Where a share of so many lies with 95 % certainty, after Wilson (1927).
 *
 * @example
 * ```ts
 * import { wilsonInterval } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const [low, high] = wilsonInterval(110 / 112, 112);
 * equal(`${low.toFixed(3)} to ${high.toFixed(3)}`, "0.937 to 0.995");
 * ```
 */
export function wilsonInterval(share: number, clips: number): [number, number] {
  const z2 = 1.96 ** 2;
  const middle = (share + z2 / (2 * clips)) / (1 + z2 / clips);
  const half = 1.96 * Math.sqrt(share * (1 - share) / clips + z2 / (4 * clips ** 2)) /
    (1 + z2 / clips);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** The mean of some numbers; NaN where there are none. */
export function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, x) => sum + x, 0) / values.length;
}
