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
    let most = -Infinity;
    for (let k = 0; k < classes; k++) {
      scores[k] = point[biases + k]! + product(point, k * size, vectors, at, size);
      if (scores[k]! > most) most = scores[k]!;
    }
    const own = labels[row]!;
    loss += most - scores[own]!;
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      scores[k] = Math.exp(scores[k]! - most);
      sum += scores[k]!;
    }
    loss += Math.log(sum);
    for (let k = 0; k < classes; k++) {
      const error = scores[k]! / sum - (k === own ? 1 : 0);
      slope[biases + k]! += error;
      addProduct(slope, k * size, error, vectors, at, size);
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
    const next = new Float64Array(length);
    const nextSlope = new Float64Array(length);
    let nextLoss = loss;
    for (;; scale /= 2) {
      next.set(point);
      addScaled(next, direction, scale);
      nextLoss = lossAt(next, nextSlope);
      if (nextLoss <= loss + ENOUGH * scale * falls) break;
      // Less than this is rounding: the optimum is as near as numbers allow.
      if (scale < 1e-12) return point;
    }
    const step = next.slice();
    addScaled(step, point, -1);
    const change = nextSlope.slice();
    addScaled(change, slope, -1);
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
  return product(a, 0, b, 0, a.length);
}

function addScaled(to: Float64Array, what: Float64Array, scale: number): void {
  addProduct(to, 0, scale, what, 0, to.length);
}

/** The scalar product of two stretches, as four sums, none of which waits for another. */
function product(
  a: Float64Array,
  atA: number,
  b: Float64Array,
  atB: number,
  length: number,
): number {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  const whole = length - length % 4;
  for (let i = 0; i < whole; i += 4) {
    first += a[atA + i]! * b[atB + i]!;
    second += a[atA + i + 1]! * b[atB + i + 1]!;
    third += a[atA + i + 2]! * b[atB + i + 2]!;
    fourth += a[atA + i + 3]! * b[atB + i + 3]!;
  }
  for (let i = whole; i < length; i++) first += a[atA + i]! * b[atB + i]!;
  return first + second + (third + fourth);
}

/** Adds a stretch times a number to another one. */
function addProduct(
  to: Float64Array,
  atTo: number,
  factor: number,
  what: Float64Array,
  atWhat: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) to[atTo + i]! += factor * what[atWhat + i]!;
}

function steepest(slope: Float64Array): number {
  let most = 0;
  for (let i = 0; i < slope.length; i++) most = Math.max(most, Math.abs(slope[i]!));
  return most;
}
