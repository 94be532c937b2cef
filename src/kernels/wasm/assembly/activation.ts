// Element-wise activations and their gradient; one unit is one SIMD vector.
import { gelu, geluSlope, relu, sigmoid, silu, siluSlope, VECTOR_BYTES } from "./simd";

// The numbers of the activations: `build.ts` writes them, under these names, beside the bytes.
export const NONE: i32 = 0;
export const GELU: i32 = 1;
export const RELU: i32 = 2;
export const SILU: i32 = 3;
export const TANH: i32 = 4;

/** `tanh(x)` as `2 sigmoid(2 x) - 1`: absolute error 2e-7. */
function tanh(x: v128): v128 {
  const s = sigmoid(f32x4.add(x, x));
  return f32x4.sub(f32x4.add(s, s), f32x4.splat(1.0));
}

/** Derivative of `tanh`, `1 - tanh(x)^2`. */
function tanhSlope(x: v128): v128 {
  const y = tanh(x);
  return f32x4.sub(f32x4.splat(1.0), f32x4.mul(y, y));
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
  } else if (kind == TANH) {
    for (; x < stop; x += VECTOR_BYTES) v128.store(x + y, tanh(v128.load(x)));
  } else {
    for (; x < stop; x += VECTOR_BYTES) v128.store(x + y, relu(v128.load(x)));
  }
}

export function activationGrad(
  thread: i32, begin: i32, end: i32,
  x: usize, dy: usize, dx: usize, kind: i32,
): void {
  const zero = f32x4.splat(0.0);
  for (let i = <usize>begin * VECTOR_BYTES, stop = <usize>end * VECTOR_BYTES; i < stop; i += VECTOR_BYTES) {
    const value = v128.load(x + i);
    const given = v128.load(dy + i);
    let result: v128;
    if (kind == GELU) result = f32x4.mul(given, geluSlope(value));
    else if (kind == SILU) result = f32x4.mul(given, siluSlope(value));
    else if (kind == TANH) result = f32x4.mul(given, tanhSlope(value));
    else result = v128.and(given, f32x4.gt(value, zero));
    v128.store(dx + i, result);
  }
}
