/**
 * Plain mean and unbiased standard deviation over the first `lengths[b]` frames of each clip.
 *
 * Reference of `statisticsPool`.
 *
 * @module
 */
import { type NdArray, zeros } from "./nd_array.ts";

/** `x [B, T, C]`, `lengths [B]` or none for whole clips -> `[B, 2 C]` */
export function statisticsPool({ x, lengths }: { x: NdArray; lengths?: NdArray }): NdArray {
  const [batch, frames, channels] = x.shape as [number, number, number];
  const y = zeros([batch, 2 * channels]);
  for (let b = 0; b < batch; b++) {
    const length = lengths?.values[b] ?? frames;
    for (let c = 0; c < channels; c++) {
      const values = Array.from({ length }, (_, t) => x.values[(b * frames + t) * channels + c]!);
      const mean = values.reduce((sum, value) => sum + value, 0) / length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      y.values[2 * b * channels + c] = mean;
      y.values[(2 * b + 1) * channels + c] = Math.sqrt(squares / (length - 1));
    }
  }
  return y;
}
