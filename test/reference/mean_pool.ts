/**
 * Plain mean over the first `lengths[b]` frames of each clip.
 *
 * Reference of `meanPool` and `meanPoolGrad`.
 *
 * @module
 */
import { type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, C]`, `lengths [B]` or none for whole clips -> `[B, C]` */
export function meanPool({ x, lengths }: { x: NdArray; lengths?: NdArray }): NdArray {
  const [batch, frames, channels] = x.shape as [number, number, number];
  const y = zeros([batch, channels]);
  for (let b = 0; b < batch; b++) {
    const length = lengths?.values[b] ?? frames;
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let t = 0; t < length; t++) {
        sum += x.values[(b * frames + t) * channels + c]!;
      }
      y.values[b * channels + c] = sum / length;
    }
  }
  return y;
}

/** `dy [B, C]`, `lengths` -> `dx [B, frames, C]` */
export function meanPoolGrad(
  { dy, lengths }: { dy: NdArray; lengths: NdArray },
  { frames }: { frames: number },
): NdArray {
  const [batch, channels] = dy.shape as [number, number];
  const dx = zeros([batch, frames, channels]);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < lengths.values[b]!; t++) {
      for (let c = 0; c < channels; c++) {
        dx.values[(b * frames + t) * channels + c] = dy.values[b * channels + c]! /
          lengths.values[b]!;
      }
    }
  }
  return dx;
}
