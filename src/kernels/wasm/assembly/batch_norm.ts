// Batch normalisation with given statistics; one unit of the forward kernel is a row, one of the gradient four channels.
import { madd, storeLanes, VECTOR_BYTES } from "./simd";

/** Rows added to each other before they are added to the sum. */
const GROUP: i32 = 8;

/** `y = (x - mean) * factor + beta` */
export function batchNorm(
  thread: i32, begin: i32, end: i32,
  x: usize, mean: usize, factor: usize, beta: usize, y: usize, columns: i32,
): void {
  const rowBytes = <usize>columns << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * rowBytes;
    for (let i: usize = 0; i < rowBytes; i += VECTOR_BYTES) {
      const centred = f32x4.sub(v128.load(x + at + i), v128.load(mean + i));
      const value = madd(centred, v128.load(factor + i), v128.load(beta + i));
      if (i + VECTOR_BYTES <= rowBytes) v128.store(y + at + i, value);
      else storeLanes(y + at + i, value, columns & 3);
    }
  }
}

/** `y[c] = sum_r dy[r][c] (x[r][c] - mean[c])` */
export function centredDot(
  thread: i32, begin: i32, end: i32,
  dy: usize, x: usize, mean: usize, y: usize, rows: i32, rowBytes: usize,
): void {
  for (let unit = begin; unit < end; unit++) {
    const i = <usize>unit * VECTOR_BYTES;
    const middle = v128.load(mean + i);
    let sum = f32x4.splat(0.0);
    for (let row = 0; row < rows; row += GROUP) {
      let group = f32x4.splat(0.0);
      const last = min(rows, row + GROUP);
      for (let r = row; r < last; r++) {
        const at = <usize>r * rowBytes + i;
        group = madd(v128.load(dy + at), f32x4.sub(v128.load(x + at), middle), group);
      }
      sum = f32x4.add(sum, group);
    }
    v128.store(y + i, sum);
  }
}
