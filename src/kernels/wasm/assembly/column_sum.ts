// Sums down the columns of a matrix; one unit is four columns.
import { madd, VECTOR_BYTES } from "./simd";

/** Rows added to each other before they are added to the sum: less memory traffic, less rounding. */
const GROUP: i32 = 8;

/** `y[c] = sum_r x[r][c]`, rows `rowBytes` apart. */
export function columnSum(
  thread: i32, begin: i32, end: i32,
  x: usize, y: usize, rows: i32, rowBytes: usize,
): void {
  const from = <usize>begin * VECTOR_BYTES;
  const until = <usize>end * VECTOR_BYTES;
  memory.fill(y + from, 0, until - from);
  let row = 0;
  for (; row + GROUP <= rows; row += GROUP) {
    const top = x + <usize>row * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      let at = top + i;
      const a = f32x4.add(v128.load(at), v128.load(at + rowBytes));
      at += 2 * rowBytes;
      const b = f32x4.add(v128.load(at), v128.load(at + rowBytes));
      at += 2 * rowBytes;
      const c = f32x4.add(v128.load(at), v128.load(at + rowBytes));
      at += 2 * rowBytes;
      const d = f32x4.add(v128.load(at), v128.load(at + rowBytes));
      const group = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
      v128.store(y + i, f32x4.add(v128.load(y + i), group));
    }
  }
  for (; row < rows; row++) {
    const at = x + <usize>row * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      v128.store(y + i, f32x4.add(v128.load(y + i), v128.load(at + i)));
    }
  }
}

/** `y[c] = sum_r a[r][c] * b[r][c]`. */
export function columnDot(
  thread: i32, begin: i32, end: i32,
  a: usize, b: usize, y: usize, rows: i32, rowBytes: usize,
): void {
  const from = <usize>begin * VECTOR_BYTES;
  const until = <usize>end * VECTOR_BYTES;
  memory.fill(y + from, 0, until - from);
  let row = 0;
  for (; row + GROUP <= rows; row += GROUP) {
    const top = <usize>row * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      let at = top + i;
      let group = f32x4.mul(v128.load(a + at), v128.load(b + at));
      for (let k = 1; k < GROUP; k++) {
        at += rowBytes;
        group = madd(v128.load(a + at), v128.load(b + at), group);
      }
      v128.store(y + i, f32x4.add(v128.load(y + i), group));
    }
  }
  for (; row < rows; row++) {
    const at = <usize>row * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      v128.store(y + i, madd(v128.load(a + at + i), v128.load(b + at + i), v128.load(y + i)));
    }
  }
}

/** `y[c] = sum_r x[r][c]` over the rows whose `mask`, an int32 each, is not 0. */
export function maskedColumnSum(
  thread: i32, begin: i32, end: i32,
  x: usize, mask: usize, y: usize, rows: i32, rowBytes: usize,
): void {
  const from = <usize>begin * VECTOR_BYTES;
  const until = <usize>end * VECTOR_BYTES;
  memory.fill(y + from, 0, until - from);
  for (let row = 0; row < rows; row++) {
    if (i32.load(mask + (<usize>row << 2)) == 0) continue;
    const at = x + <usize>row * rowBytes;
    for (let i = from; i < until; i += VECTOR_BYTES) {
      v128.store(y + i, f32x4.add(v128.load(y + i), v128.load(at + i)));
    }
  }
}
