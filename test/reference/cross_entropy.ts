/**
 * Plain softmax cross-entropy against class numbers, with label smoothing as PyTorch's.
 *
 * The target of a clip is `labelSmoothing / N` for every class and `1 - labelSmoothing` more for its
 * own. Reference of `crossEntropy` and `crossEntropyGrad`.
 *
 * @module
 */
import type { CrossEntropyAttrs } from "../../src/kernels.ts";
import { logSumExpOf } from "./attention.ts";
import { map, type NdArray, rowsOf, zeros } from "./nd_array.ts";

/** `logits [B, N]`, `labels [B]` -> scalar */
export function crossEntropy(
  { logits, labels }: { logits: NdArray; labels: NdArray },
  attrs: CrossEntropyAttrs,
): NdArray {
  const loss = zeros([]);
  const logSumExps = logSumExpOfRows(logits);
  const { columns: classes } = rowsOf(logits);
  logits.values.forEach((logit, i) => {
    const row = Math.floor(i / classes);
    const target = targetOf(labels.values[row]!, i % classes, classes, attrs);
    loss.values[0]! += target * (logSumExps[row]! - logit) / attrs.normalizer;
  });
  return loss;
}

/** `logits`, `labels`, `dy` (scalar) -> `dlogits` */
export function crossEntropyGrad(
  { logits, labels, dy }: { logits: NdArray; labels: NdArray; dy: NdArray },
  attrs: CrossEntropyAttrs,
): NdArray {
  const logSumExps = logSumExpOfRows(logits);
  const { columns: classes } = rowsOf(logits);
  return map(logits, (logit, i) => {
    const row = Math.floor(i / classes);
    const target = targetOf(labels.values[row]!, i % classes, classes, attrs);
    return dy.values[0]! * (Math.exp(logit - logSumExps[row]!) - target) / attrs.normalizer;
  });
}

function targetOf(
  label: number,
  kind: number,
  classes: number,
  { labelSmoothing }: CrossEntropyAttrs,
): number {
  return labelSmoothing / classes + (label === kind ? 1 - labelSmoothing : 0);
}

function logSumExpOfRows(logits: NdArray): number[] {
  const { rows, columns } = rowsOf(logits);
  return Array.from(
    { length: rows },
    (_, row) => logSumExpOf(logits.values.subarray(row * columns, (row + 1) * columns)),
  );
}
