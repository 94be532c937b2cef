/**
 * Affine map of the last axis, and the gradients by its input and its weight.
 *
 * Computes: `y = activation(x weight^T + bias) + residual`; `dx = dy weight`; `dweight = dy^T x`.
 * Buffers: x, dx [R, I]; y, dy, residual [R, O]; weight, dweight [O, I]; bias [O];
 * partial sums [splits, O, I]; f32, the inputs read.
 * Grid and Memory: as in `_gemm.ts`; `dweight`, whose inner axis is all rows, is split where tiles are few.
 * Error: 1e-6 of the sum of magnitudes.
 * Reference: test/reference/linear.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { Activation, LinearAttrs } from "../../kernels.ts";
import { gemmText, planGemm, runGemm } from "./_gemm.ts";
import { kernel, type Program, release, sizeOf } from "./_program.ts";
import { sumPlain } from "./_row_sum.ts";
import { activationText } from "./_wgsl.ts";

type LinearInputs = Record<"x" | "weight" | "dy", TensorInfo>;
type ForwardConfig = { tile: number; bias: boolean; residual: boolean; activation: Activation };

const FORWARD: Program<ForwardConfig> = {
  name: "Linear",
  source: ({ tile, bias, residual, activation }) =>
    gemmText(tile, {
      runA: "inner",
      runB: "inner",
      functions: `
    ${activationText(activation)}
    fn readA(row: u32, inner: u32, plane: u32) -> f32 { return x[row * uniforms.inner + inner]; }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      return weight[column * uniforms.inner + inner];
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      let at = row * uniforms.columns + column;
      result[at] = activate(sum${bias ? " + bias[column]" : ""})${
        residual ? " + residual[at]" : ""
      };
    }`,
    }),
};

const INPUT_GRADIENT: Program<{ tile: number }> = {
  name: "LinearGradInput",
  source: ({ tile }) =>
    gemmText(tile, {
      runA: "inner",
      runB: "column",
      functions: `
    fn readA(row: u32, inner: u32, plane: u32) -> f32 { return dy[row * uniforms.inner + inner]; }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      return weight[inner * uniforms.columns + column];
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      result[row * uniforms.columns + column] = sum;
    }`,
    }),
};

const WEIGHT_GRADIENT: Program<{ tile: number }> = {
  name: "LinearGradWeight",
  source: ({ tile }) =>
    gemmText(tile, {
      runA: "row",
      runB: "column",
      functions: `
    fn readA(row: u32, inner: u32, plane: u32) -> f32 { return dy[inner * uniforms.rows + row]; }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      return x[inner * uniforms.columns + column];
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      result[(split * uniforms.rows + row) * uniforms.columns + column] = sum;
    }`,
    }),
};

/** `EarshotLinear` and its gradients. */
export const linearKernels: KernelConfig[] = [
  kernel<LinearAttrs>("EarshotLinear", (backend, inputs, { activation }) => {
    const { x, weight, bias, residual } = inputs;
    const [outputs, width] = weight!.shape as [number, number];
    const plan = planGemm({ rows: sizeOf(x!.shape) / width, columns: outputs, inner: width });
    return runGemm(backend, FORWARD, plan, {
      config: { tile: plan.tile, bias: !!bias, residual: !!residual, activation },
      inputs: { x: x!, weight: weight!, ...(bias && { bias }), ...(residual && { residual }) },
      uniforms: {},
      shape: [...x!.shape.slice(0, -1), outputs],
    });
  }),
  kernel("EarshotLinearGradInput", (backend, inputs) => {
    const { dy, weight } = inputs as LinearInputs;
    const [outputs, width] = weight.shape as [number, number];
    const plan = planGemm({ rows: sizeOf(dy.shape) / outputs, columns: width, inner: outputs });
    return runGemm(backend, INPUT_GRADIENT, plan, {
      config: { tile: plan.tile },
      inputs: { dy, weight },
      uniforms: {},
      shape: [...dy.shape.slice(0, -1), width],
    });
  }),
  kernel("EarshotLinearGradWeight", (backend, inputs) => {
    const { x, dy } = inputs as LinearInputs;
    const [outputs, width] = [dy.shape.at(-1)!, x.shape.at(-1)!];
    const sizes = { rows: outputs, columns: width, inner: sizeOf(x.shape) / width };
    const plan = planGemm(sizes, { split: true });
    const parts = runGemm(backend, WEIGHT_GRADIENT, plan, {
      config: { tile: plan.tile },
      inputs: { x, dy },
      uniforms: {},
      shape: [plan.splits, outputs, width],
    });
    const shape = [outputs, width];
    if (plan.splits === 1) return { ...parts, shape };
    const sum = sumPlain(backend, parts, {
      batch: 1,
      rows: plan.splits,
      columns: outputs * width,
    });
    release(backend, parts);
    return { ...sum, shape };
  }),
];
