/**
 * The lengths of clips in a batch, for gradients that always read them.
 *
 * @module
 */
import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import { isRecording } from "./run.ts";

/**
 * Runs a body with the lengths of clips. While gradients are recorded whole clips get theirs too, since the tape
 * can only keep inputs that are there; a kernel takes clips without lengths as whole ones.
 */
export function withLengths(
  lengths: Tensor | undefined,
  { batch, frames }: { batch: number; frames: number },
  body: (lengths?: Tensor) => Tensor,
): Tensor {
  if (lengths || !isRecording()) return body(lengths);
  const whole = tensor1d(new Int32Array(batch).fill(frames), "int32");
  try {
    return body(whole);
  } finally {
    whole.dispose();
  }
}
