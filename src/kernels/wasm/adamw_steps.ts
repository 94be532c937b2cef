/**
 * One AdamW step of many parameters, one after the other, on WASM.
 *
 * Computes: `g = grad min(1, maxGradNorm / (norm + 1e-6))`, `m' = beta1 m + (1 - beta1) g`,
 *   `v' = beta2 v + (1 - beta2) g^2`, `param' = param (1 - lr wd) - lr / c1 m' / (sqrt(v') / sqrt(c2) + eps)`
 *   with the bias corrections `c = 1 - beta^step`.
 * Buffers: `param`, `grad`, `m`, `v` and the scalar `norm` float32, read; the next `param`, `m`, `v`, written.
 * Memory: one pass over the four and the three, which lie over the first, third and fourth.
 * Error: 1e-6 of the values; factors are computed in double precision and rounded once.
 * Reference: `test/reference/adamw_steps.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  ADAMW_TENSORS,
  type AdamwAttrs,
  type KernelAttrs,
  type KernelInputs,
} from "../../kernels.ts";
import { VECTOR_GRAIN, vectorsOf, type WasmBackend } from "./_backend.ts";

/** The next `param`, `m` and `v` of each parameter, over their old values where nobody else holds those. */
export function adamwSteps(
  [norm, ...states]: KernelInputs<"adamwSteps">,
  { steps }: KernelAttrs<"adamwSteps">,
  backend: WasmBackend,
): TensorInfo[] {
  return steps.flatMap((attrs, n) => {
    const state = states.slice(ADAMW_TENSORS.state * n, ADAMW_TENSORS.state * (n + 1));
    const [param, , m, v] = state as [TensorInfo, TensorInfo, TensorInfo, TensorInfo];
    const next = [param, m, v].map((tensor) => backend.replacement(tensor));
    const addresses = [...state, norm, ...next].map((tensor) => backend.address(tensor));
    const args = [...addresses, ...factorsOf(attrs)];
    backend.dispatch("adamwStep", vectorsOf(param), args, VECTOR_GRAIN);
    return next;
  });
}

/** The numbers of a step in the order in which `assembly/adamw_step.ts` takes them. */
function factorsOf(attrs: AdamwAttrs): number[] {
  const { learningRate, beta1, beta2, eps, weightDecay, step, maxGradNorm } = attrs;
  const decay = 1 - learningRate * weightDecay;
  const stepSize = learningRate / (1 - beta1 ** step);
  const correction = 1 / Math.sqrt(1 - beta2 ** step);
  return [decay, stepSize, beta1, beta2, 1 - beta1, 1 - beta2, correction, eps, maxGradNorm];
}
