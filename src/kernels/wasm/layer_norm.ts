/**
 * Layer normalisation of the last axis, forward and gradient, on WASM.
 *
 * Computes: `n = (x - mean) / sqrt(variance + eps)`, `y = activation(n gamma + beta)`; with `g = dy gamma`,
 *   `dx = (g - mean(g) - n mean(g n)) / sqrt(variance + eps)`, `dgamma = sum(dy n)`, `dbeta = sum(dy)`.
 * Buffers: `x`, `dy` [R, C], `gamma`, `beta` [C] float32, read; `y`, `dx` [R, C], `dgamma`, `dbeta` [C], written.
 * Memory: one pass, each row read again from the cache; the gradient keeps two sums of C for every 32 rows.
 * Error: 1e-6 for values around 1; variance from differences to the mean, sums in 16 parts.
 * Reference: `test/reference/layer_norm.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs, NormAttrs } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import { ROW_GRAIN_ELEMENTS, rowsOf, type WasmBackend } from "./_backend.ts";
import { columnSumAt } from "./column_sum.ts";

/** Rows whose part of dgamma and dbeta is summed together, as in `assembly/layer_norm.ts`. */
const GRAD_ROWS = 32;

/** The norm alone. */
export function layerNorm(
  inputs: KernelInputs<"layerNorm">,
  { eps }: NormAttrs,
  backend: WasmBackend,
): TensorInfo {
  return activatedLayerNorm(inputs, { eps, activation: "none" }, backend);
}

/** The norm, then an activation. */
export function activatedLayerNorm(
  { x, gamma, beta }: KernelInputs<"activatedLayerNorm">,
  { eps, activation }: KernelAttrs<"activatedLayerNorm">,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(x);
  const y = backend.output(x.shape);
  const addresses = [x, gamma, beta, y].map((tensor) => backend.address(tensor));
  const kind = ACTIVATION_NUMBER[activation];
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / columns);
  backend.dispatch("layerNorm", rows, [...addresses, columns, eps, kind], grain);
  return y;
}

/** Its gradient, the activation left aside. */
export function layerNormGrad(
  { x, gamma, dy }: KernelInputs<"layerNormGrad">,
  { eps }: NormAttrs,
  backend: WasmBackend,
): KernelOutputs<"layerNormGrad"> {
  const { rows, columns } = rowsOf(x);
  const units = Math.ceil(rows / GRAD_ROWS);
  const partBytes = 16 * Math.ceil(columns / 4);
  const dx = backend.output(x.shape);
  const [dgamma, dbeta] = [backend.output(gamma.shape), backend.output(gamma.shape)];
  const partials = backend.scratch(2 * units * partBytes);
  const addresses = [x, gamma, dy, dx].map((tensor) => backend.address(tensor));
  const args = [...addresses, partials, partBytes, rows, columns, eps];
  const grain = Math.ceil(ROW_GRAIN_ELEMENTS / (GRAD_ROWS * columns));
  backend.dispatch("layerNormGrad", units, args, grain);
  const parts = { rows: units, rowBytes: 2 * partBytes };
  columnSumAt(backend, partials, dgamma, parts);
  columnSumAt(backend, partials + partBytes, dbeta, parts);
  return [dx, dgamma, dbeta];
}
