/**
 * Losses of the contract, each a scalar that stays on the device.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectRank, expectShape } from "./_shapes.ts";
import { run } from "./run.ts";

/** The targets of {@linkcode crossEntropy}, and its divisor. */
export interface CrossEntropyAttrs {
  /** Share of the target spread evenly over all classes, 0 to below 1. @default 0 */
  labelSmoothing: number;
  /** The sum over the batch is divided by this. @default B */
  normalizer: number;
}

/** Losses of one output against one number. */
export type ElementLoss = "binaryCrossEntropy" | "squaredError";

/** Which loss {@linkcode elementLoss} takes, and its divisor. */
export interface ElementLossAttrs {
  kind: ElementLoss;
  /** The sum over all outputs is divided by this. @default their number */
  normalizer: number;
}

/**
 * Softmax cross-entropy with class numbers as targets, summed and divided by `normalizer`.
 *
 * **Shape** `logits [B, N]`, `labels [B]` int32 -> scalar
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: Partial<CrossEntropyAttrs> = {},
): Tensor {
  expectRank("crossEntropy logits", logits, 2);
  expectShape("crossEntropy labels", labels, [logits.shape[0]!]);
  const { labelSmoothing = 0, normalizer = logits.shape[0]! } = options;
  return run("EarshotCrossEntropy", { logits, labels }, { labelSmoothing, normalizer });
}

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
  expectShape("elementLoss targets", targets, logits.shape);
  const { kind, normalizer = logits.size } = options;
  return run("EarshotElementLoss", { logits, targets }, { kind, normalizer });
}
