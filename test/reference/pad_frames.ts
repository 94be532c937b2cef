/**
 * Plain frames of zeros around a clip, or fewer frames. Its gradient is the same the other way round.
 *
 * Reference of `padFrames`.
 *
 * @module
 */
import type { PadFramesAttrs } from "../../src/kernels.ts";
import { type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, C]` -> `[B, before + T + after, C]` */
export function padFrames({ x }: { x: NdArray }, { before, after }: PadFramesAttrs): NdArray {
  const [batch, frames, channels] = x.shape as [number, number, number];
  const y = zeros([batch, before + frames + after, channels]);
  const [, rows] = y.shape as [number, number];
  for (let b = 0; b < batch; b++) {
    for (let row = 0; row < rows; row++) {
      const frame = row - before;
      if (frame < 0 || frame >= frames) continue;
      const from = (b * frames + frame) * channels;
      y.values.set(x.values.subarray(from, from + channels), (b * rows + row) * channels);
    }
  }
  return y;
}
