// Numbers to 8 bits: rows of activations as they come, and weights once.
//
// A row takes a scale of its own, its largest absolute value over 127, and bytes from -127 to 127. A weight
// takes a scale per output, its largest over 63, and bytes from 1 to 127 with 64 for 0; `gemm_int8.ts` has the
// reason. All is rounded to the nearest, halves to even, by the same instructions in both builds, so
// that they agree to the bit. A row that holds NaN or infinity gets that as its scale, and so does what
// becomes of it.
import { LANES, VECTOR_BYTES } from "./simd";
import { PANEL } from "./tile";

/** Bytes that a number of a row takes: without a dot product of bytes they are kept as 16 bits. */
export const STEP_BYTES: i32 = ASC_FEATURE_RELAXED_SIMD ? 1 : 2;
/** Numbers of a column side by side. */
export const QUAD: i32 = 4;
/** Rows of a tile of the product. */
export const TILE_ROWS: i32 = 5;
/** Bytes of a quad of all rows of a tile. */
export const TILE_QUAD: usize = <usize>(TILE_ROWS * QUAD * STEP_BYTES);
/** Bytes of a row of quads of a panel. */
export const QUAD_BYTES: usize = <usize>(PANEL * QUAD);

export const ROW_STEPS: f32 = 127;
const WEIGHT_STEPS: f32 = 63;
export const ZERO_BYTE: i32 = 64;
/** 1.5 * 2^23: adding it rounds to an integer and leaves that in the low bits. */
const ROUNDER: f32 = 12582912;

/**
 * Rows of float32 to bytes, with a scale and a sum for each. The rows of a tile lie together: a quad of each, then the
 * next quad of each. What lies in the place of rows that a last tile lacks is not written.
 *
 * Units: rows. Row r of `x` starts at `x + (r / rows) * xBatch + xStart + (r % rows) * xRow`; what lies outside of the
 * `xBytes` of its batch counts as 0. Numbers past `depth` are 0, up to a whole quad.
 *
 * @param sums 64 times the sum of a row's bytes: what the offset of the weights' bytes adds to each product
 * @param scratch per thread room for a row of float32
 */
export function quantizeRows(
  thread: i32, begin: i32, end: i32,
  x: usize, xBatch: usize, xRow: i32, xStart: i32, xBytes: i32, depth: i32, rows: i32,
  firstRow: i32, bytes: usize, scales: usize, sums: usize,
  scratch: usize, scratchBytes: usize,
): void {
  const copy = scratch + <usize>thread * scratchBytes;
  const tileBytes = <usize>((depth + QUAD - 1) / QUAD) * TILE_QUAD;
  for (let unit = begin; unit < end; unit++) {
    const row = firstRow + unit;
    const base = x + <usize>(row / rows) * xBatch;
    const start = xStart + (row % rows) * xRow;
    let from = base + start;
    if (start < 0 || start + (depth << 2) > xBytes) {
      copyInside(base, start, depth, xBytes, copy);
      from = copy;
    }
    const largest = largestOf(from, depth);
    const to = bytes + <usize>(unit / TILE_ROWS) * tileBytes +
      <usize>(unit % TILE_ROWS * QUAD * STEP_BYTES);
    const sum = roundRow(from, depth, stepsPerUnit(largest, ROW_STEPS), to);
    store<f32>(scales + (<usize>unit << 2), largest / ROW_STEPS);
    store<i32>(sums + (<usize>unit << 2), sum * ZERO_BYTE);
  }
}

/** `count` floats from byte `start` of a batch on, those outside its `bytes` as 0. */
export function copyInside(base: usize, start: i32, count: i32, bytes: i32, to: usize): void {
  for (let i = 0; i < count; i++) {
    const at = start + (i << 2);
    const value: f32 = at >= 0 && at < bytes ? load<f32>(base + at) : 0;
    store<f32>(to + (<usize>i << 2), value);
  }
}

