/**
 * Softmax cross-entropy against class numbers with label smoothing, and its gradient.
 *
 * Computes: `sum over rows and classes of target * (logSumExp - logit) / normalizer`, the target being
 * `labelSmoothing / N`, and `1 - labelSmoothing` more for the label; `dlogits = dy * (softmax - target) / normalizer`.
 * Buffers: logits, dlogits [B, N], losses [B], dy and result scalar, f32; labels [B] i32; the inputs read.
 * Grid: one workgroup per row (`_rows.ts`), then a row sum over the losses.
 * Memory: one number per thread; a row is read three times.
 * Error: 1e-6 of the largest logit.
 * Reference: test/reference/cross_entropy.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { CrossEntropyAttrs, KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { f32, type Program, release } from "./_program.ts";
import { sumPlain } from "./_row_sum.ts";
import { eachColumn, type RowConfig, rowsText, runRows } from "./_rows.ts";

/**
 * Leaves `largest` and `rest` of the row: `logSumExp - logit` is `rest - (logit - largest)`, whose parts stay small
 * where the logits are large.
 */
const LOG_SUM_EXP_TEXT = `
      var largest = -3.0e38;
      ${eachColumn("largest = max(largest, logits[start + column]);")}
      largest = maxWorkgroup(largest);
      var sum = 0.0;
      ${eachColumn("sum += exp(logits[start + column] - largest);")}
      let rest = log(sumWorkgroup(sum));`;

const TARGET_TEXT = `
    fn targetShare(row: u32, column: u32) -> f32 {
      let own = select(0.0, 1.0 - uniforms.smoothing, u32(labels[row]) == column);
      return uniforms.smoothing / f32(uniforms.columns) + own;
    }`;

const LOSSES: Program<RowConfig> = {
  name: "CrossEntropy",
  source: (config) =>
    rowsText(
      config,
      `
      ${LOG_SUM_EXP_TEXT}
      var loss = 0.0;
      ${
        eachColumn(
          "loss += targetShare(row, column) * (rest - (logits[start + column] - largest));",
        )
      }
      loss = sumWorkgroup(loss);
      if (inside && localIndex == 0u) {
        result[row] = loss / uniforms.normalizer;
      }`,
      TARGET_TEXT,
    ),
};

const GRADIENT: Program<RowConfig> = {
  name: "CrossEntropyGrad",
  source: (config) =>
    rowsText(
      config,
      `
      ${LOG_SUM_EXP_TEXT}
      ${
        eachColumn(`
        if (inside) {
          let share = exp(logits[start + column] - largest - rest);
          result[start + column] = dy[0] * (share - targetShare(row, column)) / uniforms.normalizer;
        }`)
      }`,
      TARGET_TEXT,
    ),
};

/** -> the loss, a scalar */
export function crossEntropy(
  { logits, labels }: KernelInputs<"crossEntropy">,
  attrs: KernelAttrs<"crossEntropy">,
  backend: DeviceBackend,
): TensorInfo {
  const [rows = 0, columns = 0] = logits.shape;
  const losses = runRows(backend, LOSSES, {
    rows,
    columns,
    inputs: { logits, labels },
    uniforms: uniformsOf(attrs),
    shape: [rows],
  });
  const loss = sumPlain(backend, losses, { batch: 1, rows, columns: 1 });
  release(backend, losses);
  return { ...loss, shape: [] };
}

/** -> `dlogits` */
export function crossEntropyGrad(
  { logits, labels, dy }: KernelInputs<"crossEntropyGrad">,
  attrs: KernelAttrs<"crossEntropyGrad">,
  backend: DeviceBackend,
): TensorInfo {
  const [rows = 0, columns = 0] = logits.shape;
  return runRows(backend, GRADIENT, {
    rows,
    columns,
    inputs: { logits, labels, dy },
    uniforms: uniformsOf(attrs),
    shape: logits.shape,
  });
}

function uniformsOf({ labelSmoothing, normalizer }: CrossEntropyAttrs) {
  return { smoothing: f32(labelSmoothing), normalizer: f32(normalizer) };
}
