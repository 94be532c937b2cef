/**
 * Adafactor's step of one parameter, on WASM's memory, in double precision.
 *
 * Computes: with `g = grad min(1, maxGradNorm / (norm + 1e-6))` and the shares `b = squaresDecay` and `1 - b`:
 *   `rows' = b rows + (1 - b) mean over columns (g^2 + eps)`, `columns'` likewise over rows,
 *   `d = g / sqrt(rows' columns' / mean(rows'))`, of a vector `d = g / sqrt(rows')`,
 *   `u = rate d / max(1, rms(d) / clipThreshold)`, `mean' = beta1 mean + (1 - beta1) u`,
 *   `param' = param (1 - rate weightDecay) - (mean' or u)`, where `rate` is the learning rate, with `leastScale`
 *   times `max(leastScale, rms(param))`.
 * Buffers: `param`, `grad`, `mean` [..., R, C], `rows` [..., R], `columns` [..., C], `norm` scalar, read; the next ones, written.
 * Memory: three passes over the gradient; twice its bytes of a copy in double precision where no mean is kept.
 * Error: one rounding to float32; all sums are in double precision.
 * Reference: `test/reference/adafactor_step.ts`.
 *
 * It is plain code and no assembly: a step of a training takes many times as long, and a bundle, which does not train,
 * is spared the bytes.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { sizeOf, type WasmBackend } from "./_backend.ts";

/** The next `param`, `rows`, and `columns` and `mean` where they are there. */
export function adafactorStep(
  inputs: KernelInputs<"adafactorStep">,
  attrs: KernelAttrs<"adafactorStep">,
  backend: WasmBackend,
): TensorInfo[] {
  const { param, grad, norm, rows, columns, mean } = inputs;
  const kept = [param, rows, columns, mean].filter((tensor) => tensor !== undefined);
  const next = kept.map((tensor) => backend.output(tensor.shape));
  // Views come after the last allocation, which may move the memory.
  const view = (x: TensorInfo) => backend.floats(backend.address(x), sizeOf(x.shape));
  const views = next.map(view);
  const [nextParam, nextRows, ...others] = views;
  const nextColumns = columns && others.shift();
  const nextMean = mean && others.shift();
  kept.forEach((tensor, i) => views[i]!.set(view(tensor)));

  const slope = clipped(view(grad), view(norm)[0]!, attrs);
  const width = param.shape.at(-1) ?? 1;
  if (nextColumns) {
    const height = param.shape.at(-2)!;
    const matrices = { height, width };
    joinMatrices(slope, { rows: nextRows!, columns: nextColumns }, matrices, attrs);
    divideByFactors(slope, { rows: nextRows!, columns: nextColumns }, matrices);
  } else {
    joinSquares(slope, nextRows!, attrs);
    for (let i = 0; i < slope.length; i++) slope[i]! /= Math.sqrt(nextRows![i]!);
  }
  update(nextParam!, slope, nextMean, attrs);
  return next;
}

type Attrs = KernelAttrs<"adafactorStep">;
type Squares = { rows: Float32Array; columns: Float32Array };
type Size = { height: number; width: number };

function clipped(grad: Float32Array, norm: number, { maxGradNorm }: Attrs): Float64Array {
  const clip = maxGradNorm > 0 ? Math.min(1, maxGradNorm / (norm + 1e-6)) : 1;
  const slope = new Float64Array(grad.length);
  for (let i = 0; i < grad.length; i++) slope[i] = clip * grad[i]!;
  return slope;
}

function joinSquares(slope: Float64Array, squares: Float32Array, attrs: Attrs): void {
  const { squaresDecay, eps } = attrs;
  for (let i = 0; i < slope.length; i++) {
    squares[i] = squaresDecay * squares[i]! + (1 - squaresDecay) * (slope[i]! ** 2 + eps);
  }
}

/** The squares of each matrix, one after the other, to those of its rows and columns. */
function joinMatrices(
  slope: Float64Array,
  { rows, columns }: Squares,
  { height, width }: Size,
  { squaresDecay, eps }: Attrs,
): void {
  const fresh = 1 - squaresDecay;
  const sums = new Float64Array(width);
  for (let first = 0, i = 0; first < rows.length; first += height) {
    sums.fill(0);
    for (let row = first; row < first + height; row++) {
      let sum = 0;
      for (let column = 0; column < width; column++, i++) {
        const square = slope[i]! * slope[i]! + eps;
        sum += square;
        sums[column]! += square;
      }
      rows[row] = squaresDecay * rows[row]! + fresh * sum / width;
    }
    const at = first / height * width;
    for (let column = 0; column < width; column++) {
      const old = columns[at + column]!;
      columns[at + column] = squaresDecay * old + fresh * sums[column]! / height;
    }
  }
}

function divideByFactors(
  slope: Float64Array,
  { rows, columns }: Squares,
  { height, width }: Size,
): void {
  const factors = new Float64Array(width);
  for (let first = 0, i = 0; first < rows.length; first += height) {
    const at = first / height * width;
    for (let column = 0; column < width; column++) {
      factors[column] = 1 / Math.sqrt(columns[at + column]!);
    }
    let whole = 0;
    for (let row = first; row < first + height; row++) whole += rows[row]! / height;
    for (let row = first; row < first + height; row++) {
      const factor = Math.sqrt(whole / rows[row]!);
      for (let column = 0; column < width; column++, i++) slope[i]! *= factor * factors[column]!;
    }
  }
}

/** The parameter and the mean update, over their old values. */
function update(
  param: Float32Array,
  direction: Float64Array,
  mean: Float32Array | undefined,
  { learningRate, leastScale, clipThreshold, beta1, weightDecay }: Attrs,
): void {
  const scale = leastScale === undefined ? 1 : Math.max(leastScale, rms(param));
  const decay = 1 - weightDecay * learningRate * scale;
  const rate = learningRate * scale / Math.max(1, rms(direction) / clipThreshold);
  for (let i = 0; i < param.length; i++) {
    let change = rate * direction[i]!;
    if (mean) change = mean[i] = beta1 * mean[i]! + (1 - beta1) * change;
    param[i] = param[i]! * decay - change;
  }
}

function rms(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum / values.length);
}
