/**
 * Adafactor's step of one parameter, in several runs.
 *
 * Computes: with `g = grad min(1, maxGradNorm / (norm + 1e-6))` and the shares `b = squaresDecay` and `1 - b`:
 * `rows' = b rows + (1 - b) mean over columns (g^2 + eps)`, `columns'` likewise over rows,
 * `d = g / sqrt(rows' columns' / mean(rows'))`, of a vector `d = g / sqrt(rows')`,
 * `u = rate d / max(1, rms(d) / clipThreshold)`, `mean' = beta1 mean + (1 - beta1) u`,
 * `param' = param (1 - rate weightDecay) - (mean' or u)`, where `rate` is the learning rate, with `leastScale` times
 * `max(leastScale, rms(param))`.
 * Buffers: param, grad, mean [..., R, C], rows [..., R], columns [..., C], norm scalar, read; the next ones, written; f32.
 * Grid: rows as in `_rows.ts`, columns as in `_row_sum.ts`, root mean squares as in `global_norm.ts`, else one thread for
 * each element.
 * Memory: the gradient is read three times; `d` is one tensor more of its size.
 * Error: 1e-5 of the step.
 * Reference: test/reference/adafactor_step.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { f32, type Program, release, sizeOf, u32, type Uniform } from "./_program.ts";
import { rowSum, type RowSumSizes, sumPlain, sumRows } from "./_row_sum.ts";
import { eachColumn, type RowConfig, rowsText, runRows } from "./_rows.ts";
import { globalNorm } from "./global_norm.ts";

type Attrs = KernelAttrs<"adafactorStep">;

/** A function of the text: the square of a gradient's element, clipped. */
const SQUARE = `
    fn square(i: u32) -> f32 {
      let share = min(1.0, uniforms.maxGradNorm / (norm[0] + 1.0e-6));
      let slope = grad[i] * select(1.0, share, uniforms.maxGradNorm > 0.0);
      return slope * slope + uniforms.eps;
    }`;

const ROWS: Program<RowConfig> = {
  name: "AdafactorRows",
  source: (config) =>
    rowsText(
      config,
      `var sum = 0.0;
      ${eachColumn("sum += square(start + column);")}
      sum = sumWorkgroup(sum);
      if (inside && localIndex == 0u) {
        result[row] = uniforms.kept * rows[row] + uniforms.fresh * sum / f32(uniforms.columns);
      }`,
      SQUARE,
    ),
};

const COLUMN_SUMS: Program<Record<never, never>> = {
  name: "AdafactorColumnSums",
  source: () => `${SQUARE}\n${rowSum("square(i)")}`,
};

const COLUMNS: Program<Record<never, never>> = {
  name: "AdafactorColumns",
  source: () => elements("uniforms.kept * columns[i] + uniforms.fresh * sums[i] / uniforms.height"),
};

const SQUARES: Program<Record<never, never>> = {
  name: "AdafactorSquares",
  source: () => elements("uniforms.kept * rows[i] + uniforms.fresh * square(i)", SQUARE),
};

const CLIP = `
    fn slope(i: u32) -> f32 {
      let share = min(1.0, uniforms.maxGradNorm / (norm[0] + 1.0e-6));
      return grad[i] * select(1.0, share, uniforms.maxGradNorm > 0.0);
    }`;

const VECTOR_DIRECTION: Program<Record<never, never>> = {
  name: "AdafactorVectorDirection",
  source: () => elements("slope(i) / sqrt(rows[i])", CLIP),
};

const DIRECTION: Program<Record<never, never>> = {
  name: "AdafactorDirection",
  source: () =>
    elements(
      "direction(i, i / uniforms.width)",
      `${CLIP}
    fn direction(i: u32, row: u32) -> f32 {
      let matrix = row / uniforms.height;
      let whole = rowTotals[matrix] / f32(uniforms.height);
      let column = columns[matrix * uniforms.width + i % uniforms.width];
      // One after the other: the product of two small squares would vanish.
      return slope(i) / sqrt(rows[row] / whole) / sqrt(column);
    }`,
    ),
};

/** Functions of the text: the rate with its scale, and what an update is multiplied by. */
const RATES = `
    fn rate() -> f32 {
      let rms = paramNorm[0] / sqrt(f32(uniforms.elements));
      return uniforms.learningRate * select(1.0, max(uniforms.leastScale, rms), uniforms.scaled > 0.0);
    }
    fn updateRate() -> f32 {
      let rms = directionNorm[0] / sqrt(f32(uniforms.elements));
      return rate() / max(1.0, rms / uniforms.clipThreshold);
    }`;

const MEAN: Program<Record<never, never>> = {
  name: "AdafactorMean",
  source: () =>
    elements("uniforms.beta1 * mean[i] + uniforms.rest1 * updateRate() * direction[i]", RATES),
};

/** `change` is the mean update, or the direction of this one. */
const PARAM: Program<{ keepsMean: boolean }> = {
  name: "AdafactorParam",
  source: ({ keepsMean }) => {
    const step = keepsMean ? "change[i]" : "updateRate() * change[i]";
    return elements(`param[i] * (1.0 - uniforms.weightDecay * rate()) - ${step}`, RATES);
  },
};

