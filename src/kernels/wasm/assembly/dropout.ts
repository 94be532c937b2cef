// Dropout by counter, with a residual; one unit is one SIMD vector.
import { madd, VECTOR_BYTES } from "./simd";

const GOLDEN: u32 = 0x9e3779b9;

/** `keepHash` of the contract for four counters, given each counter * GOLDEN + seed. */
// @ts-ignore: decorator
@inline
export function mixCounters(counters: v128): v128 {
  let hash = v128.xor(counters, i32x4.shr_u(counters, 16));
  hash = i32x4.mul(hash, i32x4.splat(<i32>0x85ebca6b));
  hash = v128.xor(hash, i32x4.shr_u(hash, 13));
  hash = i32x4.mul(hash, i32x4.splat(<i32>0xc2b2ae35));
  return v128.xor(hash, i32x4.shr_u(hash, 16));
}

/** Four counters from `first` on, as {@link mixCounters} takes them. */
// @ts-ignore: decorator
@inline
export function startCounters(first: u32, seed: u32): v128 {
  const start = i32x4.splat(<i32>(first * GOLDEN + seed));
  return i32x4.add(start, i32x4(0, <i32>GOLDEN, <i32>(2 * GOLDEN), <i32>(3 * GOLDEN)));
}

/** What {@link startCounters} grows by from one vector to the next. */
// @ts-ignore: decorator
@inline
export function counterStep(): v128 {
  return i32x4.splat(<i32>(4 * GOLDEN));
}

/** An element stays where its hash is at least `threshold`; `residual` is 0 where there is none. */
export function dropout(
  thread: i32, begin: i32, end: i32,
  x: usize, residual: usize, y: usize, threshold: u32, seed: u32, scale: f32,
): void {
  const least = i32x4.splat(<i32>threshold);
  const factor = f32x4.splat(scale);
  const zero = f32x4.splat(0.0);
  let counters = startCounters(<u32>begin * 4, seed);
  for (let i = <usize>begin * VECTOR_BYTES, stop = <usize>end * VECTOR_BYTES; i < stop; i += VECTOR_BYTES) {
    const kept = v128.and(v128.load(x + i), i32x4.ge_u(mixCounters(counters), least));
    const added = residual ? v128.load(residual + i) : zero;
    v128.store(y + i, madd(kept, factor, added));
    counters = i32x4.add(counters, counterStep());
  }
}
