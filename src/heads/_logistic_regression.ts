/**
 * Multinomial logistic regression: a linear classifier over vectors that do not change, to its optimum.
 *
 * Minimises the sum of the cross-entropies plus `l2 / 2` times the squares of the weights; biases are not held down.
 * That is convex, so the optimum is one, and where the search begins does not matter. Plain double precision: some
 * hundred vectors take milliseconds.
 *
 * Source: Liu and Nocedal 1989 for L-BFGS, with steps halved until the loss falls enough (Armijo 1966).
 *
 * @module
 */

/** Vectors with their classes. */
export interface LabelledVectors {
  /** `[n, D]`, row by row. */
  vectors: Float64Array;
  /** `[n]` */
  labels: ArrayLike<number>;
  /** How many classes there are. */
  classes: number;
}

/** `weights [N, D]` row by row, `biases [N]`, and what the loss came to. */
export interface LogisticRegression {
  weights: Float64Array;
  biases: Float64Array;
  loss: number;
}

/** Pairs of steps and changes of slope that are kept. */
const MEMORY = 10;
const MAX_STEPS = 1000;
const ENOUGH = 1e-4;

/** How a classifier is searched for. */
export interface LogisticRegressionOptions {
  /** What holds the weights down. */
  l2: number;
  /** The largest slope left, as a share of the number of vectors. @default 1e-9 */
  tolerance?: number;
  /** Where the search begins. @default at zero */
  start?: Pick<LogisticRegression, "weights" | "biases">;
}

/** The classifier of least loss. */
export function fitLogisticRegression(
  data: LabelledVectors,
  { l2, tolerance = 1e-9, start }: LogisticRegressionOptions,
): LogisticRegression {
  const { classes, labels } = data;
  const size = data.vectors.length / labels.length;
  const lossAt = (point: Float64Array, slope: Float64Array) => lossAndSlope(data, l2, point, slope);
  const from = new Float64Array(classes * (size + 1));
  if (start) from.set([...start.weights, ...start.biases]);
  const point = minimise(lossAt, from, tolerance * labels.length);
  const loss = lossAt(point, new Float64Array(point.length));
  return { weights: point.slice(0, classes * size), biases: point.slice(classes * size), loss };
}

/** The loss at a point, weights before biases; its slope goes into `slope`. */
function lossAndSlope(
  { vectors, labels, classes }: LabelledVectors,
  l2: number,
  point: Float64Array,
  slope: Float64Array,
): number {
  const size = vectors.length / labels.length;
  const biases = classes * size;
  let loss = 0;
  slope.fill(0);
  for (let i = 0; i < biases; i++) {
    loss += l2 / 2 * point[i]! * point[i]!;
    slope[i] = l2 * point[i]!;
  }
  const scores = new Float64Array(classes);
  for (let row = 0; row < labels.length; row++) {
    const at = row * size;
    for (let k = 0; k < classes; k++) {
      let score = point[biases + k]!;
      for (let d = 0; d < size; d++) score += point[k * size + d]! * vectors[at + d]!;
      scores[k] = score;
    }
    const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
    const own = labels[row]!;
    loss += Math.log(sum) + most - scores[own]!;
    for (let k = 0; k < classes; k++) {
      const error = Math.exp(scores[k]! - most) / sum - (k === own ? 1 : 0);
      for (let d = 0; d < size; d++) {
        slope[k * size + d] = slope[k * size + d]! + error * vectors[at + d]!;
      }
      slope[biases + k] = slope[biases + k]! + error;
    }
  }
  return loss;
}

/** L-BFGS from a point on until no slope is steeper than `tolerance`, or nothing is gained any more. */
export function minimise(
  lossAt: (point: Float64Array, slope: Float64Array) => number,
  start: Float64Array,
  tolerance: number,
): Float64Array {
  const { length } = start;
  let point = start;
  let slope = new Float64Array(length);
  let loss = lossAt(point, slope);
  const kept: { step: Float64Array; change: Float64Array; product: number }[] = [];
  for (let i = 0; i < MAX_STEPS && steepest(slope) > tolerance; i++) {
    const direction = descent(slope, kept);
    const falls = dot(direction, slope);
    let scale = kept.length === 0 ? 1 / Math.max(1, Math.sqrt(-falls)) : 1;
    let next = point;
    const nextSlope = new Float64Array(length);
    let nextLoss = loss;
    for (;; scale /= 2) {
      next = point.map((value, j) => value + scale * direction[j]!);
      nextLoss = lossAt(next, nextSlope);
      if (nextLoss <= loss + ENOUGH * scale * falls) break;
      // Less than this is rounding: the optimum is as near as numbers allow.
      if (scale < 1e-12) return point;
    }
    const step = next.map((value, j) => value - point[j]!);
    const change = nextSlope.map((value, j) => value - slope[j]!);
    const product = dot(step, change);
    if (product > 0) kept.push({ step, change, product });
    if (kept.length > MEMORY) kept.shift();
    [point, slope, loss] = [next, nextSlope, nextLoss];
  }
  return point;
}

/** Where the loss falls, as far as the steps before tell. */
function descent(
  slope: Float64Array,
  kept: readonly { step: Float64Array; change: Float64Array; product: number }[],
): Float64Array {
  const direction = slope.map((value) => -value);
  const shares: number[] = [];
  for (const { step, change, product } of kept.toReversed()) {
    const share = dot(step, direction) / product;
    shares.unshift(share);
    addScaled(direction, change, -share);
  }
  const last = kept.at(-1);
  if (last) {
    const scale = last.product / dot(last.change, last.change);
    direction.forEach((value, i) => direction[i] = scale * value);
  }
  for (const [i, { step, change, product }] of kept.entries()) {
    addScaled(direction, step, shares[i]! - dot(change, direction) / product);
  }
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(to: Float64Array, what: Float64Array, scale: number): void {
  for (let i = 0; i < to.length; i++) to[i] = to[i]! + scale * what[i]!;
}

function steepest(slope: Float64Array): number {
  return slope.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
