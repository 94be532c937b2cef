/**
 * Which layers keep 32 bits, from what 8 bits did to the scores. Plain numbers; nothing here runs a model.
 *
 * @module
 */
import type { WeightPrecision } from "../kernels.ts";
import { accuracy, type EvalPrediction } from "../train/metrics/metrics.ts";

/** How close scores have to stay: the cosine of all scores of a set with what they are in 32 bits. */
export const MIN_COSINE = 0.999;

/** What storing a layer in 8 bits does to the scores, and what became of it. */
export interface LayerTrial {
  /** What the names of its weights begin with. */
  layer: string;
  /** Numbers in its weights. */
  parameters: number;
  /** Of the scores when this layer alone is stored in 8 bits. */
  cosine: number;
  /** What was chosen. */
  precision: WeightPrecision;
}

/** What all of it together does to a set. */
export interface SetComparison {
  /** The split, or "all". */
  set: string;
  /** How many were measured. */
  clips: number;
  /** Of all scores together. */
  cosine: number;
  /** Of the clip whose scores changed most. */
  lowestCosine: number;
  /** `null` where the clips have no labels of the model. */
  accuracy: { f32: number; q8: number } | null;
}

/** The layer of a weight: its name up to the first number and the part after it. */
export function layerOf(name: string): string {
  const parts = name.replace(/\.parametrizations\..*$/, ".").split(".").slice(0, -1);
  const number = parts.findIndex((part) => /^\d+$/.test(part));
  return (number === -1 ? parts : parts.slice(0, number + 2)).join(".");
}

/**
 * Gives layers 32 bits, the one that did most harm alone first, until the scores of every set are close enough.
 *
 * @param layers all in 8 bits; their `precision` is changed.
 * @param first the comparison with all of them in 8 bits.
 * @param measure compares again, with the layers as they now are; gets the one that has just changed.
 * @returns the comparison that was close enough, or the one with all layers in 32 bits.
 */
export async function widen(
  layers: readonly LayerTrial[],
  first: SetComparison[],
  measure: (changed: LayerTrial) => Promise<SetComparison[]>,
): Promise<SetComparison[]> {
  let found = first;
  for (const layer of layers.toSorted((a, b) => harm(b) - harm(a))) {
    if (found.every(({ cosine }) => cosine >= MIN_COSINE)) break;
    layer.precision = "float32";
    found = await measure(layer);
  }
  return found;
}

/** A score that is no number is the worst. */
function harm({ cosine }: LayerTrial): number {
  return Number.isNaN(cosine) ? Infinity : 1 - cosine;
}

/** Scores in 8 bits beside those in 32. */
export function compareScores(
  set: string,
  expected: EvalPrediction,
  found: EvalPrediction,
): SetComparison {
  const { logits, classes } = expected;
  const rows = Array.from({ length: logits.length / classes }, (_, clip) => {
    const row = (scores: Float32Array) => scores.subarray(clip * classes, (clip + 1) * classes);
    return cosine(row(logits), row(found.logits));
  });
  return {
    set,
    clips: rows.length,
    cosine: cosine(logits, found.logits),
    lowestCosine: Math.min(...rows),
    accuracy: { f32: accuracy(expected), q8: accuracy(found) },
  };
}

/** Of two lists of numbers; 1 where both are all zero. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [product, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    ofA += a[i]! ** 2;
    ofB += b[i]! ** 2;
  }
  return ofA === 0 && ofB === 0 ? 1 : product / Math.sqrt(ofA * ofB);
}
