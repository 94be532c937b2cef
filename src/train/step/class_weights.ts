/**
 * What a clip of each class counts in the loss.
 *
 * @module
 */
import { UnsupportedOpError } from "../../errors.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import type { TrainingOptions } from "../options/arguments.ts";
import type { BatchSource } from "../batches/batches.ts";

/**
 * Checks that a model can be trained with weights for its classes.
 *
 * @throws {RangeError} for another number of weights than labels.
 * @throws {UnsupportedOpError} for a model whose clips have no single label.
 */
export function expectWeighable(
  choice: TrainingOptions["classWeights"],
  { problemType, labels }: Pick<AudioClassificationModel, "labels" | "problemType">,
): void {
  if (choice === "none") return;
  if (problemType !== "single_label_classification") {
    throw new UnsupportedOpError(
      `Cannot weigh classes of "${problemType}": expected clips of a single label`,
    );
  }
  if (choice !== "balanced") expectOnePerClass(choice, labels.length);
}

/**
 * Checks that a model can be trained with the focal loss.
 *
 * @throws {UnsupportedOpError} for a model whose clips have no single label.
 */
export function expectFocusable(
  gamma: number,
  { problemType }: Pick<AudioClassificationModel, "problemType">,
): void {
  if (gamma === 0 || problemType === "single_label_classification") return;
  throw new UnsupportedOpError(
    `Cannot use \`focalGamma\` of "${problemType}": expected clips of a single label`,
  );
}

/**
 * A weight for each class, or undefined where all count the same.
 *
 * @throws {RangeError} where classes are to be balanced, and the data does not tell its labels.
 */
export async function classWeightsOf(
  choice: TrainingOptions["classWeights"],
  data: Pick<BatchSource, "labels">,
  classes: number,
): Promise<readonly number[] | undefined> {
  if (choice === "none") return undefined;
  if (choice !== "balanced") return choice;
  const labels = await data.labels?.();
  if (labels) return balancedWeights(labels, classes);
  throw new RangeError(
    'Cannot balance classes: expected a training set that tells its "labels", found none',
  );
}

function expectOnePerClass(weights: readonly number[], classes: number): void {
  if (weights.length === classes && weights.some((weight) => weight > 0)) return;
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
