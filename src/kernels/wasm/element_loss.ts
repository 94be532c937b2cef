/**
 * Losses of one output against one number, forward and gradient, on WASM.
 *
 * Computes: the sum over all outputs x and targets t of `max(x, 0) - x t + log(1 + e^-|x|)`, the binary
 *   cross-entropy of the sigmoid, or of `(x - t)^2`, over `normalizer`; `dlogits = dy (sigmoid(x) - t) / normalizer`
 *   or `2 dy (x - t) / normalizer`.
 * Buffers: `logits`, `targets` [B, N], `dy` scalar float32, read; `loss` scalar, `dlogits` [B, N], written.
 * Memory: one pass.
 * Error: 1e-6 for losses around 1; the loss is summed in double precision.
 * Reference: `test/reference/element_loss.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { ElementLoss } from "../../kernels.ts";
import { sizeOf, VECTOR_GRAIN, vectorsOf, type WasmBackend } from "./_backend.ts";

/** The numbers by which `assembly/element_loss.ts` knows the losses. */
const LOSS_NUMBER: Readonly<Record<ElementLoss, number>> = {
  binaryCrossEntropy: 0,
  squaredError: 1,
};

interface Inputs {
  logits: TensorInfo;
  targets: TensorInfo;
}

export function elementLoss(
  { logits, targets }: KernelInputs<"elementLoss">,
  { kind, normalizer }: KernelAttrs<"elementLoss">,
  backend: WasmBackend,
): TensorInfo {
  const loss = backend.output([]);
  const tensors = [logits, targets, loss].map((tensor) => backend.address(tensor));
  const args = [...tensors, sizeOf(logits.shape), LOSS_NUMBER[kind], normalizer];
  backend.dispatch("elementLoss", 1, args);
  return loss;
}

export function elementLossGrad(
  { logits, targets, dy }: KernelInputs<"elementLossGrad">,
  { kind, normalizer }: KernelAttrs<"elementLossGrad">,
  backend: WasmBackend,
): TensorInfo {
  const dlogits = backend.output(logits.shape);
  const tensors = [logits, targets, dy, dlogits].map((tensor) => backend.address(tensor));
  const args = [...tensors, LOSS_NUMBER[kind], normalizer];
  backend.dispatch("elementLossGrad", vectorsOf(logits), args, VECTOR_GRAIN);
  return dlogits;
}
