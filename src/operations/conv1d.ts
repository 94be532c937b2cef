/**
 * Convolution over time, as cross-correlation.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { expectShape } from "./_shapes.ts";
import { type Activation, activation, type FusedActivation, isFused } from "./activation.ts";
import { columnSum } from "./column_sum.ts";
import { gradient, type Operation, type Shape, sizeOf, type With } from "./operation.ts";
import { isRecording, run } from "./run.ts";
import { expectRows, isPacked, type Weight, type WeightLayout } from "./weights.ts";

/** How {@linkcode conv1d} moves and groups, and what follows it. */
export interface Conv1dAttrs {
  /** @default 1 */
  stride: number;
  /** Channel groups; must divide the channels on both sides. @default 1 */
  groups: number;
  /** Zero frames before the first. @default 0 */
  padLeft: number;
  /** Zero frames after the last. @default 0 */
  padRight: number;
  /** @default "none" */
  activation: FusedActivation;
}

/** What {@linkcode conv1d} may take besides its input and weight. */
export interface Conv1dOptions extends Partial<Omit<Conv1dAttrs, "activation">> {
  bias?: Tensor;
  /** @default "none" */
  activation?: Activation;
}

/** What {@linkcode conv1d} reads; `scale` is that of a packed weight. */
export interface Conv1dInputs {
  x: Tensor;
  weight: Tensor;
  scale?: Tensor;
  bias?: Tensor;
}

/** The attributes of the kernel. */
export interface Conv1dKernelAttrs extends Conv1dAttrs {
  /** How a packed weight lies; absent where it is rows. */
  layout?: WeightLayout;
}

/** `x [B, T, C]`, `weight [O, C / groups, K]`, `bias [O]` -> `[B, T', O]` */
export const conv1dOperation: Operation<Conv1dInputs, Conv1dKernelAttrs, Tensor> = {
  name: "conv1d",
  outputs: outputShape,
  gradient: gradient(["x", "weight"], ({ dy, inputs: { x, weight }, attrs }) => {
    expectRows(attrs.layout);
    return {
      x: () => run(conv1dGradInput, { dy, weight }, { ...attrs, frames: x.shape[1]! }),
      weight: () => run(conv1dGradWeight, { x, dy }, { ...attrs, width: weight.shape[2]! }),
      bias: () => run(columnSum, { x: dy }, {}),
    };
  }),
  flops: (inputs, attrs) => {
    const [, channels = 0, width = 0] = attrs.layout?.shape ?? inputs.weight;
    return 2 * sizeOf(outputShape(inputs, attrs)) * channels * width;
  },
};

/** `dy [B, T', O]`, `weight`; `frames` (T) -> `dx [B, T, C]` */
export const conv1dGradInput: Operation<
  { dy: Tensor; weight: Tensor },
  Conv1dAttrs & { frames: number },
  Tensor
> = {
  name: "conv1dGradInput",
  outputs: ({ dy, weight }, { frames, groups }) => [dy[0]!, frames, weight[1]! * groups],
};

/** `x [B, T, C]`, `dy [B, T', O]`; `width` (K) -> `dweight [O, C / groups, K]` */
export const conv1dGradWeight: Operation<
  { x: Tensor; dy: Tensor },
  Conv1dAttrs & { width: number },
  Tensor
> = {
  name: "conv1dGradWeight",
  outputs: ({ x, dy }, { groups, width }) => [dy[2]!, x[2]! / groups, width],
};

function outputShape(
  { x, weight, bias }: With<Conv1dInputs, Shape>,
  { stride, groups, padLeft, padRight, layout }: Conv1dKernelAttrs,
): Shape {
  const [outputs = 0, channels = 0, width = 0] = layout?.shape ?? weight;
  expectShape("conv1d x", x, [x[0]!, x[1]!, channels * groups]);
  if (bias) expectShape("conv1d bias", bias, [outputs]);
  if (outputs % groups !== 0) {
    throw new ShapeError(
      `Cannot run conv1d: expected outputs divisible by ${groups} groups, found ${outputs}`,
    );
  }
  const frames = x[1]! + padLeft + padRight;
  if (frames < width) {
    throw new ShapeError(
      `Cannot run conv1d: expected at least ${width} frames, found ${frames}`,
    );
  }
  return [x[0]!, Math.floor((frames - width) / stride) + 1, outputs];
}

/**
 * Convolution over time, as cross-correlation.
 *
 * **Shape** `x [B, T, C]`, `weight [O, C / groups, K]`, `bias [O]` ->
 * `[B, floor((T + padLeft + padRight - K) / stride) + 1, O]`
 *
 * @throws {ShapeError} when the sizes do not fit, or `x` is shorter than the kernel.
 */
export function conv1d(
  x: Tensor,
  weight: Weight,
  options: Conv1dOptions = {},
): Tensor {
  const { bias, stride = 1, groups = 1, padLeft = 0, padRight = 0, activation: kind = "none" } =
    options;
  const { values, scale, layout } = isPacked(weight) ? weight : { values: weight };
  const fused = isFused(kind) && (kind === "none" || !isRecording()) ? kind : "none";
  const attrs = { stride, groups, padLeft, padRight, activation: fused, layout };
  const y = run(conv1dOperation, { x, weight: values, scale, bias }, attrs);
  if (fused === kind) return y;
  const activated = activation(y, kind);
  y.dispose();
  return activated;
}
