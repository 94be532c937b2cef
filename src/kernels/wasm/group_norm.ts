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
import type { KernelAttrs, KernelInputs, KernelOutputs, NormAttrs } from "../../kernels.ts";
import { ACTIVATION_NUMBER } from "./activation.ts";
import type { WasmBackend } from "./_backend.ts";
import { COLUMN_GRAIN, columnSumAt } from "./column_sum.ts";

/** The norm alone. */
export function groupNorm(
  inputs: KernelInputs<"groupNorm">,
  { eps }: NormAttrs,
  backend: WasmBackend,
): TensorInfo {
  return activatedGroupNorm(inputs, { eps, activation: "none" }, backend);
}

/** The norm, then an activation. */
export function activatedGroupNorm(
  { x, gamma, beta }: KernelInputs<"activatedGroupNorm">,
  { eps, activation }: KernelAttrs<"activatedGroupNorm">,
  backend: WasmBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const vectors = Math.ceil(channels / 4);
  const y = backend.output(x.shape);
  const stats = backend.scratch(2 * batch * 16 * vectors);
  const addresses = [x, gamma, beta, y].map((tensor) => backend.address(tensor));
  const kind = ACTIVATION_NUMBER[activation];
  const args = [...addresses, stats, 16 * vectors, frames, channels, eps, kind];
  backend.dispatch("groupNorm", batch * vectors, args, COLUMN_GRAIN);
  return y;
}

/** Its gradient, the activation left aside. */
export function groupNormGrad(
  { x, gamma, dy }: KernelInputs<"groupNormGrad">,
  { eps }: NormAttrs,
  backend: WasmBackend,
): KernelOutputs<"groupNormGrad"> {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const vectors = Math.ceil(channels / 4);
  const statBytes = 16 * vectors;
  const dx = backend.output(x.shape);
  const [dgamma, dbeta] = [backend.output(gamma.shape), backend.output(gamma.shape)];
  const stats = backend.scratch(4 * batch * statBytes);
  const addresses = [x, gamma, dy, dx].map((tensor) => backend.address(tensor));
  const args = [...addresses, stats, statBytes, frames, channels, eps];
  backend.dispatch("groupNormGrad", batch * vectors, args, COLUMN_GRAIN);
  const parts = { rows: batch, rowBytes: 4 * statBytes };
  columnSumAt(backend, stats + 2 * statBytes, dbeta, parts);
  columnSumAt(backend, stats + 3 * statBytes, dgamma, parts);
  return [dx, dgamma, dbeta];
}
