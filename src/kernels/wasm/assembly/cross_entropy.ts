// Softmax cross-entropy with label smoothing and focus. The loss is one unit, of the gradient one unit is a row.
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

/** e^x of one number. */
function power(x: f32): f32 {
  return f32x4.extract_lane(exp(f32x4.splat(x)), 0);
}

/** x to the power of `exponent`, for x from 0 to 1. */
function raised(x: f64, exponent: f64): f64 {
  return x > 0.0 ? <f64>power(<f32>(exponent * log(x))) : 0.0;
}

/** What a row's loss would be without focus, times the number of classes where it is smoothed. */
function rowLoss(row: usize, classes: i32, label: i32, smoothing: f64, largest: f32, sum: f32): f64 {
  let rest: f64 = 0.0;
  if (smoothing > 0.0) {
    for (let n = 0; n < classes; n++) rest += <f64>f32.load(row + (<usize>n << 2)) - <f64>largest;
  }
  const own = <f64>f32.load(row + (<usize>label << 2)) - <f64>largest;
  const expected = (1.0 - smoothing) * own + smoothing * rest / <f64>classes;
  return log(<f64>sum) - expected;
}

/** Share of the other classes: 1 - softmax of the label. */
function shareOfOthers(row: usize, label: i32, largest: f32, sum: f32): f64 {
  const own = power(f32.load(row + (<usize>label << 2)) - largest);
  return <f64>(sum - own) / <f64>sum;
}

export function crossEntropy(
  thread: i32, begin: i32, end: i32,
  logits: usize, labels: usize, loss: usize,
  batch: i32, classes: i32, smoothing: f64, normalizer: f64, focus: f64,
): void {
  let total: f64 = 0.0;
  for (let clip = 0; clip < batch; clip++) {
    const row = logits + <usize>clip * (<usize>classes << 2);
    const label = i32.load(labels + (<usize>clip << 2));
    const largest = largestOf(row, classes);
    const sum = sumOfPowers(row, classes, largest);
    let own = rowLoss(row, classes, label, smoothing, largest, sum);
    if (focus > 0.0) own *= raised(shareOfOthers(row, label, largest, sum), focus);
    total += own;
  }
  f32.store(loss, <f32>(total / normalizer));
}

/** The product rule: the slopes of a row times (1 - p)^focus, and its loss times the slopes of that. */
function focusRow(
  row: usize, slopes: usize, label: i32,
  classes: i32, factor: f32, smoothing: f32, focus: f32, largest: f32,
): void {
  const sum = sumOfPowers(row, classes, largest);
  const others = shareOfOthers(row, label, largest, sum);
  const held = raised(others, <f64>focus);
  const loss = rowLoss(row, classes, label, <f64>smoothing, largest, sum);
  const share = 1.0 - others;
  for (let n = 0; n < classes; n++) {
    const at = <usize>n << 2;
    const own = <f64>(power(f32.load(row + at) - largest) / sum);
    // (1 - p)^(focus - 1) could be without bound; together with p of another class it is not.
    const turn = n == label ? share : -share * own / max(others, 1e-30);
    const slope = <f64>f32.load(slopes + at) * held - <f64>factor * loss * <f64>focus * held * turn;
    f32.store(slopes + at, <f32>slope);
  }
}

export function crossEntropyGrad(
  thread: i32, begin: i32, end: i32,
  logits: usize, labels: usize, dy: usize, dlogits: usize,
  classes: i32, smoothing: f32, normalizer: f32, focus: f32,
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
    const label = i32.load(labels + (<usize>clip << 2));
    const own = to + (<usize>label << 2);
    f32.store(own, f32.load(own) - factor * (1.0 - smoothing));
    if (focus > 0.0) focusRow(row, to, label, classes, factor, smoothing, focus, largest);
  }
}
