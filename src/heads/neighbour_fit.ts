/**
 * How many of the nearest examples vote: chosen by cross-validation, in which clips of one group are never on both sides.
 *
 * @module
 */
import { Neighbours } from "../models/neighbours.ts";
import { countOf } from "./_clip_vectors.ts";
import { chosenSetting } from "./_cross_validation.ts";
import type { LabelledVectors } from "./_logistic_regression.ts";

const COUNTS = [1, 3, 5, 9, 15];

/** The examples, and how they were judged. */
export interface NeighbourFit {
  neighbours: Neighbours;
  /** Mean loss of clips that were left out; undefined where none were. */
  heldOutLoss?: number;
}

/** All clips as examples. */
export function fitNeighbours(data: LabelledVectors, groups: readonly string[]): NeighbourFit {
  const chosen = chosenSetting(data, {
    groups,
    settings: COUNTS,
    scorers: (part) =>
      COUNTS.map((count) => {
        const neighbours = examplesOf(part, count);
        return (vector) => neighbours.logits(vector);
      }),
  });
  return {
    neighbours: examplesOf(data, chosen?.setting ?? 1),
    ...chosen && { heldOutLoss: chosen.heldOutLoss },
  };
}

function examplesOf(data: LabelledVectors, count: number): Neighbours {
  return new Neighbours({
    vectors: Float32Array.from(data.vectors),
    labels: Int32Array.from(Array.from(data.labels)),
    classes: data.classes,
    count: Math.min(count, countOf(data)),
  });
}
