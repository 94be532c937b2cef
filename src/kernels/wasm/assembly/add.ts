// Element-wise sum; one unit is one SIMD vector.
import { VECTOR_BYTES } from "./simd";

export function add(thread: i32, begin: i32, end: i32, a: usize, b: usize, y: usize): void {
  for (let i = <usize>begin * VECTOR_BYTES, stop = <usize>end * VECTOR_BYTES; i < stop; i += VECTOR_BYTES) {
    v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
  }
}
