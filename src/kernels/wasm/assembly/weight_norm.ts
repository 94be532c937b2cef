// The last axis scaled by a factor for each of its elements; one unit is one row.
import { madd, storeLanes, VECTOR_BYTES } from "./simd";

/** `y = x * scale` */
export function scaleColumns(
  thread: i32, begin: i32, end: i32,
  x: usize, scale: usize, y: usize, columns: i32,
): void {
  const rowBytes = <usize>columns << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * rowBytes;
    for (let i: usize = 0; i < rowBytes; i += VECTOR_BYTES) {
      const value = f32x4.mul(v128.load(x + at + i), v128.load(scale + i));
      if (i + VECTOR_BYTES <= rowBytes) v128.store(y + at + i, value);
      else storeLanes(y + at + i, value, columns & 3);
    }
  }
}

/** `y = a * scaleA + b * scaleB` */
export function mixColumns(
  thread: i32, begin: i32, end: i32,
  a: usize, scaleA: usize, b: usize, scaleB: usize, y: usize, columns: i32,
): void {
  const rowBytes = <usize>columns << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * rowBytes;
    for (let i: usize = 0; i < rowBytes; i += VECTOR_BYTES) {
      const first = f32x4.mul(v128.load(a + at + i), v128.load(scaleA + i));
      const value = madd(v128.load(b + at + i), v128.load(scaleB + i), first);
      if (i + VECTOR_BYTES <= rowBytes) v128.store(y + at + i, value);
      else storeLanes(y + at + i, value, columns & 3);
    }
  }
}
