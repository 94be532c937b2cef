/**
 * The lengths of clips in a batch, for kernels that always take them.
 *
 * @module
 */
import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";

/** Kernels always get lengths, since the tape can only save inputs that are there. */
export function withLengths(
  lengths: Tensor | undefined,
  batch: number,
  frames: number,
  body: (lengths: Tensor) => Tensor,
): Tensor {
  if (lengths) return body(lengths);
  const whole = tensor1d(new Int32Array(batch).fill(frames), "int32");
  try {
    return body(whole);
  } finally {
    whole.dispose();
  }
}
