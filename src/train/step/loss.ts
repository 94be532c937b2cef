/**
 * The loss of each kind of problem: on the device for training, in plain code for evaluation.
 *
 * @module
 */
import { type Scalar, type Tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { add, crossEntropy, elementLoss, linear, scale } from "../../kernels.ts";
import type { ProblemType } from "../../models/problem_type.ts";
import type { EvalPrediction } from "../metrics/metrics.ts";

/** What a loss is divided by and softened with. */
export interface LossOptions {
  problemType: ProblemType;
  /** Clips that the mean is over. */
  clips: number;
  /** Of a single label; the other losses know none. @default 0 */
  labelSmoothing?: number;
  /** The same of the exponent of the focal loss. @default 0 */
  focus?: number;
}

/**
 * The sum of the losses of a batch over the number of clips: cross-entropy of the softmax, or the mean over the outputs
 * of binary cross-entropy or squared error.
 *
 * **Shape** `logits [B, N]`; `labels [B]` int32 for a single label, else `[B, N]` float32 -> scalar
 *
 * @throws {TypeError} when the labels are of the wrong kind.
 */
export function batchLoss(logits: Tensor, labels: Tensor, options: LossOptions): Scalar {
  const { problemType, clips, labelSmoothing = 0, focus = 0 } = options;
  const dtype = problemType === "single_label_classification" ? "int32" : "float32";
  if (labels.dtype !== dtype) {
    throw new TypeError(
      `Cannot compute the loss of "${problemType}": expected ${dtype} labels, found ${labels.dtype}`,
    );
  }
  if (problemType === "single_label_classification") {
    return crossEntropy(logits, labels, { labelSmoothing, normalizer: clips, focus }) as Scalar;
  }
  const kind = problemType === "regression" ? "squaredError" : "binaryCrossEntropy";
  return elementLoss(logits, labels, { kind, normalizer: clips * logits.shape[1]! }) as Scalar;
}

/** What a weighted loss is divided by, weighed and softened with. */
export interface WeightedLossOptions {
  /** What a clip of each class counts. */
  classWeights: readonly number[];
  /** What all clips of the step count together. */
  clips: number;
  /** @default 0 */
  labelSmoothing?: number;
  /** @default 0 */
  focus?: number;
}

/**
 * The sum of the weighted cross-entropies of a batch over what all clips count.
 *
 * The clips of each class are picked from the scores by a product with rows of ones and zeros, which is exact, so
 * that neither the kernel of the loss nor its gradient has to know of weights.
 *
 * **Shape** `logits [B, N]`, `labels [B]` -> scalar
 */
export function weightedLoss(
  logits: Tensor,
  labels: ArrayLike<number>,
  { classWeights, clips, labelSmoothing, focus }: WeightedLossOptions,
): Scalar {
  const [batch, classes] = logits.shape as [number, number];
  const diagonal = Float32Array.from(
    { length: classes ** 2 },
    (_, i) => +(i % (classes + 1) === 0),
  );
  const columns = linear(tensor2d(diagonal, [classes, classes]), logits); // [N, B]
  let sum: Tensor | undefined;
  for (const label of new Set(Array.from(labels)).values()) {
    const weight = classWeights[label]!;
    if (weight === 0) continue;
    const places = Array.from(labels).flatMap((own, place) => own === label ? [place] : []);
    const picks = new Float32Array(places.length * batch);
    places.forEach((place, row) => picks[row * batch + place] = 1);
    const rows = linear(tensor2d(picks, [places.length, batch]), columns); // [clips of it, N]
    const part = crossEntropy(rows, tensor1d(places.map(() => label), "int32"), {
      labelSmoothing,
      focus,
      normalizer: clips / weight,
    });
    sum = sum ? add(sum, part) : part;
  }
  return (sum ?? scale(crossEntropy(logits, tensor1d(Array.from(labels), "int32")), 0)) as Scalar;
}

/** The same mean over scores in host memory, without label smoothing. */
export function meanLoss(prediction: EvalPrediction, problemType: ProblemType): number {
  const losses = clipLosses(prediction, problemType);
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** The loss of each clip, of which that is the mean. */
export function clipLosses(prediction: EvalPrediction, problemType: ProblemType): Float64Array {
  const { logits, classes, labels } = prediction;
  const own = problemType === "regression" ? squaredError : binaryCrossEntropy;
  return Float64Array.from({ length: logits.length / classes }, (_, clip) => {
    const row = logits.subarray(clip * classes, (clip + 1) * classes);
    if (problemType === "single_label_classification") return clipCrossEntropy(row, labels[clip]!);
    const first = clip * classes;
    return row.reduce((sum, logit, i) => sum + own(logit, labels[first + i]!), 0) / classes;
  });
}

/** `log(sum(exp(scores))) - score of the class`. */
function clipCrossEntropy(scores: Float32Array, label: number): number {
  const top = scores.reduce((a, b) => Math.max(a, b));
  const total = scores.reduce((exps, score) => exps + Math.exp(score - top), 0);
  return top + Math.log(total) - scores[label]!;
}

function squaredError(logit: number, target: number): number {
  return (logit - target) ** 2;
}

/** Written so that no exponential can overflow. */
function binaryCrossEntropy(logit: number, target: number): number {
  return Math.max(logit, 0) - logit * target + Math.log1p(Math.exp(-Math.abs(logit)));
}
