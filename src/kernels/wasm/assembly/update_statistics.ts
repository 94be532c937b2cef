// How far the columns of a matrix spread around given means; one unit is four columns.
import { madd, VECTOR_BYTES } from "./simd";

/** Rows added to each other before they are added to the sum. */
const GROUP: i32 = 8;

/** `y[c] = sum_r (x[r][c] - mean[c])^2` */
export function columnSpread(
  thread: i32, begin: i32, end: i32,
  x: usize, mean: usize, y: usize, rows: i32, rowBytes: usize,
): void {
  for (let unit = begin; unit < end; unit++) {
    const i = <usize>unit * VECTOR_BYTES;
    const middle = v128.load(mean + i);
    let sum = f32x4.splat(0.0);
    for (let row = 0; row < rows; row += GROUP) {
      let group = f32x4.splat(0.0);
      const last = min(rows, row + GROUP);
      for (let r = row; r < last; r++) {
        const off = f32x4.sub(v128.load(x + <usize>r * rowBytes + i), middle);
        group = madd(off, off, group);
      }
      sum = f32x4.add(sum, group);
    }
    v128.store(y + i, sum);
  }
}
