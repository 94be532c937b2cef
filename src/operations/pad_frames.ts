/**
 * Frames of zeros around a clip, or fewer frames than it has.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { expectRank } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** Where {@linkcode padFrames} adds frames or leaves some out. */
export interface PadFramesAttrs {
  /** Zero frames before the first; below 0, frames left out there. @default 0 */
  before: number;
  /** Zero frames after the last; below 0, frames left out there. @default 0 */
  after: number;
}

/** `x [B, T, C]` -> `[B, before + T + after, C]` */
export const padFramesOperation: Operation<{ x: Tensor }, PadFramesAttrs, Tensor> = {
  name: "padFrames",
  outputs: ({ x }, { before, after }) => {
    expectRank("padFrames x", x, 3);
    const [batch = 0, found = 0, channels = 0] = x;
    const frames = found + before + after;
    if (frames < 1 || found + Math.min(before, 0) + Math.min(after, 0) < 0) {
      throw new ShapeError(
        `Cannot run padFrames: expected frames to be left, found ${found} with ${before} before and ${after} after`,
      );
    }
    return [batch, frames, channels];
  },
  gradient: gradient([], ({ dy, attrs: { before, after } }) => ({
    x: () => run(padFramesOperation, { x: dy }, { before: -before, after: -after }),
  })),
};

/**
 * Frames of zeros around a clip, or fewer frames than it has.
 *
 * **Shape** `x [B, T, C]` -> `[B, before + T + after, C]`
 *
 * @throws {ShapeError} when no frame would be left.
 */
export function padFrames(x: Tensor, options: Partial<PadFramesAttrs>): Tensor {
  const { before = 0, after = 0 } = options;
  return run(padFramesOperation, { x }, { before, after });
}
