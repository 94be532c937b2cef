/**
 * The scores of windows of one recording, in which work that windows share is done once.
 *
 * @module
 */
import { isShared } from "./window_sharing.ts";
import type { FeatureExtractor, RecordingWindow } from "../features/mod.ts";
import type { InferenceModel } from "../models/mod.ts";

/** The raw scores of windows of one length, to the bit those of the clips that they are. */
export type WindowLogits = (windows: readonly RecordingWindow[]) => Promise<Float32Array[]>;

/** For one recording, whose windows come in the order of their starts. */
export function windowLogits(
  { model, extractor }: { model: InferenceModel; extractor: FeatureExtractor },
  size: { windowSamples: number; hopSamples: number },
): WindowLogits {
  const { windows: shared } = extractor;
  if (shared && isShared(shared.stepSamples, size)) {
    const extract = shared.begin();
    return (windows) => model.logits({ ...extract(windows), attentionMask: undefined });
  }
  return (windows) => {
    const clips = windows.map(({ samples }) => samples);
    return model.logits({ ...extractor.extract(clips), attentionMask: undefined });
  };
}
