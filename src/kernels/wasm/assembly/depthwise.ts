// Convolution of each channel by itself, of images or over time, and the gradient of its weight.
//
// Images are `[height][width][channels]`; frames of a clip are an image of one row. One unit is STEPS output columns of
// one output row. Weights come as panels of 8 channels (see pack.ts), a tap after the other, row by row. Four channels
// of eight columns are summed together, in order of the taps.
import { activate } from "./activation";
import { LANES, madd, storeLanes } from "./simd";
import { PANEL_BYTES } from "./tile";

/** `../_depthwise.ts` has the same. */
const STEPS: i32 = 8;

/** `bias` is 0 where there is none; the kernel has `across` rows of `along` taps. */
export function depthwise(
  thread: i32, begin: i32, end: i32,
  x: usize, packed: usize, bias: usize, y: usize,
  height: i32, width: i32, rows: i32, steps: i32, channels: i32,
  across: i32, along: i32, stride: i32, padTop: i32, padLeft: i32, kind: i32,
): void {
  const placeBytes = <usize>channels << 2;
  const lineBytes = <usize>width * placeBytes;
  const lineUnits = (steps + STEPS - 1) / STEPS;
  const tapBytes = <usize>along * PANEL_BYTES;
  const panelBytes = <usize>across * tapBytes;
  for (let unit = begin; unit < end; unit++) {
    const line = unit / lineUnits;
    const first = (unit % lineUnits) * STEPS;
    const count = min(STEPS, steps - first);
    const start = first * stride - padLeft;
    const isInside = count == STEPS && start >= 0 && start + (STEPS - 1) * stride + along <= width;
    const top = (line % rows) * stride - padTop;
    // The rows of the kernel that lie in the image.
    const skipped = max(0, -top);
    const inside = min(across, height - top) - skipped;
    const from = x + <usize>((line / rows) * height + top + skipped) * lineBytes;
    const to = y + <usize>(line * steps + first) * placeBytes;
    for (let channel = 0; channel < channels; channel += LANES) {
      const taps = packed + <usize>(channel >> 3) * panelBytes + <usize>(channel & 4) * 4 +
        <usize>skipped * tapBytes;
      const at = <usize>channel << 2;
      const bottom = bias ? v128.load(bias + at) : f32x4.splat(0);
      const left = channels - channel;
      if (isInside) {
        const source = from + <usize>start * placeBytes + at;
        sumSteps(source, taps, bottom, to + at, placeBytes, lineBytes, inside, along, stride, kind, left);
      } else {
        for (let i = 0; i < count; i++) {
          const column = start + i * stride;
          const sum = sumStep(from + at, taps, bottom, placeBytes, lineBytes, width, column, inside, along);
          write(to + <usize>i * placeBytes + at, sum, kind, left);
        }
      }
    }
  }
}

/** STEPS columns whose taps are all there. */
function sumSteps(
  x: usize, taps: usize, bias: v128, y: usize, placeBytes: usize, lineBytes: usize,
  lines: i32, along: i32, stride: i32, kind: i32, left: i32,
): void {
  const step = <usize>stride * placeBytes;
  let y0 = bias, y1 = bias, y2 = bias, y3 = bias, y4 = bias, y5 = bias, y6 = bias, y7 = bias;
  for (let line = 0; line < lines; line++, x += lineBytes) {
    let place = x;
    for (const end = taps + <usize>along * PANEL_BYTES; taps < end; taps += PANEL_BYTES, place += placeBytes) {
      const weight = v128.load(taps);
      let at = place;
      y0 = madd(v128.load(at), weight, y0);
      y1 = madd(v128.load(at += step), weight, y1);
      y2 = madd(v128.load(at += step), weight, y2);
      y3 = madd(v128.load(at += step), weight, y3);
      y4 = madd(v128.load(at += step), weight, y4);
      y5 = madd(v128.load(at += step), weight, y5);
      y6 = madd(v128.load(at += step), weight, y6);
      y7 = madd(v128.load(at += step), weight, y7);
    }
  }
  write(y, y0, kind, left);
  write(y += placeBytes, y1, kind, left);
  write(y += placeBytes, y2, kind, left);
  write(y += placeBytes, y3, kind, left);
  write(y += placeBytes, y4, kind, left);
  write(y += placeBytes, y5, kind, left);
  write(y += placeBytes, y6, kind, left);
  write(y += placeBytes, y7, kind, left);
}

