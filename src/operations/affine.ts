/**
 * Affine maps of the contract: over channels, over time, and the patches that a map over both multiplies.
 *
 * @module
 */
import { type Tensor, tidy, util, Variable } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { expectRank, expectShape } from "./_shapes.ts";
import { type Activation, activation, add, dropout, type DropoutAttrs } from "./elements.ts";
import { hasKernel, isRecording, run, runAll } from "./run.ts";

/** What follows the map of {@linkcode linear}. */
export interface LinearAttrs {
  /** Applied before the residual is added. @default "none" */
  activation: Activation;
}

/** What a gradient of {@linkcode linear} is told. */
export interface LinearGradAttrs {
  /** Share of `dy` that was dropped. @default 0 */
  dropoutRate?: number;
  /** Seed of what was dropped. @default 0 */
  dropoutSeed?: number;
}

/** What follows the map of {@linkcode linear} where a device does all of it in one kernel. */
export interface FusedLinearAttrs extends LinearAttrs {
  dropoutRate: number;
  dropoutSeed: number;
  /** Whether the values before the activation are a second output, for the gradient. */
  keepsBefore: boolean;
}

/** One of the maps of {@linkcode linears}: `weight [O, I]`, `bias [O]`. */
export interface AffineMap {
  weight: Tensor;
  bias?: Tensor;
}

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
  activation: Activation;
}

/** The rectangles of {@linkcode patches}. */
export interface PatchesAttrs {
  /** Channels and frames of a patch. */
  size: [channels: number, frames: number];
  /** Channels and frames from one patch to the next. */
  stride: [channels: number, frames: number];
}

/**
 * Affine map of the last axis: `dropout(activation(x weight^T + bias)) + residual`.
 *
 * **Shape** `x [..., I]`, `weight [O, I]`, `bias [O]`, `residual [..., O]` -> `[..., O]`
 *
 * Where the device has no kernel for all of it, dropout, and while gradients are recorded the activation, run as
 * kernels of their own, because their gradients need the value before them.
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  options: {
    bias?: Tensor;
    residual?: Tensor;
    activation?: Activation;
    dropout?: DropoutAttrs;
  } = {},
): Tensor {
  const { bias, residual, activation: kind = "none", dropout: drop } = options;
  const [outputs, inputs] = weight.shape as [number, number];
  expectShape("linear x", x, [...x.shape.slice(0, -1), inputs]);
  if (bias) expectShape("linear bias", bias, [outputs]);
  if (residual) expectShape("linear residual", residual, [...x.shape.slice(0, -1), outputs]);
  const drops = drop !== undefined && drop.rate > 0;
  const keepsBefore = kind !== "none" && isRecording();
  const trainsBoth = trains(weight) && bias !== undefined && trains(bias);
  if (!drops && !keepsBefore) {
    return run("EarshotLinear", { x, weight, bias, residual }, { activation: kind, trainsBoth });
  }
  if (hasKernel("EarshotFusedLinear")) {
    const [dropoutRate, dropoutSeed] = drops ? [drop.rate, drop.seed] : [0, 0];
    const attrs = { activation: kind, dropoutRate, dropoutSeed, keepsBefore, trainsBoth };
    const [y, before] = runAll("EarshotFusedLinear", { x, weight, bias, residual }, attrs);
    before?.dispose();
    return y!;
  }
  return tidy(() => {
    const mapped = linear(x, weight, { bias, activation: keepsBefore ? "none" : kind });
    const y = keepsBefore ? activation(mapped, kind) : mapped;
    if (drops) return dropout(y, drop, residual);
    return residual ? add(y, residual) : y;
  });
}

/**
 * Several affine maps of one input, as {@linkcode linear} without options.
 *
 * **Shape** `x [..., I]`; for each map `weight [O, I]`, `bias [O]` -> `[..., O]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function linears(x: Tensor, maps: AffineMap[]): Tensor[] {
  const shape = maps[0]!.weight.shape;
  const alike = maps.every(({ weight, bias }) => bias && util.arraysEqual(weight.shape, shape));
  if (!alike || !hasKernel("EarshotLinears")) {
    return maps.map(({ weight, bias }) => linear(x, weight, { bias }));
  }
  expectShape("linears x", x, [...x.shape.slice(0, -1), shape[1]!]);
  for (const { bias } of maps) expectShape("linears bias", bias!, [shape[0]!]);
  const parameters = maps.flatMap(({ weight, bias }) => [weight, bias!]);
  return runAll("EarshotLinears", [x, ...parameters], { trainsAll: parameters.every(trains) });
}

/** Whether a gradient of a parameter will be asked for, as far as can be told when it is used. */
function trains(parameter: Tensor): boolean {
  return !(parameter instanceof Variable) || parameter.trainable;
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
  weight: Tensor,
  options: Partial<Conv1dAttrs> & { bias?: Tensor } = {},
): Tensor {
  const { bias, stride = 1, groups = 1, padLeft = 0, padRight = 0, activation: kind = "none" } =
    options;
  const [outputs, groupChannels, width] = weight.shape as [number, number, number];
  expectShape("conv1d x", x, [x.shape[0]!, x.shape[1]!, groupChannels * groups]);
  if (bias) expectShape("conv1d bias", bias, [outputs]);
  if (outputs % groups !== 0) {
    throw new ShapeError(
      `Cannot run conv1d: expected outputs divisible by ${groups} groups, found ${outputs}`,
    );
  }
  if (x.shape[1]! + padLeft + padRight < width) {
    throw new ShapeError(
      `Cannot run conv1d: expected at least ${width} frames, found ${
        x.shape[1]! + padLeft + padRight
      }`,
    );
  }
  const fused = kind === "none" || !isRecording();
  const attrs: Conv1dAttrs = {
    stride,
    groups,
    padLeft,
    padRight,
    activation: fused ? kind : "none",
  };
  const y = run("EarshotConv1d", { x, weight, bias }, attrs);
  return fused ? y : activation(y, kind);
}

/**
 * Rectangles of frames and channels as vectors, those of the lowest channels first: what a convolution over both
 * axes multiplies with its weight. There is no gradient.
 *
 * **Shape** `x [B, T, C]` -> `[B, F * G, size]`, for F places along the channels, G along the frames, and the
 * elements of a patch with its frames running fastest
 *
 * @throws {ShapeError} when `x` is smaller than a patch.
 */
export function patches(x: Tensor, attrs: PatchesAttrs): Tensor {
  expectRank("patches x", x, 3);
  const [, frames, channels] = x.shape as [number, number, number];
  if (channels < attrs.size[0] || frames < attrs.size[1]) {
    throw new ShapeError(
      `Cannot run patches: expected at least ${attrs.size[0]} channels and ${
        attrs.size[1]
      } frames, found ${channels} and ${frames}`,
    );
  }
  return run("EarshotPatches", { x }, attrs);
}