/** -> the next `param`, `rows`, and `columns` and `mean` where they are there */
export function adafactorStep(
  { columns, ...inputs }: KernelInputs<"adafactorStep">,
  attrs: Attrs,
  backend: DeviceBackend,
): TensorInfo[] {
  const { squares, direction } = columns
    ? matrixDirection(backend, { ...inputs, columns }, attrs)
    : vectorDirection(backend, inputs, attrs);
  const { param, mean } = applied(backend, inputs, direction, attrs);
  return [param, ...squares, ...mean ? [mean] : []];
}

/** The next squares, and where the parameter goes by them. */
interface Direction {
  squares: TensorInfo[];
  direction: TensorInfo;
}

function vectorDirection(
  backend: DeviceBackend,
  { grad, norm, rows }: KernelInputs<"adafactorStep">,
  attrs: Attrs,
): Direction {
  const { shape } = grad;
  const squares = runElements(backend, SQUARES, {
    config: {},
    inputs: { grad, norm, rows },
    uniforms: squareUniforms(attrs),
    shape,
  });
  const direction = runElements(backend, VECTOR_DIRECTION, {
    config: {},
    inputs: { grad, norm, rows: squares },
    uniforms: { maxGradNorm: f32(attrs.maxGradNorm) },
    shape,
  });
  return { squares: [squares], direction };
}

function matrixDirection(
  backend: DeviceBackend,
  inputs: KernelInputs<"adafactorStep"> & { columns: TensorInfo },
  attrs: Attrs,
): Direction {
  const { grad, norm } = inputs;
  const size = sizesOf(grad);
  const { rows, columns } = matrixSquares(backend, inputs, size, attrs);
  const { batch, rows: height, columns: width } = size;
  const rowTotals = sumPlain(backend, rows, { batch, rows: height, columns: 1 });
  const direction = runElements(backend, DIRECTION, {
    config: {},
    inputs: { grad, norm, rows, columns, rowTotals },
    uniforms: { maxGradNorm: f32(attrs.maxGradNorm), height: u32(height), width: u32(width) },
    shape: grad.shape,
  });
  release(backend, rowTotals);
  return { squares: [rows, columns], direction };
}

function matrixSquares(
  backend: DeviceBackend,
  { grad, norm, rows, columns }: KernelInputs<"adafactorStep"> & { columns: TensorInfo },
  size: RowSumSizes,
  attrs: Attrs,
): { rows: TensorInfo; columns: TensorInfo } {
  const { kept, fresh, eps, maxGradNorm } = squareUniforms(attrs);
  const nextRows = runRows(backend, ROWS, {
    inputs: { grad, norm, rows },
    rows: size.batch * size.rows,
    columns: size.columns,
    uniforms: { kept, fresh, eps, maxGradNorm },
    shape: rows.shape,
  });
  const sums = sumRows(backend, COLUMN_SUMS, {
    config: {},
    inputs: { grad, norm },
    uniforms: { eps, maxGradNorm },
    ...size,
  });
  const nextColumns = runElements(backend, COLUMNS, {
    config: {},
    inputs: { columns, sums },
    uniforms: { kept, fresh, height: f32(size.rows) },
    shape: columns.shape,
  });
  release(backend, sums);
  return { rows: nextRows, columns: nextColumns };
}

/** The next parameter and mean; gives up the direction. */
function applied(
  backend: DeviceBackend,
  { param, mean }: KernelInputs<"adafactorStep">,
  direction: TensorInfo,
  attrs: Attrs,
): { param: TensorInfo; mean?: TensorInfo } {
  const norms = {
    paramNorm: globalNorm([param], {}, backend),
    directionNorm: globalNorm([direction], {}, backend),
  };
  const { shape } = param;
  const rates = rateUniforms(attrs);
  const nextMean = mean && runElements(backend, MEAN, {
    config: {},
    inputs: { mean, direction, ...norms },
    uniforms: { ...rates, beta1: f32(attrs.beta1), rest1: f32(1 - attrs.beta1) },
    shape,
  });
  const nextParam = runElements(backend, PARAM, {
    config: { keepsMean: nextMean !== undefined },
    inputs: { param, change: nextMean ?? direction, ...norms },
    uniforms: { ...rates, weightDecay: f32(attrs.weightDecay) },
    shape,
  });
  release(backend, direction, ...Object.values(norms));
  return { param: nextParam, mean: nextMean };
}

function squareUniforms(
  { squaresDecay, eps, maxGradNorm }: Attrs,
): Record<"kept" | "fresh" | "eps" | "maxGradNorm", Uniform> {
  return {
    kept: f32(squaresDecay),
    fresh: f32(1 - squaresDecay),
    eps: f32(eps),
    maxGradNorm: f32(maxGradNorm),
  };
}

function rateUniforms({ learningRate, leastScale, clipThreshold }: Attrs): Record<string, Uniform> {
  return {
    learningRate: f32(learningRate),
    leastScale: f32(leastScale ?? 0),
    scaled: f32(leastScale === undefined ? 0 : 1),
    clipThreshold: f32(clipThreshold),
  };
}

/** Matrices of the last two axes, one for each place in those before. */
function sizesOf({ shape }: TensorInfo): RowSumSizes {
  const [rows = 1, columns = 1] = shape.slice(-2);
  return { batch: sizeOf(shape.slice(0, -2)), rows, columns };
}
