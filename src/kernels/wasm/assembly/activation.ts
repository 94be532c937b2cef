// Element-wise activations and their gradient; one unit is one SIMD vector.
import { gelu, geluSlope, relu, sigmoid, silu, siluSlope, VECTOR_BYTES } from "./simd";

// The numbers of the activations: `build.ts` writes them, under these names, beside the bytes.
export const NONE: i32 = 0;
export const GELU: i32 = 1;
export const RELU: i32 = 2;
export const SILU: i32 = 3;
export const GELU_10: i32 = 4;
export const GELU_NEW: i32 = 5;
export const HARDSWISH: i32 = 6;
export const LAPLACE: i32 = 7;
export const LEAKY_RELU: i32 = 8;
export const MISH: i32 = 9;
export const QUICK_GELU: i32 = 10;
export const RELU2: i32 = 11;
export const RELU6: i32 = 12;
export const SIGMOID: i32 = 13;
export const SQRTSOFTPLUS: i32 = 14;
export const TANH: i32 = 15;

// Constants of the functions below, as the reference has them.
const QUICK: f32 = 1.702;
/** `gelu_new` is `x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3))`. */
const CUBE: f32 = 0.044715;
const TWICE_ROOT: f32 = 1.5957691216057308;
/** Where that sigmoid is 0 or 1, so that cubes stay finite. */
const CUBE_END: f32 = 12.0;
const LAPLACE_MEAN: f32 = 0.707107;
const LAPLACE_DEVIATION: f32 = 0.282095;
const PEAK: f32 = 0.39894228;
/** Where the normal distribution is 0 or 1. */
const NORMAL_END: f32 = 13.0;
const LEAK: f32 = 0.01;
/** Where the root of softplus is 4e-18, and nothing underflows. */
const SOFTPLUS_START: f32 = -80.0;

// Each of these is one function of the binary, shared by all that need it: small matters more than fast here.

function splat(x: f32): v128 {
  return f32x4.splat(x);
}

function logistic(x: v128): v128 {
  return sigmoid(x);
}

function exactGelu(x: v128): v128 {
  return gelu(x);
}

function exactGeluSlope(x: v128): v128 {
  return geluSlope(x);
}

function clamp(x: v128, least: f32, most: f32): v128 {
  return f32x4.pmin(f32x4.pmax(x, splat(least)), splat(most));
}

function plus(x: v128, y: f32): v128 {
  return f32x4.add(x, splat(y));
}

function times(x: v128, y: f32): v128 {
  return f32x4.mul(x, splat(y));
}

/** `2 sqrt(2 / pi) (c + 0.044715 c^3)` of a clamped x. */
function cubic(c: v128): v128 {
  return times(f32x4.mul(c, plus(times(f32x4.mul(c, c), CUBE), 1.0)), TWICE_ROOT);
}

/** The derivative of `x sigmoid(z)`, given `x z'`. */
function gated(z: v128, rise: v128): v128 {
  return f32x4.mul(logistic(z), plus(f32x4.mul(rise, logistic(f32x4.neg(z))), 1.0));
}

/** An exponential of what is not above 0 is `s / (1 - s)` with its sigmoid s. */
function normalDensity(x: v128): v128 {
  const s = logistic(times(f32x4.mul(x, x), -0.5));
  return times(f32x4.div(s, f32x4.sub(splat(1.0), s)), PEAK);
}

function laplaceArgument(x: v128): v128 {
  return clamp(times(plus(x, -LAPLACE_MEAN), 1.0 / LAPLACE_DEVIATION), -NORMAL_END, NORMAL_END);
}

/** The normal distribution: absolute error 5e-7. */
function normalDistribution(x: v128): v128 {
  return f32x4.sub(exactGeluSlope(x), f32x4.mul(x, normalDensity(x)));
}

/** `sqrt(log(1 + e^x))`, the logarithm by the series of the area tangent of `q / (2 + q)` with `q = e^-|x|`: relative error 3e-7. */
function rootSoftplus(x: v128): v128 {
  const closed = logistic(f32x4.neg(f32x4.abs(x)));
  const z = f32x4.div(closed, f32x4.sub(splat(2.0), closed));
  const square = f32x4.mul(z, z);
  let series = splat(1.0 / 15.0);
  for (let odd: f32 = 13.0; odd > 0.0; odd -= 2.0) {
    series = plus(f32x4.mul(series, square), 1.0 / odd);
  }
  return f32x4.sqrt(f32x4.add(relu(x), times(f32x4.mul(z, series), 2.0)));
}

