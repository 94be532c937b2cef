/**
 * The outputs of windows of one recording, in which work that windows share is done once.
 *
 * @module
 */
import { isShared } from "./window_sharing.ts";
import type { FeatureExtractor, RecordingWindow } from "../features/mod.ts";
import type { ClipOutputs, InferenceModel } from "../models/mod.ts";

/** The outputs of windows of one length, to the bit those of the clips that they are. */
export type WindowOutputs = (windows: readonly RecordingWindow[]) => Promise<ClipOutputs[]>;

/** For one recording, whose windows come in the order of their starts. */
export function windowOutputs(
  { model, extractor, outputFeatures }: {
    model: InferenceModel;
    extractor: FeatureExtractor;
    outputFeatures: boolean;
  },
  size: { windowSamples: number; hopSamples: number },
): WindowOutputs {
  const asked = { outputFeatures };
  const { windows: shared } = extractor;
  if (shared && isShared(shared.stepSamples, size)) {
    const extract = shared.begin();
    return (windows) => model.outputs({ ...extract(windows), attentionMask: undefined }, asked);
  }
  return (windows) => {
    const clips = windows.map(({ samples }) => samples);
    return model.outputs({ ...extractor.extract(clips), attentionMask: undefined }, asked);
  };
}
