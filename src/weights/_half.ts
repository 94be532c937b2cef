/**
 * Conversions between float32 and the two 16-bit floats of checkpoints: IEEE half precision
 * (float16, 5 exponent bits) and bfloat16 (float32 without its lower 16 bits).
 *
 * Rounding is to the nearest, ties to even, as PyTorch and IEEE 754 do. `Float16Array` is not used:
 * not every engine that this has to run in has it, and one path is easier to trust than two.
 *
 * @module
 */

/** Moves a float16 exponent (bias 15), read in place of a float32 one, to bias 127. */
const HALF_EXPONENT_SHIFT = 2 ** (127 - 15);
const SMALLEST_NORMAL_HALF = 2 ** -14;
/** Halfway between the largest float16, 65504, and the next power of two: rounds to infinity. */
const HALF_OVERFLOW = 65520;
/** Adding it to a float64 below 2^52 rounds that to an integer, ties to even. */
const INTEGER_ROUNDER = 2 ** 52;

/**
 * Widens float16 bit patterns; exact.
 *
 * @example
 * ```ts
 * import { halfToFloat32 } from "./_half.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(halfToFloat32(Uint16Array.of(0x3c00, 0xc100)), Float32Array.of(1, -2.5));
 * ```
 */
export function halfToFloat32(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  const patterns = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!;
    const sign = (half & 0x8000) << 16;
    const magnitude = (half & 0x7fff) << 13;
    if ((half & 0x7c00) === 0x7c00) { // infinity and NaN keep the highest exponent
      patterns[i] = sign | 0x7f800000 | magnitude;
      continue;
    }
    patterns[i] = sign | magnitude;
    values[i] = values[i]! * HALF_EXPONENT_SHIFT;
  }
  return values;
}

/**
 * Rounds float32 to float16 bit patterns: beyond 65504 to infinity, below 2^-24 to zero.
 *
 * @example
 * ```ts
 * import { float32ToHalf } from "./_half.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(float32ToHalf(Float32Array.of(1, -2.5)), Uint16Array.of(0x3c00, 0xc100));
 * ```
 */
export function float32ToHalf(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  const scratch = new Float32Array(1);
  const pattern = new Uint32Array(scratch.buffer);
  for (let i = 0; i < values.length; i++) {
    scratch[0] = values[i]!;
    const sign = pattern[0]! >>> 16 & 0x8000;
    bits[i] = sign | halfMagnitude(Math.abs(values[i]!), pattern[0]! & 0x7fffffff);
  }
  return bits;
}

/** The 15 bits of a float16 below its sign, from a magnitude and that magnitude's float32 bits. */
function halfMagnitude(magnitude: number, pattern: number): number {
  if (magnitude !== magnitude) return 0x7e00;
  if (magnitude >= HALF_OVERFLOW) return 0x7c00;
  if (magnitude < SMALLEST_NORMAL_HALF) {
    return magnitude * 2 ** 24 + INTEGER_ROUNDER - INTEGER_ROUNDER;
  }
  return (pattern + 0x0fff + (pattern >>> 13 & 1) >>> 13) - (127 - 15 << 10);
}

/**
 * Widens bfloat16 bit patterns; exact.
 *
 * @example
 * ```ts
 * import { bfloat16ToFloat32 } from "./_half.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc020)), Float32Array.of(1, -2.5));
 * ```
 */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const patterns = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) patterns[i] = bits[i]! << 16;
  return new Float32Array(patterns.buffer);
}

/**
 * Rounds float32 to bfloat16 bit patterns.
 *
 * @example
 * ```ts
 * import { float32ToBfloat16 } from "./_half.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(float32ToBfloat16(Float32Array.of(1, -2.5)), Uint16Array.of(0x3f80, 0xc020));
 * ```
 */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const patterns = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const pattern = patterns[i]!;
    // Rounding a NaN could carry into its exponent and make it an infinity.
    bits[i] = values[i] === values[i]
      ? pattern + 0x7fff + (pattern >>> 16 & 1) >>> 16
      : pattern >>> 16 | 0x0040;
  }
  return bits;
}
