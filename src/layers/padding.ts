/**
 * Frames that belong to padding.
 *
 * @module
 */
import { type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { maskFrames } from "../kernels.ts";

/**
 * Zeroes the frames past the length of each clip; without lengths there is no padding.
 *
 * **Shape** `x [B, T, D]` -> `[B, T, D]`
 */
export function clearPadding(x: Tensor, lengths?: readonly number[]): Tensor {
  if (!lengths) return x.clone();
  const [batch, frames, size] = x.shape as [number, number, number];
  const padding = Int32Array.from(
    { length: batch * frames },
    (_, i) => i % frames < lengths[Math.floor(i / frames)]! ? 0 : 1,
  );
  return tidy(() => {
    const mask = tensor2d(padding, [batch, frames], "int32");
    return maskFrames(x, mask, tensor1d(new Float32Array(size)));
  });
}
