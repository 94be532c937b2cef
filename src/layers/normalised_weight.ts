/**
 * The weight of a convolution that checkpoints store as a gain and a direction for each kernel tap.
 *
 * Source: Salimans and Kingma 2016, "Weight Normalization".
 *
 * @module
 */
import { type Tensor, tidy, Variable } from "@tensorflow/tfjs-core";
import {
  activation,
  add,
  isPacked,
  isRecording,
  preparedPrecision,
  prepareWeight,
  scale,
  weightNorm,
} from "../kernels.ts";

/** Directions that are as long as their gains say: data ids. */
const normalised = new WeakSet<object>();

/**
 * `g v / |v|`, with the length of `v` over all but the taps.
 *
 * Where `v` is a prepared variable it takes this value once, outside of a gradient, and `g` its absolute value: the
 * two together then mean the same as before, and no other tensor has to be kept. The caller, or its scope,
 * disposes what is not `v`.
 *
 * **Shape** `g [1, 1, K]`, `v [O, I, K]` -> `[O, I, K]`
 */
export function normalisedWeight(g: Tensor, v: Tensor): Tensor {
  const precision = preparedPrecision(v);
  if (!precision || isRecording()) return weightNorm(g, v);
  // What is packed was convolved as it is: it was normalised before.
  if (normalised.has(v.dataId) || isPacked(v)) return v;
  if (!(v instanceof Variable && g instanceof Variable)) return weightNorm(g, v);
  tidy(() => {
    v.assign(weightNorm(g, v));
    g.assign(add(activation(g, "relu"), activation(scale(g, -1), "relu")));
  });
  prepareWeight(v, precision);
  normalised.add(v.dataId);
  return v;
}
