/**
 * Affine maps of the contract: over channels, over time, and the patches that a map over both multiplies.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { expectRank, expectShape } from "./_shapes.ts";
import { type Activation, activation, add } from "./elements.ts";
import { isRecording, run } from "./run.ts";

/** What follows the map of {@linkcode linear}. */
export interface LinearAttrs {
  /** Applied before the residual is added. @default "none" */
  activation: Activation;
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
 * Affine map of the last axis: `activation(x weight^T + bias) + residual`.
 *
 * **Shape** `x [..., I]`, `weight [O, I]`, `bias [O]`, `residual [..., O]` -> `[..., O]`
 *
 * While gradients are recorded, an activation runs as a kernel of its own, because its gradient needs
 * the value before it.
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  options: { bias?: Tensor; residual?: Tensor; activation?: Activation } = {},
): Tensor {
  const { bias, residual, activation: kind = "none" } = options;
  const [outputs, inputs] = weight.shape as [number, number];
  expectShape("linear x", x, [...x.shape.slice(0, -1), inputs]);
  if (bias) expectShape("linear bias", bias, [outputs]);
  if (residual) expectShape("linear residual", residual, [...x.shape.slice(0, -1), outputs]);
  if (kind !== "none" && isRecording()) {
    const y = activation(linear(x, weight, { bias }), kind);
    return residual ? add(y, residual) : y;
  }
  return run("EarshotLinear", { x, weight, bias, residual }, { activation: kind });
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