/** Steps in a unit; where the largest number is next to nothing as many as are finite. */
// @ts-ignore: decorator
@inline
export function stepsPerUnit(largest: f32, steps: f32): f32 {
  return largest == 0 ? 0 : min(steps / largest, f32.MAX_VALUE);
}

/** Largest absolute value, infinity or NaN where there is one. */
function largestOf(from: usize, count: i32): f32 {
  return largestLane(largerOf(i32x4.splat(0), from, count));
}

/** The bits of the largest absolute values so far: as integers, they are in the order of the numbers, NaN above all. */
export function largerOf(most: v128, from: usize, count: i32): v128 {
  const mask = i32x4.splat(0x7fffffff);
  const end = from + (<usize>count << 2);
  const whole = from + (<usize>(count & -LANES) << 2);
  for (; from < whole; from += VECTOR_BYTES) {
    most = i32x4.max_s(most, v128.and(v128.load(from), mask));
  }
  for (; from < end; from += 4) {
    most = i32x4.max_s(most, v128.and(v128.load32_zero(from), mask));
  }
  return most;
}

/** The number whose bits are the largest of the four. */
// @ts-ignore: decorator
@inline
export function largestLane(most: v128): f32 {
  most = i32x4.max_s(most, v128.shuffle<i32>(most, most, 2, 3, 0, 1));
  return reinterpret<f32>(max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)));
}

/** Four numbers as integers. */
// @ts-ignore: decorator
@inline
function round(x: v128, steps: v128): v128 {
  const shifted = f32x4.add(f32x4.mul(x, steps), f32x4.splat(ROUNDER));
  return i32x4.sub(shifted, i32x4.splat(reinterpret<i32>(ROUNDER)));
}

/** Up to three numbers, and zeros behind them. */
// @ts-ignore: decorator
@inline
function loadFew(from: usize, count: i32): v128 {
  let x = v128.load32_zero(from);
  if (count > 1) x = f32x4.replace_lane(x, 1, load<f32>(from, 4));
  if (count > 2) x = f32x4.replace_lane(x, 2, load<f32>(from, 8));
  return x;
}

/** Writes a row's bytes into its tile and returns their sum. */
function roundRow(from: usize, count: i32, stepsPerUnit: f32, to: usize): i32 {
  const steps = f32x4.splat(stepsPerUnit);
  let sum = i32x4.splat(0);
  let left = count;
  for (; left >= 4 * LANES; left -= 4 * LANES) {
    const first = round(v128.load(from), steps);
    const second = round(v128.load(from, 16), steps);
    const third = round(v128.load(from, 32), steps);
    const fourth = round(v128.load(from, 48), steps);
    sum = i32x4.add(sum, i32x4.add(i32x4.add(first, second), i32x4.add(third, fourth)));
    const low = i16x8.narrow_i32x4_s(first, second);
    const high = i16x8.narrow_i32x4_s(third, fourth);
    if (ASC_FEATURE_RELAXED_SIMD) {
      const all = i8x16.narrow_i16x8_s(low, high);
      v128.store_lane<i32>(to, all, 0);
      v128.store_lane<i32>(to, all, 1, TILE_QUAD);
      v128.store_lane<i32>(to, all, 2, 2 * TILE_QUAD);
      v128.store_lane<i32>(to, all, 3, 3 * TILE_QUAD);
    } else {
      v128.store_lane<i64>(to, low, 0);
      v128.store_lane<i64>(to, low, 1, TILE_QUAD);
      v128.store_lane<i64>(to, high, 0, 2 * TILE_QUAD);
      v128.store_lane<i64>(to, high, 1, 3 * TILE_QUAD);
    }
    from += 4 * VECTOR_BYTES;
    to += 4 * TILE_QUAD;
  }
  for (; left > 0; left -= LANES) {
    const value = round(left >= LANES ? v128.load(from) : loadFew(from, left), steps);
    sum = i32x4.add(sum, value);
    storeQuad(value, to);
    from += VECTOR_BYTES;
    to += TILE_QUAD;
  }
  return sumIntegers(sum);
}

