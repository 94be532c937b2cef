/**
 * A linear classifier over the vectors that a backbone gives: how they are scaled, and how strongly weights are held
 * down.
 *
 * The vectors are brought to mean 0 and deviation 1 for fitting, which is folded back into the weights, so that the
 * result is an ordinary classifier. How strongly weights are held down is chosen by cross-validation, in which clips of
 * one group are never on both sides.
 *
 * @module
 */
import { fitLogisticRegression, type LabelledVectors } from "./logistic_regression.ts";

const FOLDS = 5;
const L2 = [1000, 100, 10, 1, 0.1, 0.01];
/** Enough to tell settings apart. */
const ROUGHLY = 1e-4;

/** How a linear classifier is fitted. */
export interface LinearFitOptions {
  /** What a clip belongs with, such as its speaker. @default each clip is by itself */
  groups?: readonly string[];
  /** What holds the weights down. @default chosen by cross-validation */
  l2?: number;
}

/** A linear layer over the vectors as they were, and how it came about. */
export interface LinearFit extends Layer {
  /** What held the weights down; 1 where there was nothing to choose by. */
  l2: number;
  /** Mean cross-entropy of clips that were left out, with that; undefined where none were. */
  heldOutLoss?: number;
}

/** `weights [N, D]` row by row, `biases [N]` */
interface Layer {
  weights: Float64Array;
  biases: Float64Array;
}

/** The layer of least loss. */
export function fitLinear(data: LabelledVectors, options: LinearFitOptions = {}): LinearFit {
  const { groups = Array.from(data.labels, (_, clip) => String(clip)), l2: given } = options;
  const { scaled, fold } = standardised(data);
  const chosen = given === undefined ? chooseL2(scaled, groups) : { l2: given };
  return { ...fold(fitLogisticRegression(scaled, chosen)), ...chosen };
}

/** Vectors of mean 0 and deviation 1, and what makes a layer over them one over the vectors as they were. */
function standardised(
  data: LabelledVectors,
): { scaled: LabelledVectors; fold: (layer: Layer) => Layer } {
  const { vectors, labels } = data;
  const size = vectors.length / labels.length;
  const [mean, deviation] = [new Float64Array(size), new Float64Array(size)];
  vectors.forEach((value, i) => mean[i % size] = mean[i % size]! + value / labels.length);
  vectors.forEach((value, i) => {
    deviation[i % size] = deviation[i % size]! + (value - mean[i % size]!) ** 2 / labels.length;
  });
  // What is the same in all clips says nothing, and stays as it is.
  deviation.forEach((square, d) => deviation[d] = Math.sqrt(square) || 1);
  return {
    scaled: {
      ...data,
      vectors: vectors.map((value, i) => (value - mean[i % size]!) / deviation[i % size]!),
    },
    fold: ({ weights, biases }) => {
      const folded = weights.map((weight, i) => weight / deviation[i % size]!);
      const moved = biases.map((bias, k) => {
        const own = folded.subarray(k * size, (k + 1) * size);
        return own.reduce((sum, weight, d) => sum - weight * mean[d]!, bias);
      });
      return { weights: folded, biases: moved };
    },
  };
}

/** The setting with the least loss of clips that were left out. */
function chooseL2(
  data: LabelledVectors,
  groups: readonly string[],
): { l2: number; heldOutLoss?: number } {
  const folds = foldsOf(data, groups);
  const used = [...new Set(folds)];
  if (used.length < 2) return { l2: 1 };
  const rows = folds.map((_, i) => i);
  const parts = used.map((fold) => ({
    fitted: rowsOf(data, rows.filter((i) => folds[i] !== fold)),
    left: rowsOf(data, rows.filter((i) => folds[i] === fold)),
  }));
  const tried = L2.map((l2) => {
    const losses = parts.map(({ fitted, left }) =>
      lossOf(fitLogisticRegression(fitted, { l2, tolerance: ROUGHLY }), left)
    );
    return { l2, heldOutLoss: losses.reduce((a, b) => a + b, 0) / rows.length };
  });
  return tried.reduce((best, next) => next.heldOutLoss < best.heldOutLoss ? next : best);
}

/** A fold for each clip: all of a group in one, and the groups of a class dealt out in turn. */
function foldsOf({ labels }: LabelledVectors, groups: readonly string[]): number[] {
  const folds = new Map<string, number>();
  const dealt = new Map<number, number>();
  return groups.map((group, i) => {
    const label = labels[i]!;
    const turn = dealt.get(label) ?? label;
    const fold = folds.get(group) ?? turn % FOLDS;
    if (!folds.has(group)) dealt.set(label, turn + 1);
    folds.set(group, fold);
    return fold;
  });
}

function rowsOf({ vectors, labels, classes }: LabelledVectors, rows: number[]): LabelledVectors {
  const size = vectors.length / labels.length;
  const chosen = new Float64Array(rows.length * size);
  rows.forEach((row, i) => chosen.set(vectors.subarray(row * size, (row + 1) * size), i * size));
  return { vectors: chosen, labels: rows.map((row) => labels[row]!), classes };
}

/** The sum of cross-entropies. */
function lossOf({ weights, biases }: Layer, { vectors, labels }: LabelledVectors): number {
  const size = vectors.length / labels.length;
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const scores = Array.from(biases, (bias, k) => {
      let score = bias;
      for (let d = 0; d < size; d++) score += weights[k * size + d]! * vectors[row * size + d]!;
      return score;
    });
    const most = Math.max(...scores);
    const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
    loss += Math.log(sum) + most - scores[labels[row]!]!;
  }
  return loss;
}
