/**
 * Batch normalisation with given statistics, forward and gradient, on WASM.
 *
 * Computes: with `f = gamma / sqrt(variance + eps)`, `y = (x - mean) f + beta`; `dx = dy f`,
 *   `dgamma = sum(dy (x - mean)) / sqrt(variance + eps)`, `dbeta = sum(dy)`.
 * Buffers: `x`, `dy` [R, C], `gamma`, `beta`, `mean`, `variance` [C] float32, read; `y`, `dx` [R, C], `dgamma`,
 *   `dbeta` [C], written.
 * Memory: one pass, for each of the sums one more; the C factors are computed here.
 * Error: 1e-6 for values around 1; sums of eight rows at a time.
 * Reference: `test/reference/batch_norm.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, rowsOf, type WasmBackend } from "./_backend.ts";
import { COLUMN_GRAIN, columnSumAt } from "./column_sum.ts";

type Channels = Record<"gamma" | "mean" | "variance", TensorInfo>;

export function batchNorm(
  { x, beta, ...channels }: KernelInputs<"batchNorm">,
  { eps }: KernelAttrs<"batchNorm">,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(x);
  const y = backend.output(x.shape);
  const factors = writeFactors(backend, channels, eps);
  const args = [backend.address(x), backend.address(channels.mean), factors];
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / columns);
  const to = [backend.address(beta), backend.address(y), columns];
  backend.dispatch("batchNorm", rows, [...args, ...to], grain);
  return y;
}

export function batchNormGrad(
  { x, dy, ...channels }: KernelInputs<"batchNormGrad">,
  { eps }: KernelAttrs<"batchNormGrad">,
  backend: WasmBackend,
): KernelOutputs<"batchNormGrad"> {
  const { rows, columns } = rowsOf(x);
  const { gamma, mean, variance } = channels;
  const [dx, dgamma, dbeta] = [x, gamma, gamma].map(({ shape }) => backend.output(shape));
  const factors = writeFactors(backend, channels, eps);
  const scaled = [backend.address(dy), factors, backend.address(dx!), columns];
  backend.dispatch("scaleColumns", rows, scaled, Math.ceil(ROW_GRAIN_ELEMENTS / columns));
  const products = [dy, x, mean, dgamma!].map((tensor) => backend.address(tensor));
  const sizes = [rows, 4 * columns];
  backend.dispatch("centredDot", Math.ceil(columns / 4), [...products, ...sizes], COLUMN_GRAIN);
  const slopes = backend.floats(backend.address(dgamma!), columns);
  const variances = backend.floats(backend.address(variance), columns);
  slopes.forEach((sum, c) => slopes[c] = sum / Math.sqrt(variances[c]! + eps));
  columnSumAt(backend, backend.address(dy), dbeta!, { rows, rowBytes: 4 * columns });
  return [dx!, dgamma!, dbeta!];
}

/** `gamma / sqrt(variance + eps)` in scratch memory; its address. */
function writeFactors(backend: WasmBackend, { gamma, variance }: Channels, eps: number): number {
  const columns = gamma.shape[0]!;
  const at = backend.scratch(16 * Math.ceil(columns / 4));
  const gains = backend.floats(backend.address(gamma), columns);
  const variances = backend.floats(backend.address(variance), columns);
  backend.floats(at, columns).set(gains.map((gain, c) => gain / Math.sqrt(variances[c]! + eps)));
  return at;
}
