/**
 * Plain rectangles of frames and channels as vectors.
 *
 * Reference of `patches`.
 *
 * @module
 */
import type { PatchesAttrs } from "../../src/kernels.ts";
import { type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, C]` -> `[B, F * G, size]` */
export function patches({ x }: { x: NdArray }, { size, stride }: PatchesAttrs): NdArray {
  const [batch, frames, channels] = x.shape as [number, number, number];
  const alongChannels = Math.floor((channels - size[0]) / stride[0]) + 1;
  const alongFrames = Math.floor((frames - size[1]) / stride[1]) + 1;
  const y = zeros([batch, alongChannels * alongFrames, size[0] * size[1]]);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let f = 0; f < alongChannels; f++) {
      for (let g = 0; g < alongFrames; g++) {
        for (let c = f * stride[0]; c < f * stride[0] + size[0]; c++) {
          for (let t = g * stride[1]; t < g * stride[1] + size[1]; t++) {
            y.values[at++] = x.values[(b * frames + t) * channels + c]!;
          }
        }
      }
    }
  }
  return y;
}
