/**
 * Softmax cross-entropy against class numbers with label smoothing and focus, and its gradient.
 *
 * Computes: `sum over rows and classes of target * (logSumExp - logit) / normalizer`, the target being
 * `labelSmoothing / N`, and `1 - labelSmoothing` more for the label; `dlogits = dy * (softmax - target) / normalizer`.
 * With focus the sum of a row is multiplied by `(1 - softmax[label])^focus`, and the gradient follows the product rule.
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

/** Leaves `others`, what the classes beside the label have of the softmax, and `held`, that to the power of the focus. */
const FOCUS_TEXT = `
      var other = 0.0;
      ${
  eachColumn(
    "other += select(exp(logits[start + column] - largest - rest), 0.0, u32(labels[row]) == column);",
  )
}
      let others = sumWorkgroup(other);
      let held = select(0.0, pow(others, uniforms.focus), others > 0.0);`;

/** Leaves `loss`, the sum of a row before it is divided. */
const ROW_LOSS_TEXT = `
      var loss = 0.0;
      ${
  eachColumn("loss += targetShare(row, column) * (rest - (logits[start + column] - largest));")
}
      loss = sumWorkgroup(loss);`;

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
      ${ROW_LOSS_TEXT}
      if (uniforms.focus > 0.0) {
        ${FOCUS_TEXT}
        loss *= held;
      }
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
      }
      if (uniforms.focus > 0.0) {
        ${ROW_LOSS_TEXT}
        ${FOCUS_TEXT}
        let slope = dy[0] * loss * uniforms.focus * held / uniforms.normalizer;
        ${
        eachColumn(`
        if (inside) {
          let share = exp(logits[start + column] - largest - rest);
          // Others to the power of focus - 1 could be without bound; together with a share of theirs it is not.
          let turn = select(-share / max(others, 1e-30), 1.0, u32(labels[row]) == column);
          result[start + column] = result[start + column] * held - slope * (1.0 - others) * turn;
        }`)
      }
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

function uniformsOf({ labelSmoothing, normalizer, focus }: CrossEntropyAttrs) {
  return { smoothing: f32(labelSmoothing), normalizer: f32(normalizer), focus: f32(focus) };
}
