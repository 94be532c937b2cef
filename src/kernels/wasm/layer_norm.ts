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
import type { ActivatedNormAttrs, NormAttrs } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import { registerWasmKernel, ROW_GRAIN_ELEMENTS, rowsOf } from "./backend.ts";
import { columnSumAt } from "./column_sum.ts";

/** Rows whose part of dgamma and dbeta is summed together, as in `assembly/layer_norm.ts`. */
const GRAD_ROWS = 32;

interface Inputs {
  x: TensorInfo;
  gamma: TensorInfo;
  beta: TensorInfo;
}

for (const name of ["EarshotLayerNorm", "EarshotActivatedLayerNorm"]) {
  registerWasmKernel<Inputs, ActivatedNormAttrs>(name, ({ inputs, attrs, backend }) => {
    const { x, gamma, beta } = inputs;
    const { rows, columns } = rowsOf(x);
    const y = backend.output(x.shape);
    const addresses = [x, gamma, beta, y].map((tensor) => backend.address(tensor));
    const kind = ACTIVATION_NUMBER[attrs.activation ?? "none"];
    const grain = Math.ceil(ROW_GRAIN_ELEMENTS / columns);
    backend.dispatch("layerNorm", rows, [...addresses, columns, attrs.eps, kind], grain);
    return y;
  });
}

registerWasmKernel<{ x: TensorInfo; gamma: TensorInfo; dy: TensorInfo }, NormAttrs>(
  "EarshotLayerNormGrad",
  ({ inputs: { x, gamma, dy }, attrs: { eps }, backend }) => {
    const { rows, columns } = rowsOf(x);
    const units = Math.ceil(rows / GRAD_ROWS);
    const partBytes = 16 * Math.ceil(columns / 4);
    const [dx, dgamma, dbeta] = [x, gamma, gamma].map(({ shape }) => backend.output(shape));
    const partials = backend.scratch(2 * units * partBytes);
    const addresses = [x, gamma, dy, dx!].map((tensor) => backend.address(tensor));
    const args = [...addresses, partials, partBytes, rows, columns, eps];
    const grain = Math.ceil(ROW_GRAIN_ELEMENTS / (GRAD_ROWS * columns));
    backend.dispatch("layerNormGrad", units, args, grain);
    const parts = { rows: units, rowBytes: 2 * partBytes };
    columnSumAt(backend, partials, dgamma!, parts);
    columnSumAt(backend, partials + partBytes, dbeta!, parts);
    return [dx!, dgamma!, dbeta!];
  },
);
