// One vector added to every row; one unit is one row.
import { storeLanes, VECTOR_BYTES } from "./simd";

export function addBias(
  thread: i32, begin: i32, end: i32,
  x: usize, bias: usize, y: usize, columns: i32,
): void {
  const rowBytes = <usize>columns << 2;
  for (let row = begin; row < end; row++) {
    const at = <usize>row * rowBytes;
    for (let i: usize = 0; i < rowBytes; i += VECTOR_BYTES) {
      const sum = f32x4.add(v128.load(x + at + i), v128.load(bias + i));
      if (i + VECTOR_BYTES <= rowBytes) v128.store(y + at + i, sum);
      else storeLanes(y + at + i, sum, columns & 3);
    }
  }
}
