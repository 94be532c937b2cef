/**
 * Plain activations: exact GELU `x Phi(x)`, with the normal distribution function from erf, ReLU, SiLU and tanh.
 *
 * Reference of `activation` and `activationGrad`.
 *
 * @module
 */
import type { Activation } from "../../src/kernels.ts";
import { map, type NdArray } from "./nd_array.ts";

/** `activation(x)`. */
export function activation({ x }: { x: NdArray }, attrs: { activation: Activation }): NdArray {
  return map(x, PLAIN[attrs.activation].value);
}

/** `dy activation'(x)`. */
export function activationGrad(
  { x, dy }: { x: NdArray; dy: NdArray },
  attrs: { activation: Activation },
): NdArray {
  return map(x, (value, i) => dy.values[i]! * PLAIN[attrs.activation].slope(value));
}

/** A function of one number, and its derivative. */
interface PlainActivation {
  value: (x: number) => number;
  slope: (x: number) => number;
}

const PLAIN: Record<Activation, PlainActivation> = {
  none: { value: (x) => x, slope: () => 1 },
  gelu: {
    value: (x) => x * normalDistribution(x),
    slope: (x) => normalDistribution(x) + x * normalDensity(x),
  },
  relu: { value: (x) => x < 0 ? 0 : x, slope: (x) => x > 0 ? 1 : 0 },
  silu: {
    value: (x) => x * sigmoid(x),
    slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  },
  tanh: { value: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2 },
};

/** One activated number. */
export function activate(x: number, kind: Activation): number {
  return PLAIN[kind].value(x);
}

/** The logistic function, without overflow. */
export function sigmoid(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

function normalDistribution(x: number): number {
  return (1 + erf(x / Math.SQRT2)) / 2;
}

function normalDensity(x: number): number {
  return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

/**
 * The error function, by the series `2 / sqrt(pi) e^(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!`.
 *
 * All its terms have one sign, so that nothing cancels; from 6 on, erf differs from 1 by less than 1e-16.
 */
export function erf(x: number): number {
  const square = x * x;
  if (square >= 36) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * square / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-square) * sum;
}
