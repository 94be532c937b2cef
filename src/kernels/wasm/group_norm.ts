/**
 * Normalisation of each channel of each clip over time, forward and gradient, on WASM.
 *
 * Computes: over the T frames of a channel, `n = (x - mean) / sqrt(variance + eps)`, `y = activation(n gamma + beta)`;
 *   `dx = gamma (dy - mean(dy) - n mean(dy n)) / sqrt(variance + eps)`, `dgamma = sum(dy n)`, `dbeta = sum(dy)`.
 * Buffers: `x`, `dy` [B, T, C], `gamma`, `beta` [C] float32, read; `y`, `dx` [B, T, C], `dgamma`, `dbeta` [C], written.
 * Memory: two passes, statistics and result; 2 (gradient: 4) statistics for each channel of each clip.
 * Error: 1e-6 for values around 1; statistics of eight frames at a time are merged (Chan et al. 1983).
 * Reference: `test/reference/group_norm.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ActivatedNormAttrs, NormAttrs } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import { registerWasmKernel } from "./backend.ts";
import { COLUMN_GRAIN, columnSumAt } from "./column_sum.ts";

interface Inputs {
  x: TensorInfo;
  gamma: TensorInfo;
  beta: TensorInfo;
}

for (const name of ["EarshotGroupNorm", "EarshotActivatedGroupNorm"]) {
  registerWasmKernel<Inputs, ActivatedNormAttrs>(name, ({ inputs, attrs, backend }) => {
    const { x, gamma, beta } = inputs;
    const [batch, frames, channels] = x.shape as [number, number, number];
    const vectors = Math.ceil(channels / 4);
    const y = backend.output(x.shape);
    const stats = backend.scratch(2 * batch * 16 * vectors);
    const addresses = [x, gamma, beta, y].map((tensor) => backend.address(tensor));
    const kind = ACTIVATION_NUMBER[attrs.activation ?? "none"];
    const args = [...addresses, stats, 16 * vectors, frames, channels, attrs.eps, kind];
    backend.dispatch("groupNorm", batch * vectors, args, COLUMN_GRAIN);
    return y;
  });
}

registerWasmKernel<{ x: TensorInfo; gamma: TensorInfo; dy: TensorInfo }, NormAttrs>(
  "EarshotGroupNormGrad",
  ({ inputs: { x, gamma, dy }, attrs: { eps }, backend }) => {
    const [batch, frames, channels] = x.shape as [number, number, number];
    const vectors = Math.ceil(channels / 4);
    const statBytes = 16 * vectors;
    const [dx, dgamma, dbeta] = [x, gamma, gamma].map(({ shape }) => backend.output(shape));
    const stats = backend.scratch(4 * batch * statBytes);
    const addresses = [x, gamma, dy, dx!].map((tensor) => backend.address(tensor));
    const args = [...addresses, stats, statBytes, frames, channels, eps];
    backend.dispatch("groupNormGrad", batch * vectors, args, COLUMN_GRAIN);
    const parts = { rows: batch, rowBytes: 4 * statBytes };
    columnSumAt(backend, stats + 2 * statBytes, dbeta!, parts);
    columnSumAt(backend, stats + 3 * statBytes, dgamma!, parts);
    return [dx!, dgamma!, dbeta!];
  },
);
