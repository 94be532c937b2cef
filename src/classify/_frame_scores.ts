/**
 * A window's outputs of a model that scores frames, frame by frame.
 *
 * @module
 */
import type { ClipOutputs, InferenceModel } from "../models/mod.ts";

/** What holds for such models where neither the caller nor the model says anything: they give frames for any window. */
export const FRAME_SETTINGS = { windowSeconds: 10, hopSeconds: 5 } as const;

/** The outputs of a frame. */
export interface FrameOutputs extends Pick<ClipOutputs, "logits"> {
  /** The samples that it stands for end before this one of the window: half-way to the next frame's middle. */
  end: number;
}

/** The frames of a window in order; the first stands from its first sample on, the last to its last. */
export function frameOutputs(
  { logits }: ClipOutputs,
  model: InferenceModel,
  samples: number,
): FrameOutputs[] {
  const classes = model.labels.length;
  const frames = logits.length / classes;
  const centres = model.frameCentres({ frames, samples });
  return Array.from({ length: frames }, (_, i) => ({
    logits: logits.subarray(i * classes, (i + 1) * classes),
    end: i + 1 < frames ? Math.round((centres[i]! + centres[i + 1]!) / 2) : samples,
  }));
}
