/**
 * What a clip of each class counts in the loss.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import type { TrainingOptions } from "./arguments.ts";
import type { BatchSource } from "./batches.ts";

/**
 * A weight for each label, or undefined where all count the same.
 *
 * @throws {RangeError} for another number of weights than labels, or data that does not tell its labels.
 * @throws {UnsupportedOpError} for a model whose clips have no single label.
 */
export function classWeightsOf(
  choice: TrainingOptions["classWeights"],
  model: Pick<AudioClassificationModel, "labels" | "problemType">,
  data: Pick<BatchSource, "labels">,
): readonly number[] | undefined {
  if (choice === "none") return undefined;
  if (model.problemType !== "single_label_classification") {
    throw new UnsupportedOpError(
      `Cannot weigh classes of "${model.problemType}": expected clips of a single label`,
    );
  }
  const classes = model.labels.length;
  if (choice !== "balanced") return expectOnePerClass(choice, classes);
  if (data.labels) return balancedWeights(data.labels, classes);
  throw new RangeError(
    'Cannot balance classes: expected a training set that tells its "labels", found none',
  );
}

function expectOnePerClass(weights: readonly number[], classes: number): readonly number[] {
  if (weights.length === classes && weights.some((weight) => weight > 0)) return weights;
  throw new RangeError(
    `Cannot use training argument "classWeights": expected ${classes} numbers, not all of them 0, found ${
      JSON.stringify(weights)
    }`,
  );
}

/** The number of clips over that of a class times the number of classes; 0 for a class that has none. */
export function balancedWeights(labels: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++;
  return counts.map((count) => count === 0 ? 0 : labels.length / (classes * count));
}
