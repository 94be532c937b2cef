/**
 * Normalisation of each vector of the last axis, and its gradient.
 *
 * Computes: `y = n * gamma + beta` with `n = (x - mean) / sqrt(variance + eps)` of the row; with `s = dy * gamma`,
 * `dx = (s - mean(s) - n * mean(s * n)) / sqrt(variance + eps)`; `dgamma`, `dbeta` = sums over rows of `dy * n`, `dy`.
 * Buffers: x, dy, result [R, C]; gamma, beta [C]; moments [R, 2] (mean, 1 / deviation); f32, all but result read.
 * Grid: one workgroup per row (`_rows.ts`); `dgamma` and `dbeta` as in `_row_sum.ts`.
 * Memory: one number per thread; a row is read three times, the mean taken out before squares are summed.
 * Error: 1e-6 of the largest |y|; for gradients that of a row sum.
 * Reference: test/reference/layer_norm.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { NormAttrs } from "../../kernels.ts";
import { f32, kernel, type Program, release, sizeOf } from "./_program.ts";
import { rowSum, sumPlain, sumRows } from "./_row_sum.ts";
import { eachColumn, type RowConfig, rowsText, runRows } from "./_rows.ts";

type NormInputs = Record<"x" | "gamma" | "beta" | "dy", TensorInfo>;

/** Leaves `mean` and `scale`, one over the deviation, of the row. */
const MOMENTS_TEXT = `
      var sum = 0.0;
      ${eachColumn("sum += x[start + column];")}
      let mean = sumWorkgroup(sum) / f32(uniforms.columns);
      var squares = 0.0;
      ${
  eachColumn(`
        let deviation = x[start + column] - mean;
        squares += deviation * deviation;`)
}
      let scale = 1.0 / sqrt(sumWorkgroup(squares) / f32(uniforms.columns) + uniforms.eps);`;

const FORWARD: Program<RowConfig> = {
  name: "LayerNorm",
  source: (config) =>
    rowsText(
      config,
      `
      ${MOMENTS_TEXT}
      ${
        eachColumn(`
        if (inside) {
          let normal = (x[start + column] - mean) * scale;
          result[start + column] = normal * gamma[column] + beta[column];
        }`)
      }`,
    ),
};

const MOMENTS: Program<RowConfig> = {
  name: "LayerNormMoments",
  source: (config) =>
    rowsText(
      config,
      `
      ${MOMENTS_TEXT}
      if (inside && localIndex == 0u) {
        result[2u * row] = mean;
        result[2u * row + 1u] = scale;
      }`,
    ),
};

const INPUT_GRADIENT: Program<RowConfig> = {
  name: "LayerNormGradInput",
  source: (config) =>
    rowsText(
      config,
      `
      let mean = moments[2u * row];
      let scale = moments[2u * row + 1u];
      var slopes = 0.0;
      var slopesAlong = 0.0;
      ${
        eachColumn(`
        let slope = dy[start + column] * gamma[column];
        slopes += slope;
        slopesAlong += slope * (x[start + column] - mean) * scale;`)
      }
      let slopeMean = sumWorkgroup(slopes) / f32(uniforms.columns);
      let alongMean = sumWorkgroup(slopesAlong) / f32(uniforms.columns);
      ${
        eachColumn(`
        if (inside) {
          let normal = (x[start + column] - mean) * scale;
          let slope = dy[start + column] * gamma[column];
          result[start + column] = scale * (slope - slopeMean - normal * alongMean);
        }`)
      }`,
    ),
};

const GAMMA_GRADIENT: Program<Record<never, never>> = {
  name: "LayerNormGradGamma",
  source: () => rowSum("dy[i] * (x[i] - moments[2u * row]) * moments[2u * row + 1u]"),
};

/** `EarshotLayerNorm` and its gradient. */
export const layerNormKernels: KernelConfig[] = [
  kernel<NormAttrs>("EarshotLayerNorm", (backend, inputs, { eps }) => {
    const { x, gamma, beta } = inputs as NormInputs;
    return runRows(backend, FORWARD, {
      ...rowsOf(x),
      inputs: { x, gamma, beta },
      uniforms: { eps: f32(eps) },
      shape: x.shape,
    });
  }),
  kernel<NormAttrs>("EarshotLayerNormGrad", (backend, inputs, { eps }) => {
    const { x, gamma, dy } = inputs as NormInputs;
    const { rows, columns } = rowsOf(x);
    const moments = runRows(backend, MOMENTS, {
      rows,
      columns,
      inputs: { x },
      uniforms: { eps: f32(eps) },
      shape: [rows, 2],
    });
    const dx = runRows(backend, INPUT_GRADIENT, {
      rows,
      columns,
      inputs: { x, gamma, dy, moments },
      shape: x.shape,
    });
    const sizes = { batch: 1, rows, columns };
    const dgamma = sumRows(backend, GAMMA_GRADIENT, {
      config: {},
      inputs: { x, dy, moments },
      ...sizes,
    });
    const dbeta = sumPlain(backend, dy, sizes);
    release(backend, moments);
    return [dx, { ...dgamma, shape: [columns] }, { ...dbeta, shape: [columns] }];
  }),
];

function rowsOf({ shape }: TensorInfo): { rows: number; columns: number } {
  const columns = shape.at(-1)!;
  return { rows: sizeOf(shape) / columns, columns };
}
