/**
 * Each frame with those that follow it at a distance, side by side: what a dilated convolution multiplies with its weight.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { expectRank } from "./_shapes.ts";
import type { Operation } from "./operation.ts";
import { run } from "./run.ts";

/** What {@linkcode unfold} lays side by side. */
export interface UnfoldAttrs {
  /** Frames of a row. */
  width: number;
  /** From one of them to the next. */
  dilation: number;
}

/** `x [B, T, C]` -> `[B, T - (width - 1) dilation, width C]`; there is no gradient */
export const unfoldOperation: Operation<{ x: Tensor }, UnfoldAttrs, Tensor> = {
  name: "unfold",
  outputs: ({ x }, { width, dilation }) => {
    expectRank("unfold x", x, 3);
    const [batch = 0, frames = 0, channels = 0] = x;
    const fewest = (width - 1) * dilation + 1;
    if (frames >= fewest) return [batch, frames - fewest + 1, width * channels];
    throw new ShapeError(
      `Cannot run unfold: expected at least ${fewest} frames, found ${frames}`,
    );
  },
};

/**
 * Each frame with those that follow it at a distance, side by side. There is no gradient.
 *
 * **Shape** `x [B, T, C]` -> `[B, T - (width - 1) dilation, width C]`, the channels of the first frame first
 *
 * @throws {ShapeError} when there are too few frames.
 */
export function unfold(x: Tensor, attrs: UnfoldAttrs): Tensor {
  return run(unfoldOperation, { x }, attrs);
}