/** An activation that no other kernel applies. */
function value(x: v128, kind: i32): v128 {
  const zero = splat(0.0);
  if (kind == GELU_10) return f32x4.pmin(exactGelu(x), splat(10.0));
  if (kind == GELU_NEW) return f32x4.mul(x, logistic(cubic(clamp(x, -CUBE_END, CUBE_END))));
  if (kind == HARDSWISH) return times(f32x4.mul(x, clamp(plus(x, 3.0), 0.0, 6.0)), 1.0 / 6.0);
  if (kind == LAPLACE) return normalDistribution(laplaceArgument(x));
  if (kind == LEAKY_RELU) return v128.bitselect(x, times(x, LEAK), f32x4.gt(x, zero));
  if (kind == MISH) {
    // With s the sigmoid of x and o that of -x, tanh(log(1 + e^x)) is s (1 + o) / (1 + o^2).
    const open = logistic(f32x4.neg(x));
    const share = f32x4.div(plus(open, 1.0), plus(f32x4.mul(open, open), 1.0));
    return f32x4.mul(f32x4.mul(x, logistic(x)), share);
  }
  if (kind == QUICK_GELU) return f32x4.mul(x, logistic(times(x, QUICK)));
  if (kind == RELU2) return f32x4.mul(relu(x), relu(x));
  if (kind == RELU6) return f32x4.pmin(relu(x), splat(6.0));
  if (kind == SIGMOID) return logistic(x);
  if (kind == SQRTSOFTPLUS) return rootSoftplus(f32x4.pmax(x, splat(SOFTPLUS_START)));
  // tanh
  return plus(times(logistic(times(x, 2.0)), 2.0), -1.0);
}

/** The derivative of the same. */
function slope(x: v128, kind: i32): v128 {
  const one = splat(1.0);
  const isPositive = f32x4.gt(x, splat(0.0));
  if (kind == GELU_10) return v128.and(exactGeluSlope(x), f32x4.le(exactGelu(x), splat(10.0)));
  if (kind == GELU_NEW) {
    const c = clamp(x, -CUBE_END, CUBE_END);
    const rise = plus(times(f32x4.mul(c, c), 3.0 * CUBE), 1.0);
    return gated(cubic(c), times(f32x4.mul(c, rise), TWICE_ROOT));
  }
  if (kind == HARDSWISH) {
    const inside = v128.and(plus(times(x, 1.0 / 3.0), 0.5), f32x4.gt(x, splat(-3.0)));
    return v128.bitselect(one, inside, f32x4.ge(x, splat(3.0)));
  }
  if (kind == LAPLACE) return times(normalDensity(laplaceArgument(x)), 1.0 / LAPLACE_DEVIATION);
  if (kind == LEAKY_RELU) return v128.bitselect(one, splat(LEAK), isPositive);
  if (kind == MISH) {
    const open = logistic(f32x4.neg(x));
    const closed = logistic(x);
    const squares = f32x4.mul(open, open);
    const below = plus(squares, 1.0);
    const steep = f32x4.div(times(f32x4.mul(x, squares), 4.0), below);
    return f32x4.div(f32x4.mul(closed, f32x4.add(plus(open, 1.0), steep)), below);
  }
  if (kind == QUICK_GELU) return gated(times(x, QUICK), times(x, QUICK));
  if (kind == RELU2) return times(relu(x), 2.0);
  if (kind == RELU6) return v128.and(one, v128.and(isPositive, f32x4.lt(x, splat(6.0))));
  const open = logistic(f32x4.neg(x));
  if (kind == SIGMOID) return f32x4.mul(logistic(x), open);
  if (kind == SQRTSOFTPLUS) {
    const inside = f32x4.pmax(x, splat(SOFTPLUS_START));
    return f32x4.div(times(logistic(inside), 0.5), rootSoftplus(inside));
  }
  // tanh
  const twice = times(x, 2.0);
  return times(f32x4.mul(logistic(twice), logistic(f32x4.neg(twice))), 4.0);
}

/** One of the first activations above, for kernels that apply it to what they computed. */
// @ts-ignore: decorator
@inline
export function activate(x: v128, kind: i32): v128 {
  if (kind == GELU) return gelu(x);
  if (kind == RELU) return relu(x);
  if (kind == SILU) return silu(x);
  return x;
}

export function activation(
  thread: i32, begin: i32, end: i32,
  x: usize, y: usize, kind: i32,
): void {
  const stop = x + <usize>end * VECTOR_BYTES;
  y -= x;
  x += <usize>begin * VECTOR_BYTES;
  if (kind == GELU) {
    for (; x < stop; x += VECTOR_BYTES) v128.store(x + y, gelu(v128.load(x)));
  } else if (kind == SILU) {
    for (; x < stop; x += VECTOR_BYTES) v128.store(x + y, silu(v128.load(x)));
  } else if (kind == RELU) {
    for (; x < stop; x += VECTOR_BYTES) v128.store(x + y, relu(v128.load(x)));
  } else {
    for (; x < stop; x += VECTOR_BYTES) v128.store(x + y, value(v128.load(x), kind));
  }
}

export function activationGrad(
  thread: i32, begin: i32, end: i32,
  x: usize, dy: usize, dx: usize, kind: i32,
): void {
  const zero = f32x4.splat(0.0);
  for (let i = <usize>begin * VECTOR_BYTES, stop = <usize>end * VECTOR_BYTES; i < stop; i += VECTOR_BYTES) {
    const at = v128.load(x + i);
    const given = v128.load(dy + i);
    let result: v128;
    if (kind == GELU) result = f32x4.mul(given, geluSlope(at));
    else if (kind == SILU) result = f32x4.mul(given, siluSlope(at));
    else if (kind == RELU) result = v128.and(given, f32x4.gt(at, zero));
    else result = f32x4.mul(given, slope(at, kind));
    v128.store(dx + i, result);
  }
}
