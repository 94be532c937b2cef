/**
 * Weight normalisation of a convolution per kernel tap, and its gradient.
 *
 * Computes: `w = g * v / |v|` with `|v|` over outputs and inputs of one tap; with `p = sum of dy * v`,
 * `dg = p / |v|` and `dv = g / |v| * (dy - v * p / |v|^2)`.
 * Buffers: v, dy, result [O, I, K]; g, squares, products [1, 1, K]; f32, all but result read.
 * Grid: sums as in `_row_sum.ts`; then one thread per element.
 * Memory: as in `_row_sum.ts`; v is read twice.
 * Error: 1e-6 of the largest value.
 * Reference: test/reference/weight_norm.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, release, u32 } from "./_program.ts";
import { rowSum, type RowSumSizes, sumRows } from "./_row_sum.ts";

const SQUARES: Program<Record<never, never>> = {
  name: "WeightNormSquares",
  source: () => rowSum("v[i] * v[i]"),
};

const PRODUCTS: Program<Record<never, never>> = {
  name: "WeightNormProducts",
  source: () => rowSum("v[i] * dy[i]"),
};

const FORWARD: Program<Record<never, never>> = {
  name: "WeightNorm",
  source: () => elements("g[i % uniforms.width] * v[i] / sqrt(squares[i % uniforms.width])"),
};

const GAIN_GRADIENT: Program<Record<never, never>> = {
  name: "WeightNormGradGain",
  source: () => elements("products[i] / sqrt(squares[i])"),
};

const DIRECTION_GRADIENT: Program<Record<never, never>> = {
  name: "WeightNormGradDirection",
  source: () =>
    elements(
      "directionGradient(i, i % uniforms.width)",
      `
    fn directionGradient(i: u32, tap: u32) -> f32 {
      let across = dy[i] - v[i] * products[tap] / squares[tap];
      return g[tap] / sqrt(squares[tap]) * across;
    }`,
    ),
};

/** `g v / |v|`. */
export function weightNorm(
  { g, v }: KernelInputs<"weightNorm">,
  _attrs: KernelAttrs<"weightNorm">,
  backend: DeviceBackend,
): TensorInfo {
  const squares = sumRows(backend, SQUARES, { config: {}, inputs: { v }, ...sizesOf(v) });
  const weight = runElements(backend, FORWARD, {
    config: {},
    inputs: { g, v, squares },
    uniforms: { width: u32(v.shape[2]!) },
    shape: v.shape,
  });
  release(backend, squares);
  return weight;
}

/** -> `dg`, `dv` */
export function weightNormGrad(
  { g, v, dy }: KernelInputs<"weightNormGrad">,
  _attrs: KernelAttrs<"weightNormGrad">,
  backend: DeviceBackend,
): KernelOutputs<"weightNormGrad"> {
  const squares = sumRows(backend, SQUARES, { config: {}, inputs: { v }, ...sizesOf(v) });
  const products = sumRows(backend, PRODUCTS, { config: {}, inputs: { v, dy }, ...sizesOf(v) });
  const dg = runElements(backend, GAIN_GRADIENT, {
    config: {},
    inputs: { products, squares },
    shape: g.shape,
  });
  const dv = runElements(backend, DIRECTION_GRADIENT, {
    config: {},
    inputs: { g, v, dy, squares, products },
    uniforms: { width: u32(v.shape[2]!) },
    shape: v.shape,
  });
  release(backend, squares, products);
  return [dg, dv];
}

/** One column per tap, one row per pair of output and input. */
function sizesOf({ shape }: TensorInfo): RowSumSizes {
  const [outputs = 0, inputs = 0, width = 0] = shape;
  return { batch: 1, rows: outputs * inputs, columns: width };
}