/** Writes the bytes of numbers one after the other, up to three more behind them, and returns their sum. */
export function roundRun(from: usize, count: i32, steps: v128, to: usize): i32 {
  let sum = i32x4.splat(0);
  for (; count > 0; count -= LANES) {
    const value = round(count >= LANES ? v128.load(from) : loadFew(from, count), steps);
    sum = i32x4.add(sum, value);
    storeQuad(value, to);
    from += VECTOR_BYTES;
    to += <usize>(QUAD * STEP_BYTES);
  }
  return sumIntegers(sum);
}

// @ts-ignore: decorator
@inline
function sumIntegers(sum: v128): i32 {
  const pairs = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

// @ts-ignore: decorator
@inline
function storeQuad(value: v128, to: usize): void {
  const half = i16x8.narrow_i32x4_s(value, value);
  if (ASC_FEATURE_RELAXED_SIMD) {
    store<i32>(to, i32x4.extract_lane(i8x16.narrow_i16x8_s(half, half), 0));
  } else {
    store<i64>(to, i64x2.extract_lane(half, 0));
  }
}

/**
 * A weight `[groups * columns, channels, taps]` to panels of bytes, and the scale of each column.
 *
 * Units: panels, of all groups one after the other. `../../../operations/weight_forms.ts` describes the form.
 */
export function packInt8(
  thread: i32, begin: i32, end: i32,
  weight: usize, columns: i32, channels: i32, taps: i32, packed: usize, scales: usize,
): void {
  const depth = channels * taps;
  const panels = (columns + PANEL - 1) / PANEL;
  const rowBytes = <usize>depth << 2;
  const panelBytes = <usize>((depth + QUAD - 1) / QUAD) * QUAD_BYTES;
  for (let unit = begin; unit < end; unit++) {
    const panel = packed + <usize>unit * panelBytes;
    memory.fill(panel, <u8>ZERO_BYTE, panelBytes);
    const first = (unit % panels) * PANEL;
    const width = min(PANEL, columns - first);
    const rows = weight + <usize>((unit / panels) * columns + first) * rowBytes;
    for (let column = 0; column < PANEL; column++) {
      const from = rows + <usize>column * rowBytes;
      const largest: f32 = column < width ? largestOf(from, depth) : 0;
      store<f32>(scales + (<usize>(unit * PANEL + column) << 2), largest / WEIGHT_STEPS);
      if (column >= width) continue;
      const steps = stepsPerUnit(largest, WEIGHT_STEPS);
      packColumn(from, channels, taps, f32x4.splat(steps), panel + <usize>(column * QUAD));
    }
  }
}

/** One output's numbers, four of a tap at a time. */
function packColumn(from: usize, channels: i32, taps: i32, steps: v128, to: usize): void {
  if (taps == 1) {
    for (let left = channels; left > 0; left -= LANES) {
      storeBytes(round(left >= LANES ? v128.load(from) : loadFew(from, left), steps), to);
      from += VECTOR_BYTES;
      to += QUAD_BYTES;
    }
    return;
  }
  for (let tap = 0; tap < taps; tap++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = v128.load32_zero(from + (<usize>(channel * taps + tap) << 2));
      const row = tap * channels + channel;
      const at = to + <usize>(row / QUAD) * QUAD_BYTES + <usize>(row % QUAD);
      store<u8>(at, ZERO_BYTE + i32x4.extract_lane(round(value, steps), 0));
    }
  }
}

/** Four integers from -63 to 63, as bytes around 64. */
// @ts-ignore: decorator
@inline
function storeBytes(value: v128, to: usize): void {
  const half = i16x8.narrow_i32x4_s(value, value);
  const bytes = i8x16.add(i8x16.narrow_i16x8_s(half, half), i8x16.splat(<i8>ZERO_BYTE));
  store<i32>(to, i32x4.extract_lane(bytes, 0));
}
