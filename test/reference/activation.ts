/**
 * Plain activations and their derivatives.
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
  gelu_10: {
    value: (x) => Math.min(x * normalDistribution(x), 10),
    slope: (x) => x > 10 ? 0 : normalDistribution(x) + x * normalDensity(x),
  },
  gelu_new: {
    value: (x) => x * (1 + Math.tanh(cubic(x))) / 2,
    slope: (x) => (1 + Math.tanh(cubic(x))) / 2 + bent(x),
  },
  hardswish: {
    value: (x) => x * Math.min(Math.max(x + 3, 0), 6) / 6,
    slope: (x) => x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5,
  },
  laplace: {
    value: (x) => normalDistribution((x - 0.707107) / 0.282095),
    slope: (x) => normalDensity((x - 0.707107) / 0.282095) / 0.282095,
  },
  leaky_relu: { value: (x) => x > 0 ? x : 0.01 * x, slope: (x) => x > 0 ? 1 : 0.01 },
  mish: {
    value: (x) => x * Math.tanh(softplus(x)),
    slope: (x) => Math.tanh(softplus(x)) + x * sigmoid(x) / Math.cosh(softplus(x)) ** 2,
  },
  quick_gelu: {
    value: (x) => x * sigmoid(1.702 * x),
    slope: (x) => sigmoid(1.702 * x) * (1 + 1.702 * x * sigmoid(-1.702 * x)),
  },
  relu2: { value: (x) => Math.max(x, 0) ** 2, slope: (x) => 2 * Math.max(x, 0) },
  relu6: { value: (x) => Math.min(Math.max(x, 0), 6), slope: (x) => x > 0 && x < 6 ? 1 : 0 },
  sigmoid: { value: (x) => sigmoid(x), slope: (x) => sigmoid(x) * sigmoid(-x) },
  sqrtsoftplus: {
    value: (x) => Math.sqrt(softplus(x)),
    slope: (x) => softplus(x) === 0 ? 0 : sigmoid(x) / (2 * Math.sqrt(softplus(x))),
  },
  tanh: { value: (x) => Math.tanh(x), slope: (x) => 1 - Math.tanh(x) ** 2 },
};

/** The argument of `gelu_new`'s tanh. */
function cubic(x: number): number {
  return Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
}

/** What its bend adds to the derivative; 0 where tanh is 1. */
function bent(x: number): number {
  const steep = 1 - Math.tanh(cubic(x)) ** 2;
  return steep === 0 ? 0 : x * steep * Math.sqrt(2 / Math.PI) * (1 + 0.134145 * x ** 2) / 2;
}

/** `log(1 + e^x)` without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

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
