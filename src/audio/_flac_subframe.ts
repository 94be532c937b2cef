/**
 * One channel of a FLAC frame: a prediction from the samples before, and what it missed.
 *
 * Sums of products may need more than 32 bits and less than 53, so samples are whole numbers in
 * float64 and everything here is exact. Follows RFC 9639, section 9.2.
 *
 * @module
 */

import type { BitReader } from "./_bit_reader.ts";

/** A subframe that no encoder writes. */
export class BadSubframe extends RangeError {}

const CONSTANT = 0;
const VERBATIM = 1;
const FIRST_FIXED = 8;
const LAST_FIXED = 12;
const FIRST_LPC = 32;

/** Coefficients of the fixed predictors by order, the latest sample first. */
const FIXED = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];

/** Fills `samples` with one channel's whole numbers. */
export function readSubframe(bits: BitReader, bitsPerSample: number, samples: Float64Array): void {
  if (bits.read(1) !== 0) throw new BadSubframe("a subframe that begins with a set bit");
  const kind = bits.read(6);
  const wasted = bits.read(1) === 1 ? bits.readUnary() + 1 : 0;
  const width = bitsPerSample - wasted;
  if (width < 1) throw new BadSubframe(`${wasted} unused of ${bitsPerSample} bits`);
  readSamples(bits, kind, width, samples);
  if (wasted === 0) return;
  const scale = 2 ** wasted;
  for (let i = 0; i < samples.length; i++) samples[i]! *= scale;
}

function readSamples(bits: BitReader, kind: number, width: number, samples: Float64Array): void {
  if (kind === CONSTANT) {
    samples.fill(bits.readSigned(width));
  } else if (kind === VERBATIM) {
    for (let i = 0; i < samples.length; i++) samples[i] = bits.readSigned(width);
  } else if (kind >= FIRST_FIXED && kind <= LAST_FIXED) {
    const order = kind - FIRST_FIXED;
    readWarmUp(bits, order, width, samples);
    readResidual(bits, order, samples);
    predict(samples, Float64Array.from(FIXED[order]!), 0, width);
  } else if (kind >= FIRST_LPC) {
    readLinearPrediction(bits, kind - FIRST_LPC + 1, width, samples);
  } else {
    throw new BadSubframe(`a subframe of reserved kind ${kind}`);
  }
}

function readLinearPrediction(
  bits: BitReader,
  order: number,
  width: number,
  samples: Float64Array,
): void {
  readWarmUp(bits, order, width, samples);
  const precision = bits.read(4) + 1;
  if (precision === 16) throw new BadSubframe("a predictor of reserved precision");
  const shift = bits.readSigned(5);
  if (shift < 0) throw new BadSubframe(`a predictor with a shift of ${shift}`);
  const coefficients = new Float64Array(order);
  for (let i = 0; i < order; i++) coefficients[i] = bits.readSigned(precision);
  readResidual(bits, order, samples);
  predict(samples, coefficients, shift, width);
}

function readWarmUp(bits: BitReader, order: number, width: number, samples: Float64Array): void {
  if (order > samples.length) throw new BadSubframe(`order ${order} for ${samples.length} samples`);
  for (let i = 0; i < order; i++) samples[i] = bits.readSigned(width);
}

/** Reads what the prediction missed: Rice codes in partitions, each with its parameter. */
function readResidual(bits: BitReader, order: number, samples: Float64Array): void {
  const method = bits.read(2);
  if (method > 1) throw new BadSubframe(`residuals of reserved method ${method}`);
  const parameterBits = method === 0 ? 4 : 5;
  const partitions = 2 ** bits.read(4);
  const length = samples.length / partitions;
  if (!Number.isInteger(length) || length < order) {
    throw new BadSubframe(`${partitions} partitions of ${samples.length} samples`);
  }
  for (let partition = 0; partition < partitions; partition++) {
    const start = partition === 0 ? order : partition * length;
    readPartition(bits, parameterBits, samples.subarray(start, (partition + 1) * length));
  }
}

function readPartition(bits: BitReader, parameterBits: number, residuals: Float64Array): void {
  const parameter = bits.read(parameterBits);
  if (parameter === 2 ** parameterBits - 1) {
    const width = bits.read(5);
    for (let i = 0; i < residuals.length; i++) {
      residuals[i] = width === 0 ? 0 : bits.readSigned(width);
    }
    return;
  }
  bits.readRice(parameter, residuals);
}

/** Orders whose coefficients and samples are held in variables: that of encoders by default, and their highest. */
const HELD_ORDER = 8;
const HIGHER_HELD_ORDER = 12;

