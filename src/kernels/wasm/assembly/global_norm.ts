// Sums of squares in double precision; one unit is a block of BLOCK elements, its sum one float64.
import { laneMask, VECTOR_BYTES } from "./simd";

/** `../global_norm.ts` has the same. */
const BLOCK: i32 = 16384;

export function sumSquares(
  thread: i32, begin: i32, end: i32,
  x: usize, sums: usize, size: i32,
): void {
  for (let unit = begin; unit < end; unit++) {
    const first = unit * BLOCK;
    const sum = squaresOf(x + (<usize>first << 2), min(BLOCK, size - first));
    f64.store(sums + (<usize>unit << 3), sum);
  }
}

function squaresOf(x: usize, count: i32): f64 {
  let low = f64x2.splat(0.0), high = low;
  let left = count;
  for (; left >= 4; left -= 4, x += VECTOR_BYTES) {
    const value = v128.load(x);
    low = addSquares(value, low);
    high = addSquares(upperHalf(value), high);
  }
  if (left > 0) {
    const value = v128.and(v128.load(x), laneMask(left));
    low = addSquares(value, low);
    high = addSquares(upperHalf(value), high);
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

// @ts-ignore: decorator
@inline
function upperHalf(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 2, 3, 2, 3);
}

/** `sum` and the squares of the first two lanes of `x`, which are exact in double precision. */
// @ts-ignore: decorator
@inline
function addSquares(x: v128, sum: v128): v128 {
  const wide = f64x2.promote_low_f32x4(x);
  return f64x2.add(sum, f64x2.mul(wide, wide));
}
