/**
 * Metrics of classification, from scores and class numbers.
 *
 * @module
 */

/** Scores of a data set, as `computeMetrics` gets them. */
export interface EvalPrediction {
  /** `[clips, N]` in row-major order. */
  logits: Float32Array;
  /** N */
  classes: number;
  /** Class number of each clip; or `[clips, N]` numbers, from 0 to 1 where a clip may have several labels. */
  labels: Int32Array | Float32Array;
}

/** Computes metrics of your own; names get the prefix `eval_` in the log. */
export type ComputeMetrics = (prediction: EvalPrediction) => Record<string, number>;

/** The class with the highest score, for each clip; the first of equals. */
export function argMax(
  { logits, classes }: Pick<EvalPrediction, "logits" | "classes">,
): Int32Array {
  const best = new Int32Array(logits.length / classes);
  for (let clip = 0; clip < best.length; clip++) {
    const row = clip * classes;
    for (let label = 1; label < classes; label++) {
      if (logits[row + label]! > logits[row + best[clip]!]!) best[clip] = label;
    }
  }
  return best;
}

/**
 * Share of the clips whose highest score is that of their class; with several labels a clip, of those whose labels are
 * all right, an output above 0 being a label.
 *
 * @example
 * ```ts
 * import { accuracy } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const logits = Float32Array.of(2, 1, 0, 3);
 * assert.equal(accuracy({ logits, classes: 2, labels: Int32Array.of(0, 0) }), 0.5);
 * ```
 */
export function accuracy(prediction: EvalPrediction): number {
  const { logits, classes, labels } = prediction;
  const clips = logits.length / classes;
  const predicted = argMax(prediction);
  let right = 0;
  for (let clip = 0; clip < clips; clip++) {
    const first = clip * classes;
    const isRight = labels instanceof Int32Array
      ? labels[clip] === predicted[clip]
      : labels.subarray(first, first + classes).every((label, i) =>
        label > 0.5 === logits[first + i]! > 0
      );
    if (isRight) right++;
  }
  return right / clips;
}

/** How one class fared. */
export interface ClassMetrics {
  /** Clips of the class. */
  samples: number;
  /** Share of what was taken for the class that is of it; 0 where nothing was. */
  precision: number;
  /** Share of the class that was found; 0 where there is none. */
  recall: number;
  /** Harmonic mean of both. */
  f1: number;
}

/** Precision, recall and F1 of each class, where a clip has one label. */
export function perClass(
  prediction: EvalPrediction,
  labels: readonly string[],
): Record<string, ClassMetrics> {
  const predicted = argMax(prediction);
  const count = (test: (clip: number) => boolean): number =>
    predicted.reduce((sum, _label, clip) => sum + (test(clip) ? 1 : 0), 0);
  return Object.fromEntries(labels.map((name, label) => {
    const samples = count((clip) => prediction.labels[clip] === label);
    const claimed = count((clip) => predicted[clip] === label);
    const right = count((clip) => predicted[clip] === label && prediction.labels[clip] === label);
    const precision = claimed ? right / claimed : 0;
    const recall = samples ? right / samples : 0;
    const f1 = right ? 2 * precision * recall / (precision + recall) : 0;
    return [name, { samples, precision, recall, f1 }];
  }));
}
