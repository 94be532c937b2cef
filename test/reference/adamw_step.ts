/**
 * Plain AdamW step of one parameter, in the order of operations of PyTorch.
 *
 * Loshchilov and Hutter 2019, algorithm 2. Reference of `EarshotAdamwStep`.
 *
 * @module
 */
import type { AdamwAttrs } from "../../src/kernels.ts";
import { map, type NdArray } from "./nd_array.ts";

/** `param`, `grad`, `m`, `v` of one shape and the scalar `norm` -> the next `param`, `m`, `v` */
export function adamwStep(
  state: { param: NdArray; grad: NdArray; m: NdArray; v: NdArray; norm: NdArray },
  attrs: AdamwAttrs,
): NdArray[] {
  const { learningRate, beta1, beta2, eps, weightDecay, step, maxGradNorm } = attrs;
  const norm = state.norm.values[0]!;
  const clip = maxGradNorm > 0 ? Math.min(1, maxGradNorm / (norm + 1e-6)) : 1;
  const grad = map(state.grad, (slope) => slope * clip);
  const m = map(state.m, (mean, i) => beta1 * mean + (1 - beta1) * grad.values[i]!);
  const v = map(state.v, (square, i) => beta2 * square + (1 - beta2) * grad.values[i]! ** 2);
  const param = map(state.param, (value, i) => {
    const decayed = value * (1 - learningRate * weightDecay);
    const deviation = Math.sqrt(v.values[i]!) / Math.sqrt(1 - beta2 ** step) + eps;
    return decayed - learningRate / (1 - beta1 ** step) * m.values[i]! / deviation;
  });
  return [param, m, v];
}