/** One column, from the taps that lie in the image. */
function sumStep(
  x: usize, taps: usize, sum: v128, placeBytes: usize, lineBytes: usize,
  width: i32, column: i32, lines: i32, along: i32,
): v128 {
  const first = max(0, -column);
  const last = min(along, width - column);
  for (let line = 0; line < lines; line++, x += lineBytes, taps += <usize>along * PANEL_BYTES) {
    for (let tap = first; tap < last; tap++) {
      const value = v128.load(x + <usize>(column + tap) * placeBytes);
      sum = madd(value, v128.load(taps + <usize>tap * PANEL_BYTES), sum);
    }
  }
  return sum;
}

function write(y: usize, sum: v128, kind: i32, left: i32): void {
  const value = activate(sum, kind);
  if (left >= LANES) v128.store(y, value);
  else storeLanes(y, value, left);
}

/**
 * `dweight[c][tap] = sum x dy` over all places of all clips, for a kernel of `size` rows and columns; one unit is one
 * tap of four channels. The places of a row are summed first, then the rows.
 */
export function depthwiseGradWeight(
  thread: i32, begin: i32, end: i32,
  x: usize, dy: usize, dweight: usize, batch: i32, height: i32, width: i32,
  rows: i32, steps: i32, channels: i32, size: i32, stride: i32, padding: i32,
): void {
  const placeBytes = <usize>channels << 2;
  const taps = size * size;
  for (let unit = begin; unit < end; unit++) {
    const channel = (unit / taps) * LANES;
    const tap = unit % taps;
    const left = tap % size - padding;
    // The columns of `dy` whose tap lies in the image.
    const first = left < 0 ? (stride - 1 - left) / stride : 0;
    const last = min(steps, (width - 1 - left + stride) / stride);
    const at = <usize>channel << 2;
    let sum = f32x4.splat(0);
    for (let line = 0; line < batch * rows; line++) {
      const row = (line % rows) * stride + tap / size - padding;
      if (row < 0 || row >= height) continue;
      const from = x + <usize>(((line / rows) * height + row) * width + first * stride + left) * placeBytes + at;
      const slopes = dy + <usize>(line * steps + first) * placeBytes + at;
      sum = f32x4.add(sum, dotOfPlaces(from, slopes, last - first, placeBytes, stride));
    }
    const to = dweight + (<usize>(channel * taps + tap) << 2);
    const count = min(LANES, channels - channel);
    const next = <usize>taps << 2;
    f32.store(to, f32x4.extract_lane(sum, 0));
    if (count > 1) f32.store(to + next, f32x4.extract_lane(sum, 1));
    if (count > 2) f32.store(to + 2 * next, f32x4.extract_lane(sum, 2));
    if (count > 3) f32.store(to + 3 * next, f32x4.extract_lane(sum, 3));
  }
}

/** In two running sums, so that the additions do not wait for each other. */
function dotOfPlaces(x: usize, dy: usize, places: i32, placeBytes: usize, stride: i32): v128 {
  const step = <usize>stride * placeBytes;
  let even = f32x4.splat(0), odd = even;
  for (; places >= 2; places -= 2, x += 2 * step, dy += 2 * placeBytes) {
    even = madd(v128.load(x), v128.load(dy), even);
    odd = madd(v128.load(x + step), v128.load(dy + placeBytes), odd);
  }
  if (places > 0) even = madd(v128.load(x), v128.load(dy), even);
  return f32x4.add(even, odd);
}
