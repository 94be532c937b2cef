// Mean over the first frames of a clip; one unit is a clip, in the gradient a frame.
import { storeLanes, VECTOR_BYTES } from "./simd";

/** `lengths` is 0 where all clips are whole. */
export function meanPool(
  thread: i32, begin: i32, end: i32,
  x: usize, lengths: usize, y: usize, frames: i32, channels: i32,
): void {
  const rowBytes = <usize>channels << 2;
  for (let clip = begin; clip < end; clip++) {
    const length = lengths ? i32.load(lengths + (<usize>clip << 2)) : frames;
    const divisor = f32x4.splat(<f32>length);
    const top = x + <usize>clip * <usize>frames * rowBytes;
    const to = y + <usize>clip * rowBytes;
    for (let i: usize = 0; i < rowBytes; i += VECTOR_BYTES) {
      const mean = f32x4.div(sumOfFrames(top + i, length, rowBytes), divisor);
      if (i + VECTOR_BYTES <= rowBytes) v128.store(to + i, mean);
      else storeLanes(to + i, mean, channels & 3);
    }
  }
}

/** In four running sums, so that the additions do not wait for each other. */
function sumOfFrames(x: usize, length: i32, rowBytes: usize): v128 {
  let sum0 = f32x4.splat(0.0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (; length >= 4; length -= 4, x += 4 * rowBytes) {
    sum0 = f32x4.add(sum0, v128.load(x));
    sum1 = f32x4.add(sum1, v128.load(x + rowBytes));
    sum2 = f32x4.add(sum2, v128.load(x + 2 * rowBytes));
    sum3 = f32x4.add(sum3, v128.load(x + 3 * rowBytes));
  }
  for (; length > 0; length--, x += rowBytes) sum0 = f32x4.add(sum0, v128.load(x));
  return f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3));
}

export function meanPoolGrad(
  thread: i32, begin: i32, end: i32,
  dy: usize, lengths: usize, dx: usize, frames: i32, channels: i32,
): void {
  const rowBytes = <usize>channels << 2;
  for (let row = begin; row < end; row++) {
    const clip = row / frames;
    const length = i32.load(lengths + (<usize>clip << 2));
    const from = dy + <usize>clip * rowBytes;
    const to = dx + <usize>row * rowBytes;
    if (row - clip * frames >= length) {
      memory.fill(to, 0, rowBytes);
      continue;
    }
    const divisor = f32x4.splat(<f32>length);
    for (let i: usize = 0; i < rowBytes; i += VECTOR_BYTES) {
      const slope = f32x4.div(v128.load(from + i), divisor);
      if (i + VECTOR_BYTES <= rowBytes) v128.store(to + i, slope);
      else storeLanes(to + i, slope, channels & 3);
    }
  }
}
