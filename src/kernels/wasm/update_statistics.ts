/**
 * Running statistics of channels after one more batch, on WASM.
 *
 * Computes: `old + momentum (new - old)` of mean and unbiased variance over the rows.
 * Buffers: `x` [R, C], `mean`, `variance` [C] float32, read; the next `mean` and `variance` [C], written.
 * Memory: two passes, the mean first; the C results are computed here.
 * Error: 1e-6 for values around 1; sums of eight rows at a time.
 * Reference: `test/reference/update_statistics.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import { rowsOf, type WasmBackend } from "./_backend.ts";
import { COLUMN_GRAIN, columnSumAt } from "./column_sum.ts";

export function updateStatistics(
  { x, mean, variance }: KernelInputs<"updateStatistics">,
  { momentum }: KernelAttrs<"updateStatistics">,
  backend: WasmBackend,
): KernelOutputs<"updateStatistics"> {
  const { rows, columns } = rowsOf(x);
  const outputs = [mean, variance].map(({ shape }) => backend.output(shape));
  const [nextMean, nextVariance] = outputs as [TensorInfo, TensorInfo];
  const read = (tensor: TensorInfo) => backend.floats(backend.address(tensor), columns);
  const from = backend.address(x);
  columnSumAt(backend, from, nextMean, { rows, rowBytes: 4 * columns });
  const means = read(nextMean);
  means.forEach((sum, c) => means[c] = sum / rows);
  const args = [from, backend.address(nextMean), backend.address(nextVariance)];
  const sizes = [rows, 4 * columns];
  backend.dispatch("columnSpread", Math.ceil(columns / 4), [...args, ...sizes], COLUMN_GRAIN);
  const [spreads, oldMeans, oldVariances] = [read(nextVariance), read(mean), read(variance)];
  for (let c = 0; c < columns; c++) {
    const [old, found] = [oldVariances[c]!, spreads[c]! / Math.max(rows - 1, 1)];
    spreads[c] = old + momentum * (found - old);
    means[c] = oldMeans[c]! + momentum * (means[c]! - oldMeans[c]!);
  }
  return outputs;
}
