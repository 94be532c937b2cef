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

/**
 * The class with the highest score, for each clip; the first of equals.
 *
 * @example
 * ```ts
 * import { argMax } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const logits = Float32Array.of(2, 1, 0, 3);
 * assert.deepEqual(argMax({ logits, classes: 2 }), Int32Array.of(0, 1));
 * ```
 */
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

/** Clips of a class, clips taken for it, and those of them that are of it. */
interface Counts {
  samples: number;
  claimed: number;
  right: number;
}

/** Counts by class; with several labels a clip, an output above 0 claims its label. */
function countsByClass(prediction: EvalPrediction): Counts[] {
  const { classes, labels, logits } = prediction;
  const counts = Array.from({ length: classes }, () => ({ samples: 0, claimed: 0, right: 0 }));
  const note = (label: number, is: boolean, claimed: boolean) => {
    if (is) counts[label]!.samples++;
    if (claimed) counts[label]!.claimed++;
    if (is && claimed) counts[label]!.right++;
  };
  if (labels instanceof Int32Array) {
    argMax(prediction).forEach((claimed, clip) => {
      const own = labels[clip]!;
      note(own, true, own === claimed);
      if (own !== claimed) note(claimed, false, true);
    });
    return counts;
  }
  labels.forEach((label, i) => note(i % classes, label > 0.5, logits[i]! > 0));
  return counts;
}

function shares({ samples, claimed, right }: Counts): ClassMetrics {
  const precision = claimed ? right / claimed : 0;
  const recall = samples ? right / samples : 0;
  const f1 = right ? 2 * precision * recall / (precision + recall) : 0;
  return { samples, precision, recall, f1 };
}

/**
 * Precision, recall and F1 of each class.
 *
 * @example
 * ```ts
 * import { perClass } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const logits = Float32Array.of(2, 1, 3, 0);
 * const prediction = { logits, classes: 2, labels: Int32Array.of(0, 1) };
 * assert.equal(perClass(prediction, ["no", "yes"]).no!.precision, 0.5);
 * ```
 */
export function perClass(
  prediction: EvalPrediction,
  labels: readonly string[],
): Record<string, ClassMetrics> {
  const counts = countsByClass(prediction);
  return Object.fromEntries(labels.map((name, label) => [name, shares(counts[label]!)]));
}

/** How classes become one figure: all alike, by their clips, or all decisions together. */
export type Average = "macro" | "weighted" | "micro";

/**
 * Precision, recall and F1 over all classes that clips have or were taken for.
 *
 * @param prediction scores and labels.
 * @param average how classes count.
 *
 * @example
 * ```ts
 * import { precisionRecallF1 } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const logits = Float32Array.of(2, 1, 0, 3, 4, 0);
 * const prediction = { logits, classes: 2, labels: Int32Array.of(0, 0, 0) };
 * assert.equal(precisionRecallF1(prediction, "weighted").recall, 2 / 3);
 * ```
 */
export function precisionRecallF1(
  prediction: EvalPrediction,
  average: Average,
): Omit<ClassMetrics, "samples"> {
  const counts = countsByClass(prediction).filter((own) => own.samples + own.claimed > 0);
  const sumOf = (key: keyof Counts) => counts.reduce((sum, own) => sum + own[key], 0);
  if (average === "micro") {
    const all = { samples: sumOf("samples"), claimed: sumOf("claimed"), right: sumOf("right") };
    const { precision, recall, f1 } = shares(all);
    return { precision, recall, f1 };
  }
  const classes = counts.map(shares);
  const weights = classes.map(({ samples }) => average === "macro" ? 1 : samples);
  const total = Math.max(1, weights.reduce((sum, weight) => sum + weight, 0));
  const mean = (key: "precision" | "recall" | "f1") =>
    classes.reduce((sum, own, i) => sum + own[key] * weights[i]!, 0) / total;
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}

/**
 * Clips by class (row) and the class they were taken for (column), where a clip has one label.
 *
 * @example
 * ```ts
 * import { confusionMatrix } from "@earshot/earshot/train";
 * import assert from "node:assert/strict";
 *
 * const logits = Float32Array.of(2, 1, 3, 0);
 * const prediction = { logits, classes: 2, labels: Int32Array.of(0, 1) };
 * assert.deepEqual(confusionMatrix(prediction), [[1, 0], [1, 0]]);
 * ```
 */
export function confusionMatrix(prediction: EvalPrediction): number[][] {
  const { classes, labels } = prediction;
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  argMax(prediction).forEach((claimed, clip) => matrix[labels[clip]!]![claimed]!++);
  return matrix;
}
