/**
 * Frames that belong to padding, and clips without their last frames.
 *
 * @module
 */
import { type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { maskFrames, padFrames } from "../kernels.ts";

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

/** The first frames, or all where there is no number of them. **Shape** `x [B, T, D]` -> `[B, frames or T, D]` */
export function cropFrames(x: Tensor, frames?: number): Tensor {
  return frames === undefined ? x : padFrames(x, { after: frames - x.shape[1]! });
}
