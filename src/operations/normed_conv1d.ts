/**
 * A convolution over time whose outputs are normalised, each channel of each clip over all frames.
 *
 * @module
 */
import { type Tensor, Variable } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { type ActivatedNormAttrs, expectChannels, type NormAttrs } from "./_norms.ts";
import { type Activation, type FusedActivation, isFused } from "./activation.ts";
import { conv1d, conv1dOperation } from "./conv1d.ts";
import { groupNorm } from "./group_norm.ts";
import { type ComposedOperation, type Shape, sizeOf, type With } from "./operation.ts";
import { padFrames } from "./pad_frames.ts";
import { isRecording, run } from "./run.ts";
import { isPacked, type Weight, type WeightLayout, weightShape } from "./weights.ts";

/** What {@linkcode normedConv1d} reads. */
export interface NormedConv1dInputs {
  x: Tensor;
  weight: Tensor;
  gamma: Tensor;
  beta: Tensor;
}

/** What it has besides its tensors. */
export interface NormedConv1dAttrs extends NormAttrs {
  /** Frames from one output to the next. */
  stride: number;
  activation: FusedActivation;
  /** The outputs that are wanted, normalised over all of them. @default all */
  frames?: readonly [from: number, to: number];
  /** How a packed weight lies; absent where it is rows. */
  layout?: WeightLayout;
}

/** What {@linkcode normedConv1d} may take besides its input and weight. */
export interface NormedConv1dOptions extends ActivatedNormAttrs {
  gamma: Tensor;
  beta: Tensor;
  /** Of the convolution; it changes nothing but the rounding. */
  bias?: Tensor;
  stride: number;
  /** The outputs that are wanted, normalised over all of them. @default all */
  frames?: readonly [from: number, to: number];
}

/** More products to an output would make its statistics as dear as the convolution. */
const MOST_DEPTH = 32;

/** `x [B, T, C]`, `weight [O, C, K]`, `gamma`, `beta [O]` -> `[B, floor((T - K) / stride) + 1, O]` */
export const normedConv1dOperation: ComposedOperation<
  NormedConv1dInputs,
  NormedConv1dAttrs,
  Tensor
> = {
  name: "normedConv1d",
  outputs: outputShape,
  composed: ({ x, weight, gamma, beta }, { stride, eps, activation, frames, layout }) => {
    const values = layout ? { layout, values: weight } : weight;
    const y = groupNorm(conv1d(x, values, { stride }), gamma, beta, { eps, activation });
    return frames ? cropped(y, frames) : y;
  },
  flops: (inputs, attrs) => {
    const [, channels = 0, width = 0] = attrs.layout?.shape ?? inputs.weight;
    return 2 * sizeOf(outputShape(inputs, attrs)) * channels * width;
  },
};

function outputShape(
  { x, weight, gamma, beta }: With<NormedConv1dInputs, Shape>,
  { stride, frames, layout }: NormedConv1dAttrs,
): Shape {
  const plain = { stride, groups: 1, padLeft: 0, padRight: 0, activation: "none" } as const;
  const inputs = { x, weight, scale: undefined, bias: undefined };
  const shape = conv1dOperation.outputs(inputs, { ...plain, layout });
  expectChannels("normedConv1d", { x: shape, gamma, beta });
  const [batch, all, outputs] = shape as [number, number, number];
  const [from, to] = frames ?? [0, all];
  if (from >= 0 && from < to && to <= all) return [batch, to - from, outputs];
  throw new ShapeError(
    `Cannot run normedConv1d: expected frames of 0 to ${all}, found ${from} to ${to}`,
  );
}

function cropped(y: Tensor, [from, to]: readonly [from: number, to: number]): Tensor {
  return padFrames(y, { before: -from, after: to - y.shape[1]! });
}

/**
 * Whether a device may do it in one run, where no gradient is recorded. A variable goes the way of its training, so that
 * features which are computed once have the bits of those of each step.
 */
export function isNormedAtOnce(weight: Weight, activation: Activation): boolean {
  const [, channels = 0, width = 0] = weightShape(weight);
  const isRounded = isPacked(weight) && weight.scale !== undefined;
  const isTrained = weight instanceof Variable;
  return !isTrained && !isRounded && channels * width <= MOST_DEPTH && isFused(activation);
}

/**
 * A convolution over time, group normalisation with one group per channel, then an activation.
 *
 * **Shape** `x [B, T, C]`, `weight [O, C, K]`, `gamma`, `beta [O]` -> `[B, floor((T - K) / stride) + 1, O]`
 *
 * @throws {ShapeError} when the sizes do not fit, `x` is shorter than the kernel, or lacks the frames that are wanted.
 */
export function normedConv1d(
  x: Tensor,
  weight: Weight,
  { gamma, beta, bias, stride, eps, activation = "none", frames }: NormedConv1dOptions,
): Tensor {
  if (isRecording() || !isFused(activation) || !isNormedAtOnce(weight, activation)) {
    const y = conv1d(x, weight, { bias, stride });
    const normed = groupNorm(y, gamma, beta, { eps, activation });
    y.dispose();
    if (!frames) return normed;
    const wanted = cropped(normed, frames);
    normed.dispose();
    return wanted;
  }
  const { values, layout } = isPacked(weight) ? weight : { values: weight };
  const attrs = { stride, eps, activation, frames, layout };
  return run(normedConv1dOperation, { x, weight: values, gamma, beta }, attrs);
}
