/**
 * Losses of each output against a number of its own, a scalar that stays on the device.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** Losses of one output against one number. */
export type ElementLoss = "binaryCrossEntropy" | "squaredError";

/** Which loss {@linkcode elementLoss} takes, and its divisor. */
export interface ElementLossAttrs {
  kind: ElementLoss;
  /** The sum over all outputs is divided by this. @default their number */
  normalizer: number;
}

/** `logits`, `targets` of one shape -> scalar */
export const elementLossOperation: Operation<
  { logits: Tensor; targets: Tensor },
  ElementLossAttrs,
  Tensor
> = {
  name: "elementLoss",
  outputs: ({ logits, targets }) => {
    expectShape("elementLoss targets", targets, logits);
    return [];
  },
  gradient: gradient(["logits", "targets"], ({ dy, inputs, attrs }) => ({
    logits: () => run(elementLossGrad, { ...inputs, dy }, attrs),
  })),
};

/** `logits`, `targets`, `dy` scalar -> `dlogits` */
export const elementLossGrad: Operation<
  { logits: Tensor; targets: Tensor; dy: Tensor },
  ElementLossAttrs,
  Tensor
> = {
  name: "elementLossGrad",
  outputs: ({ logits }) => logits,
};

/**
 * Loss of each output against a number of its own, summed and divided by `normalizer`: binary cross-entropy of
 * the sigmoid with a target from 0 to 1, or the squared difference.
 *
 * **Shape** `logits`, `targets [B, N]` float32 -> scalar
 */
export function elementLoss(
  logits: Tensor,
  targets: Tensor,
  options: Partial<ElementLossAttrs> & { kind: ElementLoss },
): Tensor {
  const { kind, normalizer = logits.size } = options;
  return run(elementLossOperation, { logits, targets }, { kind, normalizer });
}
