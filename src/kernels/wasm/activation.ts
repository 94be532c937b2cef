/**
 * Element-wise activations, forward and gradient, on WASM.
 *
 * Computes: the functions of `ACTIVATIONS`; gradients are `dy` times the derivative, which is 0 at the bend of ReLU.
 * Buffers: `x`, `dy` float32, read; `y`, `dx` float32, written; all of one size.
 * Memory: one pass, no scratch.
 * Error: 2e-7 for values around 1 (GELU; the tail of Phi is a rational fit times an exponential), 5e-7 for `laplace`;
 *   exact where there is neither.
 * Reference: `test/reference/activation.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { Activation } from "../../kernels.ts";
import { ACTIVATION_NUMBERS } from "./_binary.ts";
import { VECTOR_GRAIN, vectorsOf, type WasmBackend } from "./_backend.ts";

/** The numbers by which the kernels know the activations. */
export const ACTIVATION_NUMBER: Readonly<Record<Activation, number>> = ACTIVATION_NUMBERS;

export function activation(
  { x }: KernelInputs<"activation">,
  attrs: KernelAttrs<"activation">,
  backend: WasmBackend,
): TensorInfo {
  const y = backend.output(x.shape);
  const args = [backend.address(x), backend.address(y), ACTIVATION_NUMBER[attrs.activation]];
  backend.dispatch("activation", vectorsOf(x), args, VECTOR_GRAIN);
  return y;
}

export function activationGrad(
  { x, dy }: KernelInputs<"activationGrad">,
  attrs: KernelAttrs<"activationGrad">,
  backend: WasmBackend,
): TensorInfo {
  const dx = backend.output(x.shape);
  const args = [backend.address(x), backend.address(dy), backend.address(dx)];
  const kind = ACTIVATION_NUMBER[attrs.activation];
  backend.dispatch("activationGrad", vectorsOf(x), [...args, kind], VECTOR_GRAIN);
  return dx;
}
