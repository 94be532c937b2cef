/**
 * Plain losses of one output against one number: binary cross-entropy of the sigmoid, squared difference.
 *
 * Reference of `elementLoss` and `elementLossGrad`.
 *
 * @module
 */
import type { ElementLossAttrs } from "../../src/kernels.ts";
import { map, type NdArray, zeros } from "./nd_array.ts";

/** `logits`, `targets [B, N]` -> scalar */
export function elementLoss(
  { logits, targets }: { logits: NdArray; targets: NdArray },
  { kind, normalizer }: ElementLossAttrs,
): NdArray {
  const loss = zeros([]);
  logits.values.forEach((logit, i) => {
    const target = targets.values[i]!;
    const own = kind === "squaredError"
      ? (logit - target) ** 2
      : Math.max(logit, 0) - logit * target + Math.log1p(Math.exp(-Math.abs(logit)));
    loss.values[0]! += own / normalizer;
  });
  return loss;
}

/** `logits`, `targets`, `dy` (scalar) -> `dlogits` */
export function elementLossGrad(
  { logits, targets, dy }: { logits: NdArray; targets: NdArray; dy: NdArray },
  { kind, normalizer }: ElementLossAttrs,
): NdArray {
  const factor = dy.values[0]! / normalizer;
  return map(logits, (logit, i) => {
    const value = kind === "squaredError" ? 2 * logit : 1 / (1 + Math.exp(-logit));
    return factor * (value - (kind === "squaredError" ? 2 : 1) * targets.values[i]!);
  });
}
