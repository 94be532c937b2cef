/**
 * Running statistics of channels after one more batch.
 *
 * Computes: `old + momentum (new - old)` of mean and unbiased variance over the rows.
 * Buffers: x [R, C]; mean, variance, means, variances, results [C]; f32, all but the results read.
 * Grid: sums as in `_row_sum.ts`, the mean first; then one thread per channel.
 * Memory: that of a row sum; x is read twice.
 * Error: that of a row sum.
 * Reference: test/reference/update_statistics.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program, release, sizeOf } from "./_program.ts";
import { rowSum, sumRows } from "./_row_sum.ts";

const MEANS: Program<Record<never, never>> = {
  name: "StatisticsMeans",
  source: () => rowSum("x[i] / f32(uniforms.rows)"),
};

const VARIANCES: Program<Record<never, never>> = {
  name: "StatisticsVariances",
  source: () =>
    rowSum("pow2(x[i] - means[column]) / max(f32(uniforms.rows) - 1.0, 1.0)") +
    "fn pow2(value: f32) -> f32 { return value * value; }",
};

const TOWARDS: Program<Record<never, never>> = {
  name: "StatisticsTowards",
  source: () => elements("old[i] + uniforms.momentum * (found[i] - old[i])"),
};

/** -> the next `mean` and `variance` */
export function updateStatistics(
  { x, mean, variance }: KernelInputs<"updateStatistics">,
  { momentum }: KernelAttrs<"updateStatistics">,
  backend: DeviceBackend,
): KernelOutputs<"updateStatistics"> {
  const columns = x.shape.at(-1)!;
  const sizes = { batch: 1, rows: sizeOf(x.shape) / columns, columns };
  const means = sumRows(backend, MEANS, { config: {}, inputs: { x }, ...sizes });
  const variances = sumRows(backend, VARIANCES, { config: {}, inputs: { x, means }, ...sizes });
  const towards = (old: TensorInfo, found: TensorInfo) =>
    runElements(backend, TOWARDS, {
      config: {},
      inputs: { old, found },
      uniforms: { momentum: f32(momentum) },
      shape: [columns],
    });
  const [nextMean, nextVariance] = [towards(mean, means), towards(variance, variances)];
  release(backend, means, variances);
  return [nextMean, nextVariance];
}
