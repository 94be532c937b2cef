/**
 * Rectangles of frames and channels as vectors: what a convolution over both axes multiplies with its weight.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { expectRank } from "./_shapes.ts";
import type { Operation } from "./operation.ts";
import { run } from "./run.ts";

/** The rectangles of {@linkcode patches}. */
export interface PatchesAttrs {
  /** Channels and frames of a patch. */
  size: [channels: number, frames: number];
  /** Channels and frames from one patch to the next. */
  stride: [channels: number, frames: number];
}

/** `x [B, T, C]` -> `[B, patches, elements of one]`; there is no gradient */
export const patchesOperation: Operation<{ x: Tensor }, PatchesAttrs, Tensor> = {
  name: "patches",
  outputs: ({ x }, { size: [height, width], stride }) => {
    expectRank("patches x", x, 3);
    const [batch = 0, frames = 0, channels = 0] = x;
    if (channels < height || frames < width) {
      throw new ShapeError(
        `Cannot run patches: expected at least ${height} channels and ${width} frames, found ${channels} and ${frames}`,
      );
    }
    const across = Math.floor((channels - height) / stride[0]) + 1;
    const along = Math.floor((frames - width) / stride[1]) + 1;
    return [batch, across * along, height * width];
  },
};

/**
 * Rectangles of frames and channels as vectors, those of the lowest channels first. There is no gradient.
 *
 * **Shape** `x [B, T, C]` -> `[B, F * G, size]`, for F places along the channels, G along the frames, and the
 * elements of a patch with its frames running fastest
 *
 * @throws {ShapeError} when `x` is smaller than a patch.
 */
export function patches(x: Tensor, attrs: PatchesAttrs): Tensor {
  return run(patchesOperation, { x }, attrs);
}
