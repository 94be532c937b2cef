// What the norm of a convolution's outputs over time needs, from the numbers under the kernel: `../normed_conv1d.ts`.
import { PANEL, PANEL_BYTES } from "./tile";

/**
 * Sums over the steps: of the number at each place under the kernel, and of its products with all places from it on.
 *
 * Units: places, of which there are `depth`. `sums`: for each place a row of `depth` products, then all `depth` sums.
 */
export function sumProducts(
  thread: i32, begin: i32, end: i32,
  x: usize, row: usize, steps: i32, depth: i32, sums: usize,
): void {
  const last = x + <usize>steps * row;
  for (let place = begin; place < end; place++) {
    const own = <usize>place << 2;
    // It waits for no longer than the products do, and is the same for each `other`.
    let sum = f64x2.splat(0);
    for (let other = place; other < depth; other += 4) {
      const ahead = <usize>(other - place) << 2;
      let low = f64x2.splat(0), high = low;
      sum = low;
      for (let at = x + own; at < last + own; at += row) {
        // Past the kernel, and behind the last number, there is room to read.
        const numbers = v128.load(at + ahead);
        const factor = f64x2.splat(<f64>load<f32>(at));
        sum = f64x2.add(sum, factor);
        low = f64x2.add(low, f64x2.mul(factor, f64x2.promote_low_f32x4(numbers)));
        const others = v128.shuffle<i64>(numbers, numbers, 1, 1);
        high = f64x2.add(high, f64x2.mul(factor, f64x2.promote_low_f32x4(others)));
      }
      const to = sums + (<usize>(place * depth + other) << 3);
      const left = depth - other;
      store<f64>(to, f64x2.extract_lane(low, 0));
      if (left > 1) store<f64>(to, f64x2.extract_lane(low, 1), 8);
      if (left > 2) store<f64>(to, f64x2.extract_lane(high, 0), 16);
      if (left > 3) store<f64>(to, f64x2.extract_lane(high, 1), 24);
    }
    store<f64>(sums + (<usize>(depth * depth + place) << 3), f64x2.extract_lane(sum, 0));
  }
}

/**
 * The weight and the bias of a product whose outputs are normalised.
 *
 * Units: panels of the weight.
 *
 * @param panels of the weight as it is
 * @param sums from `sumProducts`
 */
export function foldNorm(
  thread: i32, begin: i32, end: i32,
  panels: usize, sums: usize, steps: i32, depth: i32, columns: i32,
  gamma: usize, beta: usize, eps: f64, scaled: usize, offsets: usize,
): void {
  const panelBytes = <usize>depth * PANEL_BYTES;
  for (let unit = begin; unit < end; unit++) {
    for (let column = 0; column < PANEL; column++) {
      const number = unit * PANEL + column;
      const at = <usize>column << 2;
      const from = panels + <usize>unit * panelBytes + at;
      const isThere = number < columns;
      const mean = meanOf(from, sums, steps, depth);
      const variance = max<f64>(0, squareOf(from, sums, depth) / <f64>steps - mean * mean);
      const place = <usize>number << 2;
      const gain = isThere ? <f64>load<f32>(gamma + place) / sqrt(variance + eps) : 0;
      const offset = isThere ? <f64>load<f32>(beta + place) - mean * gain : 0;
      store<f32>(offsets + place, <f32>offset);
      const to = scaled + <usize>unit * panelBytes + at;
      for (let k: usize = 0; k < panelBytes; k += PANEL_BYTES) {
        store<f32>(to + k, <f32>(<f64>load<f32>(from + k) * gain));
      }
    }
  }
}

/** The mean of an output whose weights are a column of a panel. */
function meanOf(weights: usize, sums: usize, steps: i32, depth: i32): f64 {
  const means = sums + (<usize>(depth * depth) << 3);
  let sum: f64 = 0;
  for (let k = 0; k < depth; k++) {
    sum += <f64>load<f32>(weights + <usize>k * PANEL_BYTES) * load<f64>(means + (<usize>k << 3));
  }
  return sum / <f64>steps;
}

/** The sum of its squares: what lies beside the diagonal counts twice. */
function squareOf(weights: usize, sums: usize, depth: i32): f64 {
  let square: f64 = 0;
  for (let j = 0; j < depth; j++) {
    const row = sums + (<usize>(j * depth) << 3);
    const weight = <f64>load<f32>(weights + <usize>j * PANEL_BYTES);
    let others: f64 = 0;
    for (let k = j + 1; k < depth; k++) {
      others += <f64>load<f32>(weights + <usize>k * PANEL_BYTES) * load<f64>(row + (<usize>k << 3));
    }
    square += weight * (weight * load<f64>(row + (<usize>j << 3)) + 2 * others);
  }
  return square;
}
