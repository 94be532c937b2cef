/**
 * Softmax cross-entropy, a scalar that stays on the device.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { expectRank, expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** The targets of {@linkcode crossEntropy}, and its divisor. */
export interface CrossEntropyAttrs {
  /** Share of the target spread evenly over all classes, 0 to below 1. @default 0 */
  labelSmoothing: number;
  /** The sum over the batch is divided by this. @default B */
  normalizer: number;
  /** A clip counts (1 - p of its class) to this power, so that what is known well counts little. @default 0 */
  focus: number;
}

/** `logits [B, N]`, `labels [B]` int32 -> scalar */
export const crossEntropyOperation: Operation<
  { logits: Tensor; labels: Tensor },
  CrossEntropyAttrs,
  Tensor
> = {
  name: "crossEntropy",
  outputs: ({ logits, labels }) => {
    expectRank("crossEntropy logits", logits, 2);
    expectShape("crossEntropy labels", labels, [logits[0]!]);
    return [];
  },
  gradient: gradient(["logits", "labels"], ({ dy, inputs, attrs }) => ({
    logits: () => run(crossEntropyGrad, { ...inputs, dy }, attrs),
  })),
};

/** `logits`, `labels`, `dy` scalar -> `dlogits` */
export const crossEntropyGrad: Operation<
  { logits: Tensor; labels: Tensor; dy: Tensor },
  CrossEntropyAttrs,
  Tensor
> = {
  name: "crossEntropyGrad",
  outputs: ({ logits }) => logits,
};

/**
 * Softmax cross-entropy with class numbers as targets, summed and divided by `normalizer`; with `focus` the focal loss
 * (Lin et al. 2017).
 *
 * **Shape** `logits [B, N]`, `labels [B]` int32 -> scalar
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: Partial<CrossEntropyAttrs> = {},
): Tensor {
  const { labelSmoothing = 0, normalizer = logits.shape[0]!, focus = 0 } = options;
  return run(crossEntropyOperation, { logits, labels }, { labelSmoothing, normalizer, focus });
}
