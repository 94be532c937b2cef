/**
 * Plain AdamW steps of many parameters, in the order of operations of PyTorch.
 *
 * Loshchilov and Hutter 2019, algorithm 2. Reference of `adamwSteps`.
 *
 * @module
 */
import { ADAMW_TENSORS, type AdamwAttrs } from "../../src/kernels.ts";
import { map, type NdArray } from "./nd_array.ts";

/** The list `norm` (scalar), then `param`, `grad`, `m`, `v` of each -> the next `param`, `m`, `v` of each */
export function adamwSteps(
  [norm, ...tensors]: readonly [norm: NdArray, ...states: NdArray[]],
  { steps }: { steps: readonly AdamwAttrs[] },
): NdArray[] {
  return steps.flatMap((attrs, n) => {
    const at = ADAMW_TENSORS.state * n;
    const state = {
      param: tensors[at]!,
      grad: tensors[at + 1]!,
      m: tensors[at + 2]!,
      v: tensors[at + 3]!,
    };
    return step(state, norm.values[0]!, attrs);
  });
}

function step(
  state: Record<"param" | "grad" | "m" | "v", NdArray>,
  norm: number,
  { learningRate, beta1, beta2, eps, weightDecay, step, maxGradNorm }: AdamwAttrs,
): [param: NdArray, m: NdArray, v: NdArray] {
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
