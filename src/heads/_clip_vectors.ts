/**
 * What a head is fitted to: a vector for each clip, with its class or its labels; scaled, and some of them.
 *
 * @module
 */
import type { LabelledVectors } from "./_logistic_regression.ts";

/** Vectors of clips that have any number of labels. */
export interface TargetVectors {
  /** `[n, D]`, row by row. */
  vectors: Float64Array;
  /** `[n, N]`, 1 where a clip has the label and 0 where not. */
  targets: ArrayLike<number>;
  /** How many labels there are. */
  classes: number;
}

/** Vectors with what there is to learn of them. */
export type ClipVectors = LabelledVectors | TargetVectors;

/** `weights [N, D]` row by row, `biases [N]` */
export interface Layer {
  weights: Float64Array;
  biases: Float64Array;
}

/** How many clips there are. */
export function countOf(data: ClipVectors): number {
  return "labels" in data ? data.labels.length : data.targets.length / data.classes;
}

/** Numbers of a vector. */
export function sizeOf(data: ClipVectors): number {
  return data.vectors.length / countOf(data);
}

/** Some of the clips. */
export function rowsOf<Data extends ClipVectors>(data: Data, rows: readonly number[]): Data {
  const size = sizeOf(data);
  const vectors = new Float64Array(rows.length * size);
  rows.forEach((row, i) => {
    vectors.set(data.vectors.subarray(row * size, (row + 1) * size), i * size);
  });
  if ("labels" in data) {
    return { ...data, vectors, labels: rows.map((row) => data.labels[row]!) };
  }
  const { targets, classes } = data;
  const own = rows.flatMap((row) =>
    Array.from({ length: classes }, (_, k) => targets[row * classes + k]!)
  );
  return { ...data, vectors, targets: own };
}

/** Vectors of mean 0 and deviation 1, and what makes a layer over them one over the vectors as they were. */
export function standardised<Data extends ClipVectors>(
  data: Data,
): { scaled: Data; fold: (layer: Layer) => Layer } {
  const { vectors } = data;
  const [count, size] = [countOf(data), sizeOf(data)];
  const [mean, deviation] = [new Float64Array(size), new Float64Array(size)];
  vectors.forEach((value, i) => mean[i % size] = mean[i % size]! + value / count);
  vectors.forEach((value, i) => {
    deviation[i % size] = deviation[i % size]! + (value - mean[i % size]!) ** 2 / count;
  });
  // What is the same in all clips says nothing, and stays as it is.
  deviation.forEach((square, d) => deviation[d] = Math.sqrt(square) || 1);
  return {
    scaled: {
      ...data,
      vectors: vectors.map((value, i) => (value - mean[i % size]!) / deviation[i % size]!),
    },
    fold: ({ weights, biases }) => {
      const folded = weights.map((weight, i) => weight / deviation[i % size]!);
      const moved = biases.map((bias, k) => {
        const own = folded.subarray(k * size, (k + 1) * size);
        return own.reduce((sum, weight, d) => sum - weight * mean[d]!, bias);
      });
      return { weights: folded, biases: moved };
    },
  };
}

/**
 * Vectors of fewer numbers where there are more of them than clips: those along directions that the clips span, in which
 * distances and angles are what they were; and what makes a layer over them one over the vectors as they were.
 *
 * Weights that are held down by their squares lie in that span, so that nothing is lost.
 */
export function spanned<Data extends ClipVectors>(
  data: Data,
): { narrow: Data; widen: (layer: Layer) => Layer } {
  const [count, size] = [countOf(data), sizeOf(data)];
  if (size <= count) return { narrow: data, widen: (layer) => layer };
  const directions: Float64Array[] = [];
  const parts = Array.from({ length: count }, (_, row) => {
    const rest = data.vectors.slice(row * size, (row + 1) * size);
    const whole = Math.hypot(...rest);
    const own = new Float64Array(count);
    // Twice, since the first time leaves what rounding takes.
    for (let pass = 0; pass < 2; pass++) {
      directions.forEach((direction, j) => own[j]! += takeOut(rest, direction));
    }
    const length = Math.hypot(...rest);
    if (length > 1e-10 * whole) {
      own[directions.length] = length;
      directions.push(rest.map((value) => value / length));
    }
    return own;
  });
  const width = Math.max(1, directions.length);
  const vectors = new Float64Array(count * width);
  parts.forEach((own, row) => vectors.set(own.subarray(0, width), row * width));
  return {
    narrow: { ...data, vectors },
    widen: ({ weights, biases }) => {
      const wide = new Float64Array(biases.length * size);
      for (let k = 0; k < biases.length; k++) {
        directions.forEach((direction, j) => {
          const weight = weights[k * width + j]!;
          for (let d = 0; d < size; d++) wide[k * size + d]! += weight * direction[d]!;
        });
      }
      return { weights: wide, biases };
    },
  };
}

/** Takes the part along a direction out of a vector. @returns its length. */
function takeOut(vector: Float64Array, direction: Float64Array): number {
  let along = 0;
  for (let d = 0; d < vector.length; d++) along += vector[d]! * direction[d]!;
  for (let d = 0; d < vector.length; d++) vector[d]! -= along * direction[d]!;
  return along;
}
