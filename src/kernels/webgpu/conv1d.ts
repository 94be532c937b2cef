/**
 * Convolution over time as an implicit matrix product, and the gradients by its input and its weight.
 *
 * Computes: `y[b, s, o] = activation(bias[o] + sum over k, c of x[b, s * stride + k - padLeft, c] * weight[o, c, k])`
 * per group; `dx`, `dweight` = the same products summed over (k, o) and over (b, s).
 * Buffers: x, dx [B, T, C]; y, dy [B, S, O]; weight, dweight [O, C / G, K]; bias [O];
 * partial sums [splits, O, C / G, K]; f32, the inputs read; a packed weight forward f16 [O, K, C / G], as in
 * `_weights.ts`.
 * Grid and Memory: as in `_gemm.ts`, without an unfolded copy of x. Rows are the frames, planes the groups. For
 * `dx` a plane is a group and a phase, the frames that lie alike on the stride: no tap is multiplied in vain.
 * Error: 1e-6 of the sum of magnitudes; with the weight in f16, 5e-4 of it.
 * Reference: test/reference/conv1d.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Activation, Conv1dAttrs, KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { type GemmOperand, gemmText, planGemm, runGemm, type TileName } from "./_gemm.ts";
import { isHalf } from "./_weights.ts";
import { type Program, release, u32, type Uniform } from "./_program.ts";
import { sumPlain } from "./_row_sum.ts";
import { activationText } from "./activation.ts";

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

/** What the texts depend on: whether the channels, and the outputs, of a group are multiples of four. */
type ConvConfig = { tile: TileName; f16: boolean; wideX: boolean; wideY: boolean };
type ForwardConfig = ConvConfig & { half: boolean; bias: boolean; activation: Activation };

/** `readX(batch, step, tap, channel, group)`: one number, or four channels. */
function readXText(wide: boolean): string {
  const at = "atX(batch, frame, channel, group)";
  return `
    fn readX(batch: u32, step: u32, tap: u32, channel: u32, group: u32) -> ${typeOf(wide)} {
      let frame = i32(step * uniforms.stride + tap) - i32(uniforms.padLeft);
      if (frame < 0 || frame >= i32(uniforms.frames)) { return ${typeOf(wide)}(); }
      return x[${placeOf(wide, at)}];
    }`;
}

function typeOf(wide: boolean): string {
  return wide ? "vec4<f32>" : "f32";
}

function placeOf(wide: boolean, at: string): string {
  return wide ? `${at} / 4u` : at;
}

function operandOf(wide: boolean, run: GemmOperand["run"], read: string): GemmOperand {
  return wide ? { run, quad: read } : { run, element: read };
}

/** B of the forward pass from a weight in f16, which lies in the order of the inner axis. */
function halfWeight(wide: boolean): GemmOperand {
  const at = "((plane * uniforms.groupOutputs + outer) * uniforms.inner + inner)";
  return { half: true, ...operandOf(wide, "inner", `weight[${placeOf(wide, at)}]`) };
}

/** Rows (batch, step), columns outputs, inner (tap, channel). */
const FORWARD: Program<ForwardConfig> = {
  name: "Conv1d",
  source: ({ tile, f16, half, wideX, wideY, bias, activation }) => {
    const biased = bias ? ` + bias[${placeOf(wideY, "output")}]` : "";
    const channels = "inner / uniforms.groupChannels, inner % uniforms.groupChannels, plane";
    return gemmText(tile, {
      f16,
      a: operandOf(
        wideX,
        "inner",
        `readX(outer / uniforms.steps, outer % uniforms.steps, ${channels})`,
      ),
      b: half ? halfWeight(wideX) : {
        run: "inner",
        element:
          "weight[atWeight(outer, inner % uniforms.groupChannels, inner / uniforms.groupChannels, plane)]",
      },
      store: wideY ? "quad" : "element",
      functions: `
    ${POSITIONS}
    ${readXText(wideX)}
    ${activationText(activation)}
    fn store${wideY ? "Quad" : ""}(
      row: u32, column: u32, plane: u32, split: u32, product: ${typeOf(wideY)},
    ) {
      let output = plane * uniforms.groupOutputs + column;
      let sum = product${biased};
      result[${placeOf(wideY, "atY(row, column, plane)")}] = ${
        wideY
          ? "vec4<f32>(activate(sum[0]), activate(sum[1]), activate(sum[2]), activate(sum[3]))"
          : "activate(sum)"
      };
    }`,
    });
  },
};

