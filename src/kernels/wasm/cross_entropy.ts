/**
 * Softmax cross-entropy against class numbers, with label smoothing and focus, forward and gradient, on WASM.
 *
 * Computes: with `p = softmax(logits[b])` and the target `q = smoothing / N`, plus `1 - smoothing` at the label,
 *   `loss = -sum_b (1 - p[label])^focus sum_n q log p / normalizer`; without focus `dlogits = dy (p - q) / normalizer`,
 *   with it by the product rule.
 * Buffers: `logits` [B, N] float32, `labels` [B] int32, `dy` scalar, read; `loss` scalar, `dlogits` [B, N], written.
 * Memory: each row is read three times, from the cache.
 * Error: 1e-6 for losses around 1; the loss is summed in double precision.
 * Reference: `test/reference/cross_entropy.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, type WasmBackend } from "./_backend.ts";

interface Inputs {
  logits: TensorInfo;
  labels: TensorInfo;
}

export function crossEntropy(
  { logits, labels }: KernelInputs<"crossEntropy">,
  attrs: KernelAttrs<"crossEntropy">,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, classes = 0] = logits.shape;
  expectLabels(backend, labels, classes);
  const loss = backend.output([]);
  const inputs = [backend.address(logits), backend.address(labels, "int32")];
  const { labelSmoothing, normalizer, focus } = attrs;
  const sizes = [batch, classes, labelSmoothing, normalizer, focus];
  backend.dispatch("crossEntropy", 1, [...inputs, backend.address(loss), ...sizes]);
  return loss;
}

export function crossEntropyGrad(
  { logits, labels, dy }: KernelInputs<"crossEntropyGrad">,
  attrs: KernelAttrs<"crossEntropyGrad">,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, classes = 0] = logits.shape;
  const dlogits = backend.output(logits.shape);
  const inputs = [backend.address(logits), backend.address(labels, "int32")];
  const { labelSmoothing, normalizer, focus } = attrs;
  const slopes = [backend.address(dy), backend.address(dlogits)];
  const args = [...inputs, ...slopes, classes, labelSmoothing, normalizer, focus];
  backend.dispatch("crossEntropyGrad", batch, args, Math.ceil(ROW_GRAIN_ELEMENTS / classes));
  return dlogits;
}

/** A label outside the row would read, and in the gradient write, some other tensor. */
function expectLabels(backend: WasmBackend, labels: TensorInfo, classes: number): void {
  const numbers = backend.ints(backend.address(labels, "int32"), labels.shape[0]!);
  const wrong = numbers.find((label) => label < 0 || label >= classes);
  if (wrong === undefined) return;
  throw new RangeError(
    `Cannot compute crossEntropy: expected labels from 0 to ${classes - 1}, found ${wrong}`,
  );
}
