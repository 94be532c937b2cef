// Convolutions with groups and a weight of bytes: `gemm_int8.ts` has the arithmetic.
//
// The rows of such a product are the frames under a kernel that is long and overlaps itself: a number of a positional
// convolution lies in 128 of them. Here it is converted once for each block of steps, whose rows share a scale, and a
// row is where its first frame is. What only multiplies the zeros around a clip is left out.
//
// Units of both kernels begin with the blocks of a group of a clip, then its groups, then the clips.
import { dotHalf, finishTile } from "./gemm_int8";
import {
  largerOf,
  largestLane,
  QUAD,
  QUAD_BYTES,
  ROW_STEPS,
  roundRun,
  STEP_BYTES,
  stepsPerUnit,
  TILE_ROWS,
  ZERO_BYTE,
} from "./quantize";
import { fetchPanels, PANEL } from "./tile";

/** Steps whose rows share a scale; `../_conv1d_int8.ts` has the same. */
const BLOCK_STEPS: i32 = 40;

/** The first frame with samples under the steps from `first` on, counted from their first frame. */
// @ts-ignore: decorator
@inline
function insideFrom(first: i32, stride: i32, padLeft: i32): i32 {
  return max(0, padLeft - first * stride);
}

/** The frame behind the last one with samples, in the same way. */
// @ts-ignore: decorator
@inline
function insideTo(first: i32, stride: i32, padLeft: i32, frames: i32): i32 {
  return max(0, padLeft + frames - first * stride);
}

/**
 * Frames to bytes, and a scale and a sum for each step; zeros where there are no frames.
 *
 * Units: blocks. `bytes`: for each `blockBytes`, of which those behind the frames are zeros.
 *
 * @param scratch per thread room for a number for each frame of a block, and one
 */
export function quantizeFrames(
  thread: i32, begin: i32, end: i32,
  x: usize, frames: i32, groups: i32, channels: i32, padLeft: i32, stride: i32, width: i32,
  steps: i32, bytes: usize, blockBytes: usize, scales: usize, sums: usize,
  scratch: usize, scratchBytes: usize,
): void {
  const sumsBefore = scratch + <usize>thread * scratchBytes;
  const blocks = (steps + BLOCK_STEPS - 1) / BLOCK_STEPS;
  const groupBytes = <usize>channels << 2;
  const frameBytes = <usize>groups * groupBytes;
  for (let unit = begin; unit < end; unit++) {
    const first = unit % blocks * BLOCK_STEPS;
    const count = min(BLOCK_STEPS, steps - first);
    const covered = (count - 1) * stride + width;
    const from = min(covered, insideFrom(first, stride, padLeft));
    const to = max(from, min(covered, insideTo(first, stride, padLeft, frames)));
    const number = unit / blocks;
    const source = x + <usize>(number / groups * frames + first * stride - padLeft) * frameBytes +
      <usize>(number % groups) * groupBytes;
    let most = i32x4.splat(0);
    for (let frame = from; frame < to; frame++) {
      most = largerOf(most, source + <usize>frame * frameBytes, channels);
    }
    const largest = largestLane(most);
    const perUnit = f32x4.splat(stepsPerUnit(largest, ROW_STEPS));
    const target = bytes + <usize>unit * blockBytes;
    memory.fill(target, 0, blockBytes);
    let sum = 0;
    for (let frame = 0; frame < covered; frame++) {
      store<i32>(sumsBefore + (<usize>frame << 2), sum);
      if (frame < from || frame >= to) continue;
      const at = target + <usize>(frame * channels * STEP_BYTES);
      sum += roundRun(source + <usize>frame * frameBytes, channels, perUnit, at);
    }
    store<i32>(sumsBefore + (<usize>covered << 2), sum);
    const rest = -(width * channels) & (QUAD - 1);
    for (let step = 0; step < count; step++) {
      const before = sumsBefore + (<usize>(step * stride) << 2);
      let sum = load<i32>(before + (<usize>width << 2)) - load<i32>(before);
      // The last quad of a row goes on behind it, where the weight has what stands for 0.
      const behind = target + <usize>((step * stride + width) * channels * STEP_BYTES);
      for (let i = 0; i < rest; i++) sum += byteAt(behind + <usize>(i * STEP_BYTES));
      const place = <usize>(unit * BLOCK_STEPS + step) << 2;
      store<f32>(scales + place, largest / ROW_STEPS);
      store<i32>(sums + place, sum * ZERO_BYTE);
    }
  }
}

// @ts-ignore: decorator
@inline
function byteAt(address: usize): i32 {
  return STEP_BYTES == 1 ? <i32>load<i8>(address) : <i32>load<i16>(address);
}

