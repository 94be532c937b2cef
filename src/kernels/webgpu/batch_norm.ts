/**
 * Batch normalisation with given statistics, and its gradient.
 *
 * Computes: with `n = (x - mean) / sqrt(variance + eps)`, `y = n gamma + beta`; `dx = dy gamma / sqrt(variance + eps)`;
 * `dgamma`, `dbeta` = sums over rows of `dy n`, `dy`.
 * Buffers: x, dy, result [R, C]; gamma, beta, mean, variance [C]; f32, all but result read.
 * Grid: one thread per element; `dgamma` and `dbeta` as in `_row_sum.ts`.
 * Memory: none shared, one pass; that of a row sum.
 * Error: 1e-6 of the largest |y|; for gradients that of a row sum.
 * Reference: test/reference/batch_norm.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program, sizeOf, u32 } from "./_program.ts";
import { rowSum, sumPlain, sumRows } from "./_row_sum.ts";

const NORMAL = "(x[i] - mean[c]) / sqrt(variance[c] + uniforms.eps)";

const FORWARD: Program<Record<never, never>> = {
  name: "BatchNorm",
  source: () =>
    elements(
      "normalized(i, i % uniforms.columns)",
      `fn normalized(i: u32, c: u32) -> f32 { return ${NORMAL} * gamma[c] + beta[c]; }`,
    ),
};

const INPUT_GRADIENT: Program<Record<never, never>> = {
  name: "BatchNormGradInput",
  source: () =>
    elements(
      "slope(i, i % uniforms.columns)",
      `fn slope(i: u32, c: u32) -> f32 {
        return dy[i] * gamma[c] / sqrt(variance[c] + uniforms.eps);
      }`,
    ),
};

const GAMMA_GRADIENT: Program<Record<never, never>> = {
  name: "BatchNormGradGamma",
  source: () =>
    rowSum("dy[i] * normal(i, column)") +
    `fn normal(i: u32, c: u32) -> f32 { return ${NORMAL}; }`,
};

/** `normal gamma + beta`. */
export function batchNorm(
  { x, gamma, beta, mean, variance }: KernelInputs<"batchNorm">,
  { eps }: KernelAttrs<"batchNorm">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, FORWARD, {
    config: {},
    inputs: { x, gamma, beta, mean, variance },
    uniforms: { columns: u32(x.shape.at(-1)!), eps: f32(eps) },
    shape: x.shape,
  });
}

/** -> `dx`, `dgamma`, `dbeta` */
export function batchNormGrad(
  { x, gamma, mean, variance, dy }: KernelInputs<"batchNormGrad">,
  { eps }: KernelAttrs<"batchNormGrad">,
  backend: DeviceBackend,
): KernelOutputs<"batchNormGrad"> {
  const columns = x.shape.at(-1)!;
  const sizes = { batch: 1, rows: sizeOf(x.shape) / columns, columns };
  const dx = runElements(backend, INPUT_GRADIENT, {
    config: {},
    inputs: { gamma, variance, dy },
    uniforms: { columns: u32(columns), eps: f32(eps) },
    shape: x.shape,
  });
  const dgamma = sumRows(backend, GAMMA_GRADIENT, {
    config: {},
    inputs: { x, mean, variance, dy },
    uniforms: { eps: f32(eps) },
    ...sizes,
  });
  const dbeta = sumPlain(backend, dy, sizes);
  return [dx, { ...dgamma, shape: [columns] }, { ...dbeta, shape: [columns] }];
}
