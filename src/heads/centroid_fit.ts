/**
 * A classifier by the nearest class mean, as the linear layer that it comes to.
 *
 * The squared distance of a vector to a mean is linear in the vector but for its own square, which is the same for all
 * classes. Numbers are measured by their deviation within classes, a step towards that over all clips where a class has
 * few. Every class counts the same, however many clips it has. Distances sum over numbers that go together, so that
 * they are too sure of themselves: what they are divided by is chosen by cross-validation.
 *
 * @module
 */
import { countOf, type Layer, sizeOf, standardised } from "./_clip_vectors.ts";
import { chosenSetting, layerScorer } from "./_cross_validation.ts";
import type { LabelledVectors } from "./_logistic_regression.ts";

/** From sure to unsure. */
const TEMPERATURES = [1, 3, 10, 30, 100, 300, 1000];

/** How many clips the deviation over all clips counts as. */
const PRIOR_CLIPS = 5;

/** A linear layer, and how it came about. */
export interface CentroidFit extends Layer {
  /** What squared distances were divided by; the number of their parts where there was nothing to choose by. */
  temperature: number;
  /** Mean loss of clips that were left out, with that; undefined where none were. */
  heldOutLoss?: number;
}

/** The layer whose best class is that of the nearest mean. */
export function fitCentroids(
  data: LabelledVectors,
  groups: readonly string[] = Array.from(data.labels, (_, clip) => `${clip}`),
): CentroidFit {
  const { scaled, fold } = standardised(data);
  const chosen = chosenSetting(scaled, {
    groups,
    settings: TEMPERATURES,
    scorers: (part) => {
      const layer = nearestMean(part);
      return TEMPERATURES.map((temperature) => layerScorer(divided(layer, temperature)));
    },
  });
  const temperature = chosen?.setting ?? sizeOf(data);
  const layer = fold(divided(nearestMean(scaled), temperature));
  return { ...layer, temperature, ...chosen && { heldOutLoss: chosen.heldOutLoss } };
}

function divided({ weights, biases }: Layer, by: number): Layer {
  return {
    weights: weights.map((weight) => weight / by),
    biases: biases.map((bias) => bias / by),
  };
}

/** Half the squared distances, but for what all classes share; a class without clips is at the mean of all. */
function nearestMean(data: LabelledVectors): Layer {
  const { vectors, labels, classes } = data;
  const [count, size] = [countOf(data), sizeOf(data)];
  const means = new Float64Array(classes * size);
  const clips = new Float64Array(classes);
  for (let row = 0; row < count; row++) clips[labels[row]!]! += 1;
  for (let i = 0; i < count * size; i++) {
    const label = labels[Math.floor(i / size)]!;
    means[label * size + i % size]! += vectors[i]! / clips[label]!;
  }
  // Scaled vectors have a deviation of 1 over all clips.
  const variance = new Float64Array(size).fill(PRIOR_CLIPS);
  vectors.forEach((value, i) => {
    const mean = means[labels[Math.floor(i / size)]! * size + i % size]!;
    variance[i % size]! += (value - mean) ** 2;
  });
  const weights = means.map((mean, i) => mean * (PRIOR_CLIPS + count) / variance[i % size]!);
  const biases = Float64Array.from({ length: classes }, (_, k) => {
    let square = 0;
    for (let d = 0; d < size; d++) square += means[k * size + d]! * weights[k * size + d]!;
    return -square / 2;
  });
  return { weights, biases };
}
