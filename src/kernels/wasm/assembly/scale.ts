// A tensor times one number, with a residual; one unit is one SIMD vector.
import { madd, VECTOR_BYTES } from "./simd";

/** `residual` is 0 where there is none. */
export function scale(
  thread: i32, begin: i32, end: i32,
  x: usize, residual: usize, y: usize, factor: f32,
): void {
  const factors = f32x4.splat(factor);
  for (let i = <usize>begin * VECTOR_BYTES, stop = <usize>end * VECTOR_BYTES; i < stop; i += VECTOR_BYTES) {
    const added = residual ? v128.load(residual + i) : f32x4.splat(0.0);
    v128.store(y + i, madd(v128.load(x + i), factors, added));
  }
}
