// Layer normalisation of rows; one unit of the forward kernel is a row, one of the gradient GRAD_ROWS rows.
import { activate } from "./activation";
import { laneMask, LANES, madd, nmadd, storeLanes, sumLanes, VECTOR_BYTES } from "./simd";

/** Rows whose part of dgamma and dbeta is summed together; `../layer_norm.ts` has the same. */
const GRAD_ROWS: i32 = 32;

/** Sum of a row, in 16 running sums. */
function sumOfRow(x: usize, columns: i32): f32 {
  let sum0 = f32x4.splat(0.0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (; columns >= 4 * LANES; columns -= 4 * LANES, x += 4 * VECTOR_BYTES) {
    sum0 = f32x4.add(sum0, v128.load(x));
    sum1 = f32x4.add(sum1, v128.load(x, 16));
    sum2 = f32x4.add(sum2, v128.load(x, 32));
    sum3 = f32x4.add(sum3, v128.load(x, 48));
  }
  for (; columns > 0; columns -= LANES, x += VECTOR_BYTES) {
    sum0 = f32x4.add(sum0, v128.and(v128.load(x), laneMask(columns)));
  }
  return sumLanes(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)));
}

/** Sum of squared differences of a row from its mean. */
function spreadOfRow(x: usize, columns: i32, mean: v128): f32 {
  let sum0 = f32x4.splat(0.0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (; columns >= 4 * LANES; columns -= 4 * LANES, x += 4 * VECTOR_BYTES) {
    const d0 = f32x4.sub(v128.load(x), mean);
    const d1 = f32x4.sub(v128.load(x, 16), mean);
    const d2 = f32x4.sub(v128.load(x, 32), mean);
    const d3 = f32x4.sub(v128.load(x, 48), mean);
    sum0 = madd(d0, d0, sum0);
    sum1 = madd(d1, d1, sum1);
    sum2 = madd(d2, d2, sum2);
    sum3 = madd(d3, d3, sum3);
  }
  for (; columns > 0; columns -= LANES, x += VECTOR_BYTES) {
    const d = v128.and(f32x4.sub(v128.load(x), mean), laneMask(columns));
    sum0 = madd(d, d, sum0);
  }
  return sumLanes(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)));
}

export function layerNorm(
  thread: i32, begin: i32, end: i32,
  x: usize, gamma: usize, beta: usize, y: usize, columns: i32, eps: f32, kind: i32,
): void {
  const rowBytes = <usize>columns << 2;
  const whole = <usize>(columns & ~3) << 2;
  const rest = columns & 3;
  for (let row = begin; row < end; row++) {
    const from = x + <usize>row * rowBytes;
    const to = y + <usize>row * rowBytes;
    const mean = f32x4.splat(sumOfRow(from, columns) / <f32>columns);
    const variance = spreadOfRow(from, columns, mean) / <f32>columns;
    const inverse = f32x4.splat(1.0 / sqrt(variance + eps));
    for (let i: usize = 0; i < whole; i += VECTOR_BYTES) {
      const normal = f32x4.mul(f32x4.sub(v128.load(from + i), mean), inverse);
      v128.store(to + i, activate(madd(normal, v128.load(gamma + i), v128.load(beta + i)), kind));
    }
    if (rest) {
      const normal = f32x4.mul(f32x4.sub(v128.load(from + whole), mean), inverse);
      const scaled = madd(normal, v128.load(gamma + whole), v128.load(beta + whole));
      storeLanes(to + whole, activate(scaled, kind), rest);
    }
  }
}

/**
 * dx, and for each unit a row of `partials`: the sums of dy * normal over its rows, then those of dy.
 * Each of the two is `partBytes` long, a multiple of 16.
 */
export function layerNormGrad(
  thread: i32, begin: i32, end: i32,
  x: usize, gamma: usize, dy: usize, dx: usize, partials: usize, partBytes: usize,
  rows: i32, columns: i32, eps: f32,
): void {
  const rowBytes = <usize>columns << 2;
  for (let unit = begin; unit < end; unit++) {
    const part = partials + 2 * <usize>unit * partBytes;
    memory.fill(part, 0, 2 * partBytes);
    const last = min(rows, (unit + 1) * GRAD_ROWS);
    for (let row = unit * GRAD_ROWS; row < last; row++) {
      const at = <usize>row * rowBytes;
      gradOfRow(x + at, gamma, dy + at, dx + at, part, partBytes, columns, eps);
    }
  }
}

/** With n the normalised row and g = dy * gamma: `dx = (g - mean(g) - n mean(g n)) / deviation`. */
function gradOfRow(
  x: usize, gamma: usize, dy: usize, dx: usize, part: usize, partBytes: usize,
  columns: i32, eps: f32,
): void {
  const mean = f32x4.splat(sumOfRow(x, columns) / <f32>columns);
  const variance = spreadOfRow(x, columns, mean) / <f32>columns;
  const inverse = f32x4.splat(1.0 / sqrt(variance + eps));
  const whole = <usize>(columns & ~3) << 2;
  const rest = columns & 3;
  let sum = f32x4.splat(0.0), product = sum;
  let i: usize = 0;
  for (; i < whole; i += VECTOR_BYTES) {
    const slope = v128.load(dy + i);
    const normal = f32x4.mul(f32x4.sub(v128.load(x + i), mean), inverse);
    const scaled = f32x4.mul(slope, v128.load(gamma + i));
    addToPart(part + i, partBytes, slope, normal);
    sum = f32x4.add(sum, scaled);
    product = madd(scaled, normal, product);
  }
  if (rest) {
    const mask = laneMask(rest);
    const slope = v128.and(v128.load(dy + i), mask);
    const normal = v128.and(f32x4.mul(f32x4.sub(v128.load(x + i), mean), inverse), mask);
    const scaled = v128.and(f32x4.mul(slope, v128.load(gamma + i)), mask);
    addToPart(part + i, partBytes, slope, normal);
    sum = f32x4.add(sum, scaled);
    product = madd(scaled, normal, product);
  }
  const meanSlope = f32x4.splat(sumLanes(sum) / <f32>columns);
  const projection = f32x4.splat(sumLanes(product) / <f32>columns);
  for (i = 0; i < whole; i += VECTOR_BYTES) {
    v128.store(dx + i, slopeOf(x + i, gamma + i, dy + i, mean, inverse, meanSlope, projection));
  }
  if (rest) {
    const tail = slopeOf(x + i, gamma + i, dy + i, mean, inverse, meanSlope, projection);
    storeLanes(dx + i, tail, rest);
  }
}

// @ts-ignore: decorator
@inline
function addToPart(part: usize, partBytes: usize, slope: v128, normal: v128): void {
  v128.store(part, madd(slope, normal, v128.load(part)));
  v128.store(part + partBytes, f32x4.add(slope, v128.load(part + partBytes)));
}

// @ts-ignore: decorator
@inline
function slopeOf(
  x: usize, gamma: usize, dy: usize,
  mean: v128, inverse: v128, meanSlope: v128, projection: v128,
): v128 {
  const normal = f32x4.mul(f32x4.sub(v128.load(x), mean), inverse);
  const scaled = f32x4.sub(f32x4.mul(v128.load(dy), v128.load(gamma)), meanSlope);
  return f32x4.mul(nmadd(normal, projection, scaled), inverse);
}
