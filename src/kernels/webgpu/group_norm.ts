/**
 * Normalisation of each channel of each clip over time, and its gradient.
 *
 * Computes: as layer norm, with mean and variance over the frames: `y = n * gamma + beta`,
 * `dx = gamma * (dy - mean(dy) - n * mean(dy * n)) / deviation`;
 * `dgamma`, `dbeta` = sums over frames and clips of `dy * n`, `dy`.
 * Buffers: x, dy, result [B, T, C]; gamma, beta [C]; means, variances, sums [B, C]; f32, all but result read.
 * Grid: sums as in `_row_sum.ts`; then one thread per element.
 * Memory: as in `_row_sum.ts`; x is read three times, the mean taken out before squares are summed.
 * Error: 1e-6 of the largest |y|; for gradients that of a row sum.
 * Reference: test/reference/group_norm.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program, release, u32 } from "./_program.ts";
import { rowSum, type RowSumSizes, sumPlain, sumRows } from "./_row_sum.ts";

type Moments = Record<"means" | "variances", TensorInfo>;

const MEANS: Program<Record<never, never>> = {
  name: "GroupNormMeans",
  source: () => rowSum("x[i] / f32(uniforms.rows)"),
};

const VARIANCES: Program<Record<never, never>> = {
  name: "GroupNormVariances",
  source: () =>
    rowSum("pow2(x[i] - means[batch * uniforms.columns + column]) / f32(uniforms.rows)") +
    "fn pow2(value: f32) -> f32 { return value * value; }",
};

/** `channel(i)`, the position in `[B, C]`, and `normal(i)`, the normalised element. */
const NORMAL_TEXT = `
    fn channel(i: u32) -> u32 {
      return i / uniforms.clip * uniforms.columns + i % uniforms.columns;
    }
    fn deviation(i: u32) -> f32 { return sqrt(variances[channel(i)] + uniforms.eps); }
    fn normal(i: u32) -> f32 { return (x[i] - means[channel(i)]) / deviation(i); }`;

const FORWARD: Program<Record<never, never>> = {
  name: "GroupNorm",
  source: () =>
    elements(
      "normal(i) * gamma[i % uniforms.columns] + beta[i % uniforms.columns]",
      NORMAL_TEXT,
    ),
};

const ALONG: Program<Record<never, never>> = {
  name: "GroupNormGradAlong",
  source: () => rowSum("dy[i] * normal(i)") + NORMAL_TEXT,
};

const INPUT_GRADIENT: Program<Record<never, never>> = {
  name: "GroupNormGradInput",
  source: () =>
    elements(
      "gamma[i % uniforms.columns] / deviation(i) * centred(i)",
      `${NORMAL_TEXT}
    fn centred(i: u32) -> f32 {
      let at = channel(i);
      return dy[i] - (slopes[at] + normal(i) * along[at]) / f32(uniforms.rows);
    }`,
    ),
};

/** `normal gamma + beta`. */
export function groupNorm(
  { x, gamma, beta }: KernelInputs<"groupNorm">,
  { eps }: KernelAttrs<"groupNorm">,
  backend: DeviceBackend,
): TensorInfo {
  const { means, variances } = momentsOf(backend, x);
  const y = runElements(backend, FORWARD, {
    config: {},
    inputs: { x, means, variances, gamma, beta },
    uniforms: normalUniforms(x, eps),
    shape: x.shape,
  });
  release(backend, means, variances);
  return y;
}

/** -> `dx`, `dgamma`, `dbeta` */
export function groupNormGrad(
  { x, gamma, dy }: KernelInputs<"groupNormGrad">,
  { eps }: KernelAttrs<"groupNormGrad">,
  backend: DeviceBackend,
): KernelOutputs<"groupNormGrad"> {
  const sizes = sizesOf(x);
  const { means, variances } = momentsOf(backend, x);
  const uniforms = normalUniforms(x, eps);
  const slopes = sumPlain(backend, dy, sizes);
  const along = sumRows(backend, ALONG, {
    config: {},
    inputs: { x, means, variances, dy },
    uniforms: { clip: uniforms.clip, eps: uniforms.eps },
    ...sizes,
  });
  const dx = runElements(backend, INPUT_GRADIENT, {
    config: {},
    inputs: { x, means, variances, gamma, dy, slopes, along },
    uniforms: { ...uniforms, rows: u32(sizes.rows) },
    shape: x.shape,
  });
  const dgamma = sumOverClips(backend, along);
  const dbeta = sumOverClips(backend, slopes);
  release(backend, means, variances, slopes, along);
  return [dx, dgamma, dbeta];
}

function momentsOf(backend: DeviceBackend, x: TensorInfo): Moments {
  const sizes = sizesOf(x);
  const means = sumRows(backend, MEANS, { config: {}, inputs: { x }, ...sizes });
  const variances = sumRows(backend, VARIANCES, { config: {}, inputs: { x, means }, ...sizes });
  return { means, variances };
}

function sumOverClips(backend: DeviceBackend, sums: TensorInfo): TensorInfo {
  const [rows = 0, columns = 0] = sums.shape;
  return { ...sumPlain(backend, sums, { batch: 1, rows, columns }), shape: [columns] };
}

function normalUniforms({ shape }: TensorInfo, eps: number) {
  const [, frames = 0, columns = 0] = shape;
  return { clip: u32(frames * columns), columns: u32(columns), eps: f32(eps) };
}

function sizesOf({ shape }: TensorInfo): RowSumSizes {
  const [batch = 0, rows = 0, columns = 0] = shape;
  return { batch, rows, columns };
}