/**
 * Rows (batch, span), columns channels, inner (turn, output), planes (group, phase): frame
 * `span * stride + phase - padLeft` meets tap `turn * stride + phase` in step `span - turn`.
 */
const INPUT_GRADIENT: Program<ConvConfig> = {
  name: "Conv1dGradInput",
  source: ({ tile, f16, wideX, wideY }) =>
    gemmText(tile, {
      f16,
      a: operandOf(wideY, "inner", "slopeAt(outer, inner, plane)"),
      b: { run: "inner", element: "weightAt(inner, outer, plane)" },
      store: wideX ? "quad" : "element",
      functions: `
    ${POSITIONS}
    fn slopeAt(row: u32, inner: u32, plane: u32) -> ${typeOf(wideY)} {
      let turn = inner / uniforms.groupOutputs;
      let span = row % uniforms.spans;
      if (span < turn || span - turn >= uniforms.steps) { return ${typeOf(wideY)}(); }
      let step = row / uniforms.spans * uniforms.steps + span - turn;
      let at = atY(step, inner % uniforms.groupOutputs, plane / uniforms.stride);
      return dy[${placeOf(wideY, "at")}];
    }
    fn weightAt(inner: u32, column: u32, plane: u32) -> f32 {
      let turn = inner / uniforms.groupOutputs;
      let tap = turn * uniforms.stride + plane % uniforms.stride;
      if (tap >= uniforms.width) { return 0.0; }
      let output = inner % uniforms.groupOutputs;
      return weight[atWeight(output, column, tap, plane / uniforms.stride)];
    }
    fn store${wideX ? "Quad" : ""}(
      row: u32, column: u32, plane: u32, split: u32, sum: ${typeOf(wideX)},
    ) {
      let span = row % uniforms.spans;
      let frame = i32(span * uniforms.stride + plane % uniforms.stride) - i32(uniforms.padLeft);
      if (frame < 0 || frame >= i32(uniforms.frames)) { return; }
      let at = atX(row / uniforms.spans, frame, column, plane / uniforms.stride);
      result[${placeOf(wideX, "at")}] = sum;
    }`,
    }),
};

/** Rows outputs, columns (tap, channel), inner (batch, step). */
const WEIGHT_GRADIENT: Program<ConvConfig> = {
  name: "Conv1dGradWeight",
  source: ({ tile, f16, wideX, wideY }) => {
    const channels = "outer / uniforms.groupChannels, outer % uniforms.groupChannels, plane";
    return gemmText(tile, {
      f16,
      a: operandOf(wideY, "outer", `dy[${placeOf(wideY, "atY(inner, outer, plane)")}]`),
      b: operandOf(
        wideX,
        "outer",
        `readX(inner / uniforms.steps, inner % uniforms.steps, ${channels})`,
      ),
      functions: `
    ${POSITIONS}
    ${readXText(wideX)}
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      let part = uniforms.groups * uniforms.rows * uniforms.columns;
      let tap = column / uniforms.groupChannels;
      let channel = column % uniforms.groupChannels;
      result[split * part + atWeight(row, channel, tap, plane)] = sum;
    }`,
    });
  },
};

/** `x [B, T, C]`, `weight [O, C / G, K]` -> `[B, S, O]` */
export function conv1d(
  { x, weight, bias }: KernelInputs<"conv1d">,
  { activation, layout, ...attrs }: KernelAttrs<"conv1d">,
  backend: DeviceBackend,
): TensorInfo {
  const half = isHalf(layout);
  const [outputs = 0, groupChannels = 0, width = 0] = layout?.shape ?? weight.shape;
  const [batch = 0, frames = 0] = x.shape;
  const steps = Math.floor((frames + attrs.padLeft + attrs.padRight - width) / attrs.stride) + 1;
  const sizes = sizesOf({ batch, frames, steps }, { outputs, groupChannels, width }, attrs);
  const plan = planGemm({
    rows: batch * steps,
    columns: sizes.groupOutputs,
    inner: groupChannels * width,
    planes: sizes.groups,
  });
  const config = configOf(backend, sizes);
  return runGemm(backend, FORWARD, plan, {
    config: { ...config, tile: plan.tile, half, bias: !!bias, activation },
    inputs: { x, weight, ...(bias && { bias }) },
    uniforms: uniformsOf(sizes),
    outputs: { result: [batch, steps, outputs] },
    vectors: [
      ...(config.wideX ? ["x", ...(half ? ["weight"] : [])] : []),
      ...(config.wideY ? ["bias", "result"] : []),
    ],
    halves: half ? ["weight"] : [],
  }).result;
}