/** Adds to each residual what the samples before it foretell; those have `width` bits. */
function predict(
  samples: Float64Array,
  coefficients: Float64Array,
  shift: number,
  width: number,
): void {
  const order = coefficients.length;
  if (order === 0) return;
  const most = coefficients.reduce((sum, value) => sum + Math.abs(value), 0) * 2 ** (width - 1);
  if (order > HIGHER_HELD_ORDER || most >= 2 ** 31) {
    predictAny(samples, coefficients, 2 ** -shift);
  } else if (order > HELD_ORDER) predictHigherIn32Bits(samples, coefficients, shift);
  else predictIn32Bits(samples, coefficients, shift);
}

/** Whole numbers are several times faster, as each sample waits for the one before. */
function predictIn32Bits(samples: Float64Array, coefficients: Float64Array, shift: number): void {
  const order = coefficients.length;
  // What is missing, coefficients and samples before the first, counts as 0.
  const held = new Int32Array(HELD_ORDER);
  held.set(coefficients);
  const a = held[0]!, b = held[1]!, c = held[2]!, d = held[3]!;
  const e = held[4]!, f = held[5]!, g = held[6]!, h = held[7]!;
  held.fill(0).set(samples.subarray(0, order).toReversed());
  let p = held[0]!, q = held[1]!, r = held[2]!, s = held[3]!;
  let t = held[4]!, u = held[5]!, v = held[6]!, w = held[7]!;
  for (let i = order; i < samples.length; i++) {
    const early = (Math.imul(h, w) + Math.imul(g, v) | 0) + (Math.imul(f, u) + Math.imul(e, t) | 0);
    const late = (Math.imul(d, s) + Math.imul(c, r) | 0) + Math.imul(b, q);
    const sum = ((early | 0) + (late | 0) | 0) + Math.imul(a, p) | 0;
    w = v;
    v = u;
    u = t;
    t = s;
    s = r;
    r = q;
    q = p;
    p = (samples[i]! | 0) + (sum >> shift) | 0;
    samples[i] = p;
  }
}

/** The same with four more samples. */
function predictHigherIn32Bits(
  samples: Float64Array,
  coefficients: Float64Array,
  shift: number,
): void {
  const order = coefficients.length;
  const held = new Int32Array(HIGHER_HELD_ORDER);
  held.set(coefficients);
  const a = held[0]!, b = held[1]!, c = held[2]!, d = held[3]!, e = held[4]!, f = held[5]!;
  const g = held[6]!, h = held[7]!, i = held[8]!, j = held[9]!, k = held[10]!, l = held[11]!;
  held.fill(0).set(samples.subarray(0, order).toReversed());
  let p = held[0]!, q = held[1]!, r = held[2]!, s = held[3]!, t = held[4]!, u = held[5]!;
  let v = held[6]!, w = held[7]!, x = held[8]!, y = held[9]!, z = held[10]!, last = held[11]!;
  for (let at = order; at < samples.length; at++) {
    const first = (Math.imul(l, last) + Math.imul(k, z) | 0) +
      (Math.imul(j, y) + Math.imul(i, x) | 0);
    const early = (Math.imul(h, w) + Math.imul(g, v) | 0) + (Math.imul(f, u) + Math.imul(e, t) | 0);
    const late = (Math.imul(d, s) + Math.imul(c, r) | 0) + Math.imul(b, q);
    const sum = (((first | 0) + (early | 0) | 0) + (late | 0) | 0) + Math.imul(a, p) | 0;
    last = z;
    z = y;
    y = x;
    x = w;
    w = v;
    v = u;
    u = t;
    t = s;
    s = r;
    r = q;
    q = p;
    p = (samples[at]! | 0) + (sum >> shift) | 0;
    samples[at] = p;
  }
}

/** In float64, in which sums of products are exact. */
function predictAny(samples: Float64Array, coefficients: Float64Array, scale: number): void {
  const order = coefficients.length;
  const latest = coefficients[0]!;
  let previous = samples[order - 1]!;
  for (let i = order; i < samples.length; i++) {
    // The latest sample comes last, so that the others need not wait for it.
    let even = 0;
    let odd = 0;
    let j = order - 1;
    for (; j > 1; j -= 2) {
      even += coefficients[j]! * samples[i - 1 - j]!;
      odd += coefficients[j - 1]! * samples[i - j]!;
    }
    if (j === 1) even += coefficients[1]! * samples[i - 2]!;
    previous = samples[i]! + Math.floor((even + odd + latest * previous) * scale);
    samples[i] = previous;
  }
}
