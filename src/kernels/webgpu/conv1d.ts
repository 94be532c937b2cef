/**
 * Convolution over time as an implicit matrix product, and the gradients by its input and its weight.
 *
 * Computes: `y[b, s, o] = activation(bias[o] + sum over k, c of x[b, s * stride + k - padLeft, c] * weight[o, c, k])`
 * per group; `dx`, `dweight` = the same products summed over (k, o) and over (b, s).
 * Buffers: x, dx [B, T, C]; y, dy [B, S, O]; weight, dweight [O, C / G, K]; bias [O];
 * partial sums [splits, O, C / G, K]; f32, the inputs read.
 * Grid and Memory: as in `_gemm.ts`, without an unfolded copy of x. Rows are the frames, planes the groups. For
 * `dx` a plane is a group and a phase, the frames that lie alike on the stride: no tap is multiplied in vain.
 * Error: 1e-6 of the sum of magnitudes.
 * Reference: test/reference/conv1d.ts
 *
 * @module
 */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { Activation, Conv1dAttrs } from "../../kernels.ts";
import { gemmText, planGemm, runGemm } from "./_gemm.ts";
import { kernel, type Program, release, u32, type Uniform } from "./_program.ts";
import { sumPlain } from "./_row_sum.ts";
import { activationText } from "./_wgsl.ts";

type ConvInputs = Record<"x" | "weight" | "dy", TensorInfo>;

/** All lengths that the three products need. */
interface ConvSizes {
  batch: number;
  frames: number;
  steps: number;
  groups: number;
  /** Channels and outputs of one group. */
  groupChannels: number;
  groupOutputs: number;
  width: number;
  stride: number;
  padLeft: number;
}

/** Positions in the tensors; a frame or step outside of them reads as 0. */
const POSITIONS = `
    fn atX(batch: u32, frame: i32, channel: u32, group: u32) -> u32 {
      let row = batch * uniforms.frames + u32(frame);
      return (row * uniforms.groups + group) * uniforms.groupChannels + channel;
    }
    fn atY(row: u32, output: u32, group: u32) -> u32 {
      return (row * uniforms.groups + group) * uniforms.groupOutputs + output;
    }
    fn atWeight(output: u32, channel: u32, tap: u32, group: u32) -> u32 {
      let row = (group * uniforms.groupOutputs + output) * uniforms.groupChannels + channel;
      return row * uniforms.width + tap;
    }`;

const READ_X = `
    fn readX(batch: u32, step: u32, tap: u32, channel: u32, group: u32) -> f32 {
      let frame = i32(step * uniforms.stride + tap) - i32(uniforms.padLeft);
      if (frame < 0 || frame >= i32(uniforms.frames)) { return 0.0; }
      return x[atX(batch, frame, channel, group)];
    }`;

type ForwardConfig = { tile: number; bias: boolean; activation: Activation };

/** Rows (batch, step), columns outputs, inner (tap, channel). */
const FORWARD: Program<ForwardConfig> = {
  name: "Conv1d",
  source: ({ tile, bias, activation }) =>
    gemmText(tile, {
      runA: "inner",
      runB: "inner",
      functions: `
    ${POSITIONS}
    ${READ_X}
    ${activationText(activation)}
    fn readA(row: u32, inner: u32, plane: u32) -> f32 {
      let tap = inner / uniforms.groupChannels;
      let channel = inner % uniforms.groupChannels;
      return readX(row / uniforms.steps, row % uniforms.steps, tap, channel, plane);
    }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      let tap = inner / uniforms.groupChannels;
      return weight[atWeight(column, inner % uniforms.groupChannels, tap, plane)];
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      let output = plane * uniforms.groupOutputs + column;
      result[atY(row, column, plane)] = activate(sum${bias ? " + bias[output]" : ""});
    }`,
    }),
};

/**
 * Rows (batch, span), columns channels, inner (turn, output), planes (group, phase): frame
 * `span * stride + phase - padLeft` meets tap `turn * stride + phase` in step `span - turn`.
 */
const INPUT_GRADIENT: Program<{ tile: number }> = {
  name: "Conv1dGradInput",
  source: ({ tile }) =>
    gemmText(tile, {
      runA: "inner",
      runB: "inner",
      functions: `
    ${POSITIONS}
    fn readA(row: u32, inner: u32, plane: u32) -> f32 {
      let turn = inner / uniforms.groupOutputs;
      let span = row % uniforms.spans;
      if (span < turn || span - turn >= uniforms.steps) { return 0.0; }
      let step = row / uniforms.spans * uniforms.steps + span - turn;
      return dy[atY(step, inner % uniforms.groupOutputs, plane / uniforms.stride)];
    }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      let turn = inner / uniforms.groupOutputs;
      let tap = turn * uniforms.stride + plane % uniforms.stride;
      if (tap >= uniforms.width) { return 0.0; }
      let output = inner % uniforms.groupOutputs;
      return weight[atWeight(output, column, tap, plane / uniforms.stride)];
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      let span = row % uniforms.spans;
      let frame = i32(span * uniforms.stride + plane % uniforms.stride) - i32(uniforms.padLeft);
      if (frame < 0 || frame >= i32(uniforms.frames)) { return; }
      result[atX(row / uniforms.spans, frame, column, plane / uniforms.stride)] = sum;
    }`,
    }),
};

