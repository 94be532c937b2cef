// Softmax cross-entropy with label smoothing. The loss is one unit, of the gradient one unit is a row.
import { exp, laneMask, log, maxLanes, storeLanes, sumLanes, VECTOR_BYTES } from "./simd";

/** Largest number of a row. */
function largestOf(x: usize, count: i32): f32 {
  const lowest = f32x4.splat(-f32.MAX_VALUE);
  let largest = lowest;
  for (let left = count; left > 0; left -= 4, x += VECTOR_BYTES) {
    largest = f32x4.max(largest, v128.bitselect(v128.load(x), lowest, laneMask(left)));
  }
  return maxLanes(largest);
}

/** Sum of e^(x - largest) over a row. */
function sumOfPowers(x: usize, count: i32, largest: f32): f32 {
  const top = f32x4.splat(largest);
  let sum = f32x4.splat(0.0);
  for (let left = count; left > 0; left -= 4, x += VECTOR_BYTES) {
    sum = f32x4.add(sum, v128.and(exp(f32x4.sub(v128.load(x), top)), laneMask(left)));
  }
  return sumLanes(sum);
}

export function crossEntropy(
  thread: i32, begin: i32, end: i32,
  logits: usize, labels: usize, loss: usize,
  batch: i32, classes: i32, smoothing: f64, normalizer: f64,
): void {
  let total: f64 = 0.0;
  for (let clip = 0; clip < batch; clip++) {
    const row = logits + <usize>clip * (<usize>classes << 2);
    const label = i32.load(labels + (<usize>clip << 2));
    const largest = largestOf(row, classes);
    let rest: f64 = 0.0;
    if (smoothing > 0.0) {
      for (let n = 0; n < classes; n++) rest += <f64>f32.load(row + (<usize>n << 2)) - <f64>largest;
    }
    const own = <f64>f32.load(row + (<usize>label << 2)) - <f64>largest;
    const expected = (1.0 - smoothing) * own + smoothing * rest / <f64>classes;
    total += log(<f64>sumOfPowers(row, classes, largest)) - expected;
  }
  f32.store(loss, <f32>(total / normalizer));
}

export function crossEntropyGrad(
  thread: i32, begin: i32, end: i32,
  logits: usize, labels: usize, dy: usize, dlogits: usize,
  classes: i32, smoothing: f32, normalizer: f32,
): void {
  const rowBytes = <usize>classes << 2;
  const factor = f32.load(dy) / normalizer;
  for (let clip = begin; clip < end; clip++) {
    const row = logits + <usize>clip * rowBytes;
    const to = dlogits + <usize>clip * rowBytes;
    const largest = largestOf(row, classes);
    const scale = f32x4.splat(factor / sumOfPowers(row, classes, largest));
    const spread = f32x4.splat(factor * smoothing / <f32>classes);
    for (let i: usize = 0; i < rowBytes; i += VECTOR_BYTES) {
      const power = exp(f32x4.sub(v128.load(row + i), f32x4.splat(largest)));
      const slope = f32x4.sub(f32x4.mul(power, scale), spread);
      if (i + VECTOR_BYTES <= rowBytes) v128.store(to + i, slope);
      else storeLanes(to + i, slope, classes & 3);
    }
    const own = to + (<usize>i32.load(labels + (<usize>clip << 2)) << 2);
    f32.store(own, f32.load(own) - factor * (1.0 - smoothing));
  }
}
