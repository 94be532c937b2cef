/**
 * Plain softmax cross-entropy against class numbers, with label smoothing as PyTorch's and the focus of Lin et al.
 *
 * The target of a clip is `labelSmoothing / N` for every class and `1 - labelSmoothing` more for its
 * own; its loss counts `(1 - p)^focus`, p being the softmax of its own class. Reference of `crossEntropy` and `crossEntropyGrad`.
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
  const rows = rowLosses(logits, labels, attrs);
  rows.forEach(({ plain, others }) => {
    loss.values[0]! += plain * others ** attrs.focus / attrs.normalizer;
  });
  return loss;
}

/** Each clip's loss without focus, and what the other classes have of its softmax. */
function rowLosses(
  logits: NdArray,
  labels: NdArray,
  attrs: CrossEntropyAttrs,
): { plain: number; others: number }[] {
  const { columns: classes } = rowsOf(logits);
  return logSumExpOfRows(logits).map((logSumExp, row) => {
    const own = logits.values.subarray(row * classes, (row + 1) * classes);
    const label = labels.values[row]!;
    const sum = { plain: 0, others: 0 };
    own.forEach((logit, kind) => {
      sum.plain += targetOf(label, kind, classes, attrs) * (logSumExp - logit);
      if (kind !== label) sum.others += Math.exp(logit - logSumExp);
    });
    return sum;
  });
}

/** `logits`, `labels`, `dy` (scalar) -> `dlogits` */
export function crossEntropyGrad(
  { logits, labels, dy }: { logits: NdArray; labels: NdArray; dy: NdArray },
  attrs: CrossEntropyAttrs,
): NdArray {
  const logSumExps = logSumExpOfRows(logits);
  const { columns: classes } = rowsOf(logits);
  const rows = rowLosses(logits, labels, attrs);
  return map(logits, (logit, i) => {
    const row = Math.floor(i / classes);
    const [label, kind] = [labels.values[row]!, i % classes];
    const share = Math.exp(logit - logSumExps[row]!);
    const plainSlope = share - targetOf(label, kind, classes, attrs);
    const { plain, others } = rows[row]!;
    const slope = dy.values[0]! / attrs.normalizer;
    if (attrs.focus === 0) return slope * plainSlope;
    const ownSlope = (1 - others) * (kind === label ? others : -share);
    const heldSlope = others > 0 ? -attrs.focus * others ** (attrs.focus - 1) * ownSlope : 0;
    return slope * (others ** attrs.focus * plainSlope + plain * heldSlope);
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
