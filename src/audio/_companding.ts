/**
 * The two logarithmic 8-bit codes of telephony, mu-law and A-law (ITU-T G.711).
 *
 * A code is a sign, a 3-bit exponent and a 4-bit mantissa, with bits inverted for the line's sake.
 * Decoded values are the 16-bit integers that G.711 implementations agree on, divided by 2^15.
 *
 * @module
 */

const PCM16_SCALE = 2 ** 15;
const SIGN_BIT = 0x80;

/** What mu-law adds to a magnitude so that every segment begins at a power of two. */
const MU_LAW_BIAS = 132;

/** The largest 16-bit magnitude that mu-law can hold. */
const MU_LAW_PEAK = 32_635;

/** A-law inverts every second bit. */
const A_LAW_INVERSION = 0x55;

/** The sample that each mu-law code stands for. */
export function muLawTable(): Float32Array {
  return Float32Array.from({ length: 256 }, (_, code) => {
    const bits = ~code & 0xff;
    const magnitude = (((bits & 15) << 3) + MU_LAW_BIAS << (bits >> 4 & 7)) - MU_LAW_BIAS;
    return (bits & SIGN_BIT ? -magnitude : magnitude) / PCM16_SCALE;
  });
}

/** The sample that each A-law code stands for. */
export function aLawTable(): Float32Array {
  return Float32Array.from({ length: 256 }, (_, code) => {
    const bits = code ^ A_LAW_INVERSION;
    const exponent = bits >> 4 & 7;
    const halfStepUp = ((bits & 15) << 4) + 8;
    const magnitude = exponent === 0 ? halfStepUp : halfStepUp + 256 << exponent - 1;
    return (bits & SIGN_BIT ? magnitude : -magnitude) / PCM16_SCALE;
  });
}

/** The mu-law code of a sample; what lies outside [-1, 1] is clipped. */
export function muLawCode(sample: number): number {
  const magnitude = Math.min(Math.round(Math.abs(sample) * PCM16_SCALE), MU_LAW_PEAK) + MU_LAW_BIAS;
  const exponent = 24 - Math.clz32(magnitude);
  const mantissa = magnitude >> exponent + 3 & 15;
  return ~((sample < 0 ? SIGN_BIT : 0) | exponent << 4 | mantissa) & 0xff;
}
