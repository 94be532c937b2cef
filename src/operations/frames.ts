/**
 * Operations of the contract on the time axis: masks, padding and the mean.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { withLengths } from "./lengths.ts";
import { expectRank, expectShape } from "./_shapes.ts";
import { run } from "./run.ts";

/** Where {@linkcode padFrames} adds frames or leaves some out. */
export interface PadFramesAttrs {
  /** Zero frames before the first; below 0, frames left out there. @default 0 */
  before: number;
  /** Zero frames after the last; below 0, frames left out there. @default 0 */
  after: number;
}

/**
 * `value` in place of the frames where `mask` is 1.
 *
 * **Shape** `x [B, T, C]`, `mask [B, T]` int32 0/1, `value [C]` -> `[B, T, C]`
 */
export function maskFrames(x: Tensor, mask: Tensor, value: Tensor): Tensor {
  expectShape("maskFrames mask", mask, x.shape.slice(0, 2));
  expectShape("maskFrames value", value, x.shape.slice(2));
  return run("EarshotMaskFrames", { x, mask, value }, {});
}

/**
 * Zero in place of the channels where `mask` is 1, in every frame of the clip.
 *
 * **Shape** `x [B, T, C]`, `mask [B, C]` int32 0/1 -> `[B, T, C]`
 */
export function maskChannels(x: Tensor, mask: Tensor): Tensor {
  expectShape("maskChannels mask", mask, [x.shape[0]!, x.shape[2]!]);
  return run("EarshotMaskChannels", { x, mask }, {});
}

/**
 * Frames of zeros around a clip, or fewer frames than it has.
 *
 * **Shape** `x [B, T, C]` -> `[B, before + T + after, C]`
 *
 * @throws {ShapeError} when no frame would be left.
 */
export function padFrames(x: Tensor, options: Partial<PadFramesAttrs>): Tensor {
  const { before = 0, after = 0 } = options;
  expectRank("padFrames x", x, 3);
  const frames = x.shape[1]! + before + after;
  if (frames < 1 || x.shape[1]! + Math.min(before, 0) + Math.min(after, 0) < 0) {
    throw new ShapeError(
      `Cannot run padFrames: expected frames to be left, found ${
        x.shape[1]
      } with ${before} before and ${after} after`,
    );
  }
  return run("EarshotPadFrames", { x }, { before, after });
}

/**
 * Mean over time, of the first `lengths[b]` frames if lengths are given.
 *
 * **Shape** `x [B, T, C]`, `lengths [B]` int32 (1 to T) -> `[B, C]`
 */
export function meanPool(x: Tensor, lengths?: Tensor): Tensor {
  expectRank("meanPool x", x, 3);
  const [batch, frames] = x.shape as [number, number];
  if (lengths) expectShape("meanPool lengths", lengths, [batch]);
  return withLengths(
    lengths,
    batch,
    frames,
    (all) => run("EarshotMeanPool", { x, lengths: all }, { frames }),
  );
}
