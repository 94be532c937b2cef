/**
 * Losses of one output against one number, and their gradient.
 *
 * Computes: the sum over all outputs x and targets t of `max(x, 0) - x t + log(1 + e^-|x|)`, the binary
 * cross-entropy of the sigmoid, or of `(x - t)^2`, over `normalizer`; `dlogits = dy (sigmoid(x) - t) / normalizer`
 * or `2 dy (x - t) / normalizer`.
 * Buffers: logits, targets, dlogits [B, N], dy and result scalar, f32; the inputs read.
 * Grid: as in `_row_sum.ts`, with a row for each output; backward one thread per element.
 * Memory: as in `_row_sum.ts`; backward none shared, one pass.
 * Error: 1e-6 of the largest loss.
 * Reference: test/reference/element_loss.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ElementLoss, KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program, sizeOf } from "./_program.ts";
import { rowSum, sumRows } from "./_row_sum.ts";
import { SIGMOID } from "./_wgsl.ts";

type LossConfig = { kind: ElementLoss };

/** WGSL has no log1p; the logarithm of 1 to 2 needs none for an absolute error of 1e-7. */
const LOSS_TEXT: Record<ElementLoss, string> = {
  binaryCrossEntropy: "max(x, 0.0) - x * t + log(1.0 + exp(-abs(x)))",
  squaredError: "(x - t) * (x - t)",
};

const SLOPE_TEXT: Record<ElementLoss, string> = {
  binaryCrossEntropy: "sigmoid(x) - t",
  squaredError: "2.0 * (x - t)",
};

const FORWARD: Program<LossConfig> = {
  name: "ElementLoss",
  source: ({ kind }) => `
    fn lossOf(x: f32, t: f32) -> f32 { return ${LOSS_TEXT[kind]}; }
    ${rowSum("lossOf(logits[i], targets[i]) / uniforms.normalizer")}`,
};

const GRADIENT: Program<LossConfig> = {
  name: "ElementLossGrad",
  source: ({ kind }) =>
    elements(
      "dy[0] * slopeOf(logits[i], targets[i]) / uniforms.normalizer",
      `
    ${SIGMOID}
    fn slopeOf(x: f32, t: f32) -> f32 { return ${SLOPE_TEXT[kind]}; }`,
    ),
};

/** -> the loss, a scalar */
export function elementLoss(
  { logits, targets }: KernelInputs<"elementLoss">,
  { kind, normalizer }: KernelAttrs<"elementLoss">,
  backend: DeviceBackend,
): TensorInfo {
  const loss = sumRows(backend, FORWARD, {
    config: { kind },
    inputs: { logits, targets },
    uniforms: { normalizer: f32(normalizer) },
    ...{ batch: 1, rows: sizeOf(logits.shape), columns: 1 },
  });
  return { ...loss, shape: [] };
}

/** -> `dlogits` */
export function elementLossGrad(
  { logits, targets, dy }: KernelInputs<"elementLossGrad">,
  { kind, normalizer }: KernelAttrs<"elementLossGrad">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, GRADIENT, {
    config: { kind },
    inputs: { logits, targets, dy },
    uniforms: { normalizer: f32(normalizer) },
    shape: logits.shape,
  });
}
