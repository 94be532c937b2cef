/**
 * The lengths of clips in a batch, for kernels that always take them.
 *
 * @module
 */
import { engine, type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import { isRecording } from "./run.ts";

/** What a device has whose kernels take clips without lengths as whole ones. */
export interface WholeClipsDevice {
  readonly takesWholeClips: true;
}

/** Kernels get lengths while gradients are recorded, since the tape can only save inputs that are there. */
export function withLengths(
  lengths: Tensor | undefined,
  batch: number,
  frames: number,
  body: (lengths?: Tensor) => Tensor,
): Tensor {
  const device = engine().backend as unknown as Partial<WholeClipsDevice>;
  if (lengths || (device.takesWholeClips && !isRecording())) return body(lengths);
  const whole = tensor1d(new Int32Array(batch).fill(frames), "int32");
  try {
    return body(whole);
  } finally {
    whole.dispose();
  }
}
