/**
 * Plain weighted sum of layer outputs: `sum_i softmax(weights)_i * states[i]`.
 *
 * Reference of `layerSum` and `layerSumGrad`, which take their tensors as a list.
 *
 * @module
 */
import { logSumExpOf } from "./attention.ts";
import { map, type NdArray, zeros } from "./nd_array.ts";

/** The list `weights [L]`, L states -> the shape of a state */
export function layerSum([weights, ...states]: readonly [NdArray, ...NdArray[]]): NdArray {
  const shares = softmax(weights.values);
  const y = zeros(states[0]!.shape);
  states.forEach((state, i) => {
    state.values.forEach((value, at) => y.values[at]! += shares[i]! * value);
  });
  return y;
}

/** The list `dy`, `weights`, L states -> `dweights`, then the gradient of each state */
export function layerSumGrad(
  [dy, weights, ...states]: readonly [NdArray, NdArray, ...NdArray[]],
): NdArray[] {
  const shares = softmax(weights.values);
  const slopes = states.map((state) =>
    state.values.reduce((sum, value, at) => sum + value * dy.values[at]!, 0)
  );
  const mean = slopes.reduce((sum, slope, i) => sum + slope * shares[i]!, 0);
  const dweights = map(weights, (_, i) => shares[i]! * (slopes[i]! - mean));
  return [dweights, ...states.map((_, i) => map(dy, (slope) => slope * shares[i]!))];
}

/** `exp(values)`, divided by their sum. */
export function softmax(values: Float64Array): Float64Array {
  const logSumExp = logSumExpOf(values);
  return values.map((value) => Math.exp(value - logSumExp));
}
