// Convolution over time of each channel by itself; one unit is STEPS output frames of a clip.
//
// Weights come as panels of 8 channels (see pack.ts), a tap after the other. Four channels of eight
// frames are summed together, in order of the taps.
import { activate } from "./activation";
import { LANES, madd, storeLanes, VECTOR_BYTES } from "./simd";
import { PANEL_BYTES } from "./tile";

/** `../depthwise.ts` has the same. */
const STEPS: i32 = 8;

/** `bias` is 0 where there is none. */
export function depthwise(
  thread: i32, begin: i32, end: i32,
  x: usize, packed: usize, bias: usize, y: usize,
  frames: i32, steps: i32, channels: i32, width: i32, stride: i32, padLeft: i32, kind: i32,
): void {
  const rowBytes = <usize>channels << 2;
  const clipUnits = (steps + STEPS - 1) / STEPS;
  const panelBytes = <usize>width * PANEL_BYTES;
  for (let unit = begin; unit < end; unit++) {
    const clip = unit / clipUnits;
    const first = (unit % clipUnits) * STEPS;
    const count = min(STEPS, steps - first);
    const start = first * stride - padLeft;
    const isInside = count == STEPS && start >= 0 && start + (STEPS - 1) * stride + width <= frames;
    const from = x + <usize>(clip * frames) * rowBytes;
    const to = y + <usize>(clip * steps + first) * rowBytes;
    for (let channel = 0; channel < channels; channel += LANES) {
      const taps = packed + <usize>(channel >> 3) * panelBytes + <usize>(channel & 4) * 4;
      const at = <usize>channel << 2;
      const bottom = bias ? v128.load(bias + at) : f32x4.splat(0);
      const left = channels - channel;
      if (isInside) {
        const source = from + <usize>start * rowBytes + at;
        sumSteps(source, taps, bottom, to + at, rowBytes, width, stride, kind, left);
      } else {
        for (let i = 0; i < count; i++) {
          const frame = start + i * stride;
          const sum = sumStep(from + at, taps, bottom, frames, frame, rowBytes, width);
          write(to + <usize>i * rowBytes + at, sum, kind, left);
        }
      }
    }
  }
}

/** STEPS frames whose taps are all there. */
function sumSteps(
  x: usize, taps: usize, bias: v128, y: usize,
  rowBytes: usize, width: i32, stride: i32, kind: i32, left: i32,
): void {
  const step = <usize>stride * rowBytes;
  let y0 = bias, y1 = bias, y2 = bias, y3 = bias, y4 = bias, y5 = bias, y6 = bias, y7 = bias;
  for (const end = taps + <usize>width * PANEL_BYTES; taps < end; taps += PANEL_BYTES, x += rowBytes) {
    const weight = v128.load(taps);
    let at = x;
    y0 = madd(v128.load(at), weight, y0);
    y1 = madd(v128.load(at += step), weight, y1);
    y2 = madd(v128.load(at += step), weight, y2);
    y3 = madd(v128.load(at += step), weight, y3);
    y4 = madd(v128.load(at += step), weight, y4);
    y5 = madd(v128.load(at += step), weight, y5);
    y6 = madd(v128.load(at += step), weight, y6);
    y7 = madd(v128.load(at += step), weight, y7);
  }
  write(y, y0, kind, left);
  write(y += rowBytes, y1, kind, left);
  write(y += rowBytes, y2, kind, left);
  write(y += rowBytes, y3, kind, left);
  write(y += rowBytes, y4, kind, left);
  write(y += rowBytes, y5, kind, left);
  write(y += rowBytes, y6, kind, left);
  write(y += rowBytes, y7, kind, left);
}

/** One frame, from the taps that lie in the clip. */
function sumStep(
  x: usize, taps: usize, sum: v128, frames: i32, frame: i32, rowBytes: usize, width: i32,
): v128 {
  const last = min(width, frames - frame);
  for (let tap = max(0, -frame); tap < last; tap++) {
    const value = v128.load(x + <usize>(frame + tap) * rowBytes);
    sum = madd(value, v128.load(taps + <usize>tap * PANEL_BYTES), sum);
  }
  return sum;
}

function write(y: usize, sum: v128, kind: i32, left: i32): void {
  const value = activate(sum, kind);
  if (left >= LANES) v128.store(y, value);
  else storeLanes(y, value, left);
}