/**
 * The product, with bias and activation.
 *
 * Units: panels of a group's weight for each block, panels running fastest.
 *
 * @param bytes,blockBytes,scales,sums from `quantizeFrames`
 * @param panels,columnScales from `packInt8`
 * @param c frames `[B, T', G columns]`
 * @param scratch per thread room for the sums of a tile
 */
export function convInt8(
  thread: i32, begin: i32, end: i32,
  bytes: usize, blockBytes: usize, scales: usize, sums: usize,
  frames: i32, groups: i32, channels: i32, padLeft: i32, stride: i32, width: i32, steps: i32,
  panels: usize, columnScales: usize, c: usize, columns: i32, bias: usize, activation: i32,
  scratch: usize, scratchBytes: usize,
): void {
  const tile = scratch + <usize>thread * scratchBytes;
  const blocks = (steps + BLOCK_STEPS - 1) / BLOCK_STEPS;
  const panelCount = (columns + PANEL - 1) / PANEL;
  const quads = (width * channels + QUAD - 1) / QUAD;
  const panelBytes = <usize>quads * QUAD_BYTES;
  const cRow = <usize>(groups * columns) << 2;
  const rowBytes = <usize>(stride * channels * STEP_BYTES);
  for (let unit = begin; unit < end; unit++) {
    const block = unit / panelCount;
    const number = unit % panelCount;
    const first = block % blocks * BLOCK_STEPS;
    const group = block / blocks % groups;
    const panel = panels + <usize>(group * panelCount + number) * panelBytes;
    const offset = <usize>(group * columns + number * PANEL) << 2;
    const place = c + <usize>(block / blocks / groups * steps + first) * cRow + offset;
    const from = insideFrom(first, stride, padLeft);
    const to = insideTo(first, stride, padLeft, frames);
    const count = min(BLOCK_STEPS, steps - first);
    fetchPanels(panel, panelBytes, tile);
    for (let step = 0; step < count; step += TILE_ROWS) {
      // Taps that reach a sample from any of the rows.
      const firstTap = max(0, from - (step + TILE_ROWS - 1) * stride);
      const lastTap = min(width, to - step * stride);
      const firstQuad = firstTap * channels / QUAD;
      const lastQuad = max(firstQuad, min(quads, (lastTap * channels + QUAD - 1) / QUAD));
      const a = bytes + <usize>block * blockBytes + <usize>step * rowBytes +
        <usize>(firstQuad * QUAD * STEP_BYTES);
      const b = panel + <usize>firstQuad * QUAD_BYTES;
      multiplyRows(a, rowBytes, b, b + <usize>(lastQuad - firstQuad) * QUAD_BYTES, tile);
      const row = <usize>(block * BLOCK_STEPS + step) << 2;
      finishTile(
        tile,
        sums + row,
        scales + row,
        min(TILE_ROWS, count - step),
        columnScales + (<usize>(group * panelCount + number) * PANEL << 2),
        bias ? bias + offset : 0,
        0,
        activation,
        place + <usize>step * cRow,
        cRow,
        min(PANEL, columns - number * PANEL),
      );
    }
  }
}

/** Sums of the rows of a tile by 8 columns. */
function multiplyRows(a: usize, rowBytes: usize, panel: usize, end: usize, sums: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    dotRows(a, rowBytes, panel, end, sums);
  } else {
    const step = <usize>(QUAD * STEP_BYTES);
    dotHalf(a, rowBytes, step, panel, end, sums);
    dotHalf(a, rowBytes, step, panel + 16, end + 16, sums + 16);
  }
}

/** `dotBytes` of `gemm_int8.ts`, of rows that lie apart. */
function dotRows(row: usize, rowBytes: usize, panel: usize, end: usize, sums: usize): void {
  const zero = i32x4.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero, c40 = zero, c41 = zero;
  const second = row + rowBytes;
  let third = second + rowBytes;
  const fourth = third + rowBytes;
  let fifth = fourth + rowBytes;
  for (; panel < end; panel += QUAD_BYTES) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    let a = v128.load32_splat(row);
    c00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c00);
    c01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c01);
    a = v128.load32_splat(row + rowBytes);
    c10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c10);
    c11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c11);
    row += QUAD;
    a = v128.load32_splat(third);
    c20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c20);
    c21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c21);
    a = v128.load32_splat(third + rowBytes);
    c30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c30);
    c31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c31);
    third += QUAD;
    a = v128.load32_splat(fifth);
    c40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b0, c40);
    c41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b1, c41);
    fifth += QUAD;
  }
  v128.store(sums, c00);
  v128.store(sums, c01, 16);
  v128.store(sums, c10, 32);
  v128.store(sums, c11, 48);
  v128.store(sums, c20, 64);
  v128.store(sums, c21, 80);
  v128.store(sums, c30, 96);
  v128.store(sums, c31, 112);
  v128.store(sums, c40, 128);
  v128.store(sums, c41, 144);
}
