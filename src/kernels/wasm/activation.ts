/**
 * Element-wise activations, forward and gradient, on WASM.
 *
 * Computes: GELU `x Phi(x)` with the exact normal distribution Phi, ReLU `max(x, 0)`, SiLU `x s(x)` with the logistic
 *   function s; gradients `dy (Phi(x) + x phi(x))`, `dy` where `x > 0` and `dy s(x) (1 + x s(-x))`.
 * Buffers: `x`, `dy` float32, read; `y`, `dx` float32, written; all of one size.
 * Memory: one pass, no scratch.
 * Error: 1e-7 for values around 1 (GELU; the tail of Phi is a rational fit times an exponential); ReLU exact.
 * Reference: `test/reference/activation.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Activation } from "../../kernels.ts";
import { registerWasmKernel, VECTOR_GRAIN, vectorsOf } from "./backend.ts";

/** The numbers by which `assembly/activation.ts` knows the activations. */
export const ACTIVATION_NUMBER: Readonly<Record<Activation, number>> = {
  none: 0,
  gelu: 1,
  relu: 2,
  silu: 3,
};

interface Attrs {
  activation: Activation;
}

registerWasmKernel<{ x: TensorInfo }, Attrs>(
  "EarshotActivation",
  ({ inputs: { x }, attrs, backend }) => {
    const y = backend.output(x.shape);
    const args = [backend.address(x), backend.address(y), ACTIVATION_NUMBER[attrs.activation]];
    backend.dispatch("activation", vectorsOf(x), args, VECTOR_GRAIN);
    return y;
  },
);

registerWasmKernel<{ x: TensorInfo; dy: TensorInfo }, Attrs>(
  "EarshotActivationGrad",
  ({ inputs: { x, dy }, attrs, backend }) => {
    const dx = backend.output(x.shape);
    const args = [backend.address(x), backend.address(dy), backend.address(dx)];
    const kind = ACTIVATION_NUMBER[attrs.activation];
    backend.dispatch("activationGrad", vectorsOf(x), [...args, kind], VECTOR_GRAIN);
    return dx;
  },
);
