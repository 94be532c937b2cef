/**
 * One AdamW step of one parameter, on WASM.
 *
 * Computes: `g = grad min(1, maxGradNorm / (norm + 1e-6))`, `m' = beta1 m + (1 - beta1) g`,
 *   `v' = beta2 v + (1 - beta2) g^2`, `param' = param (1 - lr wd) - lr / c1 m' / (sqrt(v') / sqrt(c2) + eps)`
 *   with the bias corrections `c = 1 - beta^step`.
 * Buffers: `param`, `grad`, `m`, `v` and the scalar `norm` float32, read; the next `param`, `m`, `v`, written.
 * Memory: one pass over the four and the three.
 * Error: 1e-6 of the values; factors are computed in double precision and rounded once.
 * Reference: `test/reference/adamw_step.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { AdamwAttrs } from "../../kernels.ts";
import { registerWasmKernel, VECTOR_GRAIN, vectorsOf } from "./backend.ts";

type State = Record<"param" | "grad" | "m" | "v" | "norm", TensorInfo>;

registerWasmKernel<State, AdamwAttrs>(
  "EarshotAdamwStep",
  ({ inputs: { param, grad, m, v, norm }, attrs, backend }) => {
    const outputs = [param, m, v].map(({ shape }) => backend.output(shape));
    const tensors = [param, grad, m, v, norm, ...outputs];
    const addresses = tensors.map((tensor) => backend.address(tensor));
    const args = [...addresses, ...factorsOf(attrs)];
    backend.dispatch("adamwStep", vectorsOf(param), args, VECTOR_GRAIN);
    return outputs;
  },
);

/** The numbers of a step in the order in which `assembly/adamw_step.ts` takes them. */
function factorsOf(attrs: AdamwAttrs): number[] {
  const { learningRate, beta1, beta2, eps, weightDecay, step, maxGradNorm } = attrs;
  const decay = 1 - learningRate * weightDecay;
  const stepSize = learningRate / (1 - beta1 ** step);
  const correction = 1 / Math.sqrt(1 - beta2 ** step);
  return [decay, stepSize, beta1, beta2, 1 - beta1, 1 - beta2, correction, eps, maxGradNorm];
}