/** -> `dx [B, T, C]` */
export function conv1dGradInput(
  { dy, weight }: KernelInputs<"conv1dGradInput">,
  { frames, ...attrs }: KernelAttrs<"conv1dGradInput">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, steps = 0] = dy.shape;
  const [outputs = 0, groupChannels = 0, width = 0] = weight.shape;
  const sizes = sizesOf({ batch, frames, steps }, { outputs, groupChannels, width }, attrs);
  const spans = Math.ceil((frames + sizes.padLeft) / sizes.stride);
  const plan = planGemm({
    rows: batch * spans,
    columns: groupChannels,
    inner: Math.ceil(width / sizes.stride) * sizes.groupOutputs,
    planes: sizes.groups * sizes.stride,
  });
  const config = configOf(backend, sizes);
  return runGemm(backend, INPUT_GRADIENT, plan, {
    config: { ...config, tile: plan.tile },
    inputs: { dy, weight },
    uniforms: { ...uniformsOf(sizes), spans: u32(spans) },
    outputs: { result: [batch, frames, sizes.groups * groupChannels] },
    vectors: [...(config.wideY ? ["dy"] : []), ...(config.wideX ? ["result"] : [])],
  }).result;
}

/** -> `dweight [O, C / G, K]` */
export function conv1dGradWeight(
  { x, dy }: KernelInputs<"conv1dGradWeight">,
  { width, ...attrs }: KernelAttrs<"conv1dGradWeight">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const [, steps = 0, outputs = 0] = dy.shape;
  const groupChannels = channels / attrs.groups;
  const shape = [outputs, groupChannels, width];
  const sizes = sizesOf({ batch, frames, steps }, { outputs, groupChannels, width }, attrs);
  const plan = planGemm({
    rows: sizes.groupOutputs,
    columns: groupChannels * width,
    inner: batch * steps,
    planes: sizes.groups,
  }, { split: true });
  const config = configOf(backend, sizes);
  const { result: parts } = runGemm(backend, WEIGHT_GRADIENT, plan, {
    config: { ...config, tile: plan.tile },
    inputs: { x, dy },
    uniforms: uniformsOf(sizes),
    outputs: { result: [plan.splits, ...shape] },
    vectors: [...(config.wideY ? ["dy"] : []), ...(config.wideX ? ["x"] : [])],
  });
  if (plan.splits === 1) return { ...parts, shape };
  const columns = outputs * groupChannels * width;
  const sum = sumPlain(backend, parts, { batch: 1, rows: plan.splits, columns });
  release(backend, parts);
  return { ...sum, shape };
}

function sizesOf(
  time: Pick<ConvSizes, "batch" | "frames" | "steps">,
  { outputs, groupChannels, width }: Record<"outputs" | "groupChannels" | "width", number>,
  { stride, groups, padLeft }: Pick<Conv1dAttrs, "stride" | "groups" | "padLeft">,
): ConvSizes {
  return { ...time, groups, groupChannels, groupOutputs: outputs / groups, width, stride, padLeft };
}

function configOf(
  backend: DeviceBackend,
  { groupChannels, groupOutputs }: ConvSizes,
): Omit<ConvConfig, "tile"> {
  return { f16: backend.f16, wideX: groupChannels % 4 === 0, wideY: groupOutputs % 4 === 0 };
}

function uniformsOf(sizes: ConvSizes): Record<string, Uniform> {
  return Object.fromEntries(Object.entries(sizes).map(([name, value]) => [name, u32(value)]));
}
