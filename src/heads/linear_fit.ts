/**
 * A linear classifier over the vectors that a backbone gives: logistic regression, of one class a clip or of each label
 * against all others.
 *
 * The vectors are brought to mean 0 and deviation 1 for fitting, which is folded back into the weights, so that the
 * result is an ordinary classifier. How strongly weights are held down is chosen by cross-validation, in which clips of
 * one group are never on both sides.
 *
 * @module
 */
import {
  type ClipVectors,
  countOf,
  type Layer,
  sizeOf,
  spanned,
  standardised,
} from "./_clip_vectors.ts";
import { chosenSetting, layerScorer } from "./_cross_validation.ts";
import {
  fitLogisticRegression,
  type LabelledVectors,
  type LogisticRegression,
} from "./_logistic_regression.ts";

export type { ClipVectors, LabelledVectors, Layer };

/** From strong to weak, so that each fit begins where the one before it ended. */
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
  /** Mean loss of clips that were left out, with that; undefined where none were. */
  heldOutLoss?: number;
}

/** The layer of least loss. */
export function fitLinear(data: ClipVectors, options: LinearFitOptions = {}): LinearFit {
  const groups = options.groups ?? Array.from({ length: countOf(data) }, (_, clip) => `${clip}`);
  const { scaled, fold } = standardised(data);
  const { narrow, widen } = spanned(scaled);
  const { l2, heldOutLoss } = options.l2 === undefined
    ? chosenL2(narrow, groups)
    : { l2: options.l2 };
  const { layer } = fitted(narrow, { l2 });
  return { ...fold(widen(layer)), l2, ...heldOutLoss !== undefined && { heldOutLoss } };
}

function chosenL2(
  data: ClipVectors,
  groups: readonly string[],
): { l2: number; heldOutLoss?: number } {
  const chosen = chosenSetting(data, {
    groups,
    settings: L2,
    *scorers(part) {
      let start: LogisticRegression[] | undefined;
      for (const l2 of L2) {
        const { layer, parts } = fitted(part, { l2, tolerance: ROUGHLY, start });
        start = parts;
        yield layerScorer(layer);
      }
    },
  });
  return chosen ? { l2: chosen.setting, heldOutLoss: chosen.heldOutLoss } : { l2: 1 };
}

interface FitOptions {
  l2: number;
  tolerance?: number;
  start?: readonly LogisticRegression[];
}

/** A layer, and the regressions that it is made of. */
function fitted(
  data: ClipVectors,
  { start, ...options }: FitOptions,
): { layer: Layer; parts: LogisticRegression[] } {
  if ("labels" in data) {
    const part = fitLogisticRegression(data, { ...options, start: start?.[0] });
    return { layer: part, parts: [part] };
  }
  const { vectors, targets, classes } = data;
  const [count, size] = [countOf(data), sizeOf(data)];
  const layer = { weights: new Float64Array(classes * size), biases: new Float64Array(classes) };
  const parts = Array.from({ length: classes }, (_, k) => {
    const labels = Array.from({ length: count }, (_, row) => +(targets[row * classes + k]! > 0));
    const part = fitLogisticRegression({ vectors, labels, classes: 2 }, {
      ...options,
      // Two classes share a difference of weights, half of which each holds down.
      l2: 2 * options.l2,
      start: start?.[k],
    });
    const { weights, biases } = part;
    for (let d = 0; d < size; d++) layer.weights[k * size + d] = weights[size + d]! - weights[d]!;
    layer.biases[k] = biases[1]! - biases[0]!;
    return part;
  });
  return { layer, parts };
}
