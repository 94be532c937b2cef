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
 * A number in static memory, to be splat from there: that is one instruction, where a vector constant in
 * the code takes three each time.
 */
// @ts-ignore: decorator
@inline
function constant(address: usize): v128 {
  return v128.load32_splat(address);
}

const EXP_MOST = memory.data<f32>([88.0]);
const EXP_LEAST = memory.data<f32>([-87.0]);
const LOG2_E = memory.data<f32>([1.44269504088896341]);
/** 1.5 * 2^23: adding it rounds to an integer and leaves that in the low bits. */
const ROUNDER = memory.data<f32>([12582912.0]);
/** ln 2 in two parts, the first short enough for exact products. */
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440e-4]);
const EXP_5 = memory.data<f32>([0.0013950481]);
const EXP_4 = memory.data<f32>([0.0083688833]);
const EXP_3 = memory.data<f32>([0.0416662060]);
const EXP_2 = memory.data<f32>([0.1666651815]);
const HALF = memory.data<f32>([0.5]);
const MINUS_HALF = memory.data<f32>([-0.5]);
const ONE = memory.data<f32>([1.0]);

/**
 * `e^x`: relative error 1.2e-7, 0 below -87, and its value at 88 above that.
 *
 * With x = n ln 2 + r, e^r is a polynomial, to whose exponent the bits of n are added.
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const least = constant(EXP_LEAST);
  const inside = f32x4.pmax(f32x4.pmin(x, constant(EXP_MOST)), least);
  const rounder = constant(ROUNDER);
  const shifted = madd(inside, constant(LOG2_E), rounder);
  const n = f32x4.sub(shifted, rounder);
  let r = nmadd(n, constant(LN2_HIGH), inside);
  r = nmadd(n, constant(LN2_LOW), r);
  let tail = madd(r, constant(EXP_5), constant(EXP_4));
  tail = madd(tail, r, constant(EXP_3));
  tail = madd(tail, r, constant(EXP_2));
  tail = madd(tail, r, constant(HALF));
  const power = madd(f32x4.mul(r, r), tail, f32x4.add(r, constant(ONE)));
  const scaled = i32x4.add(power, i32x4.shl(shifted, 23));
  return v128.andnot(scaled, f32x4.lt(x, least));
}

/** Where the tail of the normal distribution is below any float32 next to 1. */
const TAIL_END = memory.data<f32>([13.0]);
const ABOVE_3 = memory.data<f32>([-7.4343989e-5]);
const ABOVE_2 = memory.data<f32>([0.038163610]);
const ABOVE_1 = memory.data<f32>([0.20180313]);
const BELOW_3 = memory.data<f32>([0.092161074]);
const BELOW_2 = memory.data<f32>([0.53491062]);
const BELOW_1 = memory.data<f32>([1.2014974]);
/** 1 / sqrt(2 pi), the peak of the normal density. */
const PEAK = memory.data<f32>([0.39894228]);

/**
 * `Phi(-a) e^(a^2 / 2)` for a from 0 to 13, Phi being the normal distribution: absolute error 5e-8 up to 2.8,
 * and 3e-6 further out, where the other factor is below 0.02.
 */
// @ts-ignore: decorator
@inline
function scaledTail(a: v128): v128 {
  let above = madd(a, constant(ABOVE_3), constant(ABOVE_2));
  above = madd(above, a, constant(ABOVE_1));
  above = madd(above, a, constant(HALF));
  let below = madd(a, constant(BELOW_3), constant(BELOW_2));
  below = madd(below, a, constant(BELOW_1));
  below = madd(below, a, constant(ONE));
  return f32x4.div(above, below);
}

const ROOT_8 = memory.data<f32>([3.3546003e-6]);
const ROOT_7 = memory.data<f32>([-2.0382524e-5]);
const ROOT_6 = memory.data<f32>([1.1809631e-4]);
const ROOT_5 = memory.data<f32>([8.7481749e-5]);
const ROOT_4 = memory.data<f32>([1.1256257e-3]);
const ROOT_3 = memory.data<f32>([9.3158064e-3]);
const ROOT_2 = memory.data<f32>([0.048870396]);
const ROOT_1 = memory.data<f32>([0.10875200]);
const ROOT_0 = memory.data<f32>([1.0905083]);

/**
 * GELU by the error function, `x Phi(x)` = `max(x, 0) - |x| Phi(-|x|)`: absolute error 2e-7 besides rounding.
 *
 * A polynomial stands for the eighth root of `1 / Phi(-a)`, which bends so little that no exponential is needed.
 */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), constant(TAIL_END));
  let root = madd(a, constant(ROOT_8), constant(ROOT_7));
  root = madd(root, a, constant(ROOT_6));
  root = madd(root, a, constant(ROOT_5));
  root = madd(root, a, constant(ROOT_4));
  root = madd(root, a, constant(ROOT_3));
  root = madd(root, a, constant(ROOT_2));
  root = madd(root, a, constant(ROOT_1));
  root = madd(root, a, constant(ROOT_0));
  const square = f32x4.mul(root, root);
  const fourth = f32x4.mul(square, square);
  return f32x4.sub(relu(x), f32x4.div(a, f32x4.mul(fourth, fourth)));
}

/** Derivative of `gelu`, `Phi(x) + x phi(x)`: absolute error 2e-7. */
// @ts-ignore: decorator
@inline
export function geluSlope(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), constant(TAIL_END));
  const bell = exp(f32x4.mul(f32x4.mul(a, a), constant(MINUS_HALF)));
  const left = f32x4.mul(bell, nmadd(a, constant(PEAK), scaledTail(a)));
  const right = f32x4.sub(constant(ONE), left);
  return v128.bitselect(right, left, f32x4.gt(x, f32x4.splat(0.0)));
}

/** The logistic function `1 / (1 + e^-x)`: absolute error 1e-7, for any x. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = constant(ONE);
  const power = exp(f32x4.neg(f32x4.abs(x)));
  const above = v128.bitselect(one, power, f32x4.ge(x, f32x4.splat(0.0)));
  return f32x4.div(above, f32x4.add(one, power));
}

/** SiLU, `x sigmoid(x)`. */
// @ts-ignore: decorator
@inline
export function silu(x: v128): v128 {
  return f32x4.mul(x, sigmoid(x));
}

/** Derivative of `silu`, `sigmoid(x) (1 + x sigmoid(-x))`. */
// @ts-ignore: decorator
@inline
export function siluSlope(x: v128): v128 {
  const one = constant(ONE);
  const power = exp(f32x4.neg(f32x4.abs(x)));
  const isPositive = f32x4.ge(x, f32x4.splat(0.0));
  const inverse = f32x4.div(one, f32x4.add(one, power));
  const open = f32x4.mul(inverse, v128.bitselect(one, power, isPositive));
  const closed = f32x4.mul(inverse, v128.bitselect(power, one, isPositive));
  return f32x4.mul(open, madd(x, closed, one));
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
