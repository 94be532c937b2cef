/**
 * Plain frames side by side with those that follow at a distance.
 *
 * Reference of `unfold`.
 *
 * @module
 */
import type { UnfoldAttrs } from "../../src/kernels.ts";
import { type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, C]` -> `[B, T - (width - 1) dilation, width C]` */
export function unfold({ x }: { x: NdArray }, { width, dilation }: UnfoldAttrs): NdArray {
  const [batch, frames, channels] = x.shape as [number, number, number];
  const rows = frames - (width - 1) * dilation;
  const y = zeros([batch, rows, width * channels]);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < rows; t++) {
      for (let k = 0; k < width; k++) {
        for (let c = 0; c < channels; c++) {
          y.values[at++] = x.values[(b * frames + t + k * dilation) * channels + c]!;
        }
      }
    }
  }
  return y;
}