/** Rows outputs, columns (tap, channel), inner (batch, step). */
const WEIGHT_GRADIENT: Program<{ tile: number }> = {
  name: "Conv1dGradWeight",
  source: ({ tile }) =>
    gemmText(tile, {
      runA: "row",
      runB: "column",
      functions: `
    ${POSITIONS}
    ${READ_X}
    fn readA(row: u32, inner: u32, plane: u32) -> f32 { return dy[atY(inner, row, plane)]; }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      let tap = column / uniforms.groupChannels;
      let channel = column % uniforms.groupChannels;
      return readX(inner / uniforms.steps, inner % uniforms.steps, tap, channel, plane);
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      let part = uniforms.groups * uniforms.rows * uniforms.columns;
      let tap = column / uniforms.groupChannels;
      let channel = column % uniforms.groupChannels;
      result[split * part + atWeight(row, channel, tap, plane)] = sum;
    }`,
    }),
};

/** `EarshotConv1d` and its gradients. */
export const conv1dKernels: KernelConfig[] = [
  kernel<Conv1dAttrs>("EarshotConv1d", (backend, { x, weight, bias }, attrs) => {
    const [batch, frames] = x!.shape as [number, number];
    const padded = frames + attrs.padLeft + attrs.padRight;
    const steps = Math.floor((padded - weight!.shape[2]!) / attrs.stride) + 1;
    const sizes = sizesOf({ batch, frames, steps }, weight!.shape, attrs);
    const plan = planGemm({
      rows: batch * steps,
      columns: sizes.groupOutputs,
      inner: sizes.groupChannels * sizes.width,
      planes: sizes.groups,
    });
    return runGemm(backend, FORWARD, plan, {
      config: { tile: plan.tile, bias: !!bias, activation: attrs.activation },
      inputs: { x: x!, weight: weight!, ...(bias && { bias }) },
      uniforms: uniformsOf(sizes),
      shape: [batch, steps, weight!.shape[0]!],
    });
  }),
  kernel<Conv1dAttrs & { frames: number }>("EarshotConv1dGradInput", (backend, inputs, attrs) => {
    const { dy, weight } = inputs as ConvInputs;
    const [batch, steps] = dy.shape as [number, number];
    const { frames } = attrs;
    const sizes = sizesOf({ batch, frames, steps }, weight.shape, attrs);
    const spans = Math.ceil((frames + sizes.padLeft) / sizes.stride);
    const plan = planGemm({
      rows: batch * spans,
      columns: sizes.groupChannels,
      inner: Math.ceil(sizes.width / sizes.stride) * sizes.groupOutputs,
      planes: sizes.groups * sizes.stride,
    });
    return runGemm(backend, INPUT_GRADIENT, plan, {
      config: { tile: plan.tile },
      inputs: { dy, weight },
      uniforms: { ...uniformsOf(sizes), spans: u32(spans) },
      shape: [batch, frames, sizes.groups * sizes.groupChannels],
    });
  }),
  kernel<Conv1dAttrs & { width: number }>("EarshotConv1dGradWeight", (backend, inputs, attrs) => {
    const { x, dy } = inputs as ConvInputs;
    const [batch, frames, channels] = x.shape as [number, number, number];
    const [, steps, outputs] = dy.shape as [number, number, number];
    const shape = [outputs, channels / attrs.groups, attrs.width];
    const sizes = sizesOf({ batch, frames, steps }, shape, attrs);
    const plan = planGemm({
      rows: sizes.groupOutputs,
      columns: sizes.groupChannels * sizes.width,
      inner: batch * steps,
      planes: sizes.groups,
    }, { split: true });
    const parts = runGemm(backend, WEIGHT_GRADIENT, plan, {
      config: { tile: plan.tile },
      inputs: { x, dy },
      uniforms: uniformsOf(sizes),
      shape: [plan.splits, ...shape],
    });
    if (plan.splits === 1) return { ...parts, shape };
    const columns = outputs * sizes.groupChannels * sizes.width;
    const sum = sumPlain(backend, parts, { batch: 1, rows: plan.splits, columns });
    release(backend, parts);
    return { ...sum, shape };
  }),
];

function sizesOf(
  time: Pick<ConvSizes, "batch" | "frames" | "steps">,
  weightShape: readonly number[],
  { stride, groups, padLeft }: Conv1dAttrs,
): ConvSizes {
  const [outputs, groupChannels, width] = weightShape as [number, number, number];
  return { ...time, groups, groupChannels, groupOutputs: outputs / groups, width, stride, padLeft };
}

function uniformsOf(sizes: ConvSizes): Record<string, Uniform> {
  return Object.fromEntries(Object.entries(sizes).map(([name, value]) => [name, u32(value)]));
}
