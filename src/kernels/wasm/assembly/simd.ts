// Arithmetic that the kernels share: fused multiply-add where the build has it, sums of lanes, and
// approximations of exp, GELU and log. Each states its error; the coefficients are minimax fits
// made for this file.

/** Float32 elements of a SIMD vector, and its bytes. */
export const LANES: i32 = 4;
export const VECTOR_BYTES: usize = 16;

/** `a * b + c`, with one rounding in the relaxed build and two in the other. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** `c - a * b`. */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** Sum of the four lanes, as (0 + 2) + (1 + 3). */
// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Largest of the four lanes. */
// @ts-ignore: decorator
@inline
export function maxLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<i32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** All ones in the first `count` lanes, 0 to 4, and zeros in the others. */
// @ts-ignore: decorator
@inline
export function laneMask(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

/** Writes the first `count` lanes, 1 to 3, of `x`. */
// @ts-ignore: decorator
@inline
export function storeLanes(address: usize, x: v128, count: i32): void {
  f32.store(address, f32x4.extract_lane(x, 0));
  if (count > 1) f32.store(address, f32x4.extract_lane(x, 1), 4);
  if (count > 2) f32.store(address, f32x4.extract_lane(x, 2), 8);
}

/**
 * `e^x`: relative error 1.2e-7, 0 below -87, and its value at 88 above that.
 *
 * With x = n ln 2 + r: adding 1.5 * 2^23 rounds to the integer n and leaves it in the low bits, from
 * where it is added to the exponent of e^r.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const magic = f32x4.splat(12582912.0);
  const inside = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88.0)), f32x4.splat(-87.0));
  const shifted = madd(inside, f32x4.splat(1.44269504088896341), magic);
  const n = f32x4.sub(shifted, magic);
  let r = nmadd(n, f32x4.splat(0.693359375), inside);
  r = nmadd(n, f32x4.splat(-2.12194440e-4), r);
  let tail = madd(r, f32x4.splat(0.0013950481), f32x4.splat(0.0083688833));
  tail = madd(tail, r, f32x4.splat(0.0416662060));
  tail = madd(tail, r, f32x4.splat(0.1666651815));
  tail = madd(tail, r, f32x4.splat(0.5));
  const power = madd(f32x4.mul(r, r), tail, f32x4.add(r, f32x4.splat(1.0)));
  const scaled = i32x4.add(power, i32x4.shl(shifted, 23));
  return v128.andnot(scaled, f32x4.lt(x, f32x4.splat(-87.0)));
}

/** Where the tail of the normal distribution is below any float32 next to 1. */
const TAIL_END: f32 = 13.0;

/**
 * `Phi(-a) e^(a^2 / 2)` for a from 0 to 13, Phi being the normal distribution: absolute error 5e-8 where
 * it counts, and 3e-7 of the largest value further out.
 */
// @ts-ignore: decorator
@inline
function scaledTail(a: v128): v128 {
  let above = madd(a, f32x4.splat(-7.4343989e-5), f32x4.splat(0.038163610));
  above = madd(above, a, f32x4.splat(0.20180313));
  above = madd(above, a, f32x4.splat(0.5));
  let below = madd(a, f32x4.splat(0.092161074), f32x4.splat(0.53491062));
  below = madd(below, a, f32x4.splat(1.2014974));
  below = madd(below, a, f32x4.splat(1.0));
  return f32x4.div(above, below);
}

/** GELU by the error function, `x Phi(x)` = `max(x, 0) - |x| Phi(-|x|)`: absolute error 1e-7 for |x| < 1. */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), f32x4.splat(TAIL_END));
  const bell = exp(f32x4.mul(f32x4.mul(a, a), f32x4.splat(-0.5)));
  const tail = f32x4.mul(f32x4.mul(a, bell), scaledTail(a));
  return f32x4.sub(relu(x), tail);
}

/** Derivative of `gelu`, `Phi(x) + x phi(x)`: absolute error 2e-7. */
// @ts-ignore: decorator
@inline
export function geluSlope(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), f32x4.splat(TAIL_END));
  const bell = exp(f32x4.mul(f32x4.mul(a, a), f32x4.splat(-0.5)));
  const left = f32x4.mul(bell, nmadd(a, f32x4.splat(0.39894228), scaledTail(a)));
  const right = f32x4.sub(f32x4.splat(1.0), left);
  return v128.bitselect(right, left, f32x4.gt(x, f32x4.splat(0.0)));
}

/** `max(x, 0)`, NaN where x is. */
// @ts-ignore: decorator
@inline
export function relu(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0.0));
}

/** Natural logarithm of a positive, normal number: relative error 1e-13. */
export function log(x: f64): f64 {
  const bits = reinterpret<i64>(x);
  // The mantissa is taken from 1/sqrt(2) to sqrt(2), so that the series stays short.
  const exponent = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const mantissa = reinterpret<f64>(bits - (exponent << 52));
  const s = (mantissa - 1.0) / (mantissa + 1.0);
  const z = s * s;
  let series = 1.0 / 15.0;
  series = series * z + 1.0 / 13.0;
  series = series * z + 1.0 / 11.0;
  series = series * z + 1.0 / 9.0;
  series = series * z + 1.0 / 7.0;
  series = series * z + 1.0 / 5.0;
  series = series * z + 1.0 / 3.0;
  series = series * z + 1.0;
  return <f64>exponent * 0.6931471805599453 + 2.0 * s * series;
}
