/**
 * The outputs of windows of one recording, in which work that windows share is done once.
 *
 * Mel frames are kept by the extractor. Frames of convolutions are kept here, as numbers and not as tensors, so that a
 * recording which is left in the middle leaves nothing behind: those that a batch of windows lacks are computed in
 * runs, as if each run were a clip, and rows of them are given to the model in the place of samples.
 *
 * @module
 */
import type { FeatureExtractor, RecordingWindow } from "../features/mod.ts";
import { KeptRows } from "../features/kept_rows.ts";
import type { ClipOutputs, FrameLayout, InferenceModel } from "../models/mod.ts";
import { isShared, sharedWork } from "./window_sharing.ts";

/** The outputs of windows of one length, to the bit those of the clips that they are. */
export type WindowOutputs = (windows: readonly RecordingWindow[]) => Promise<ClipOutputs[]>;

interface Loaded {
  model: InferenceModel;
  extractor: FeatureExtractor;
  outputFeatures: boolean;
}

/** For one recording, whose windows overlap or touch, and come in the order of their starts. */
export function windowOutputs(
  loaded: Loaded,
  size: { windowSamples: number; hopSamples: number },
): WindowOutputs {
  const { model, extractor, outputFeatures } = loaded;
  const work = sharedWork(loaded);
  if (!("reason" in work) && isShared(work, size)) {
    const frames = model.ownFrames;
    if (work.shared === "mel frames") return melOutputs(loaded);
    if (typeof frames !== "string") return convolutionOutputs(loaded, frames);
  }
  return (windows) => {
    const clips = windows.map(({ samples }) => samples);
    return model.outputs(
      { ...extractor.extract(clips), attentionMask: undefined },
      { outputFeatures },
    );
  };
}

function melOutputs({ model, extractor, outputFeatures }: Loaded): WindowOutputs {
  const extract = extractor.windows!.begin();
  return (windows) =>
    model.outputs({ ...extract(windows), attentionMask: undefined }, { outputFeatures });
}

function convolutionOutputs(
  { model, extractor, outputFeatures }: Loaded,
  layout: FrameLayout,
): WindowOutputs {
  const kept = new KeptRows();
  return async (windows) => {
    const { inputValues, shape } = extractor.extract(windows.map(({ samples }) => samples));
    const width = shape[1]!;
    const starts = windows.flatMap(({ start }) => frameStarts(start, width, layout));
    kept.forgetBefore(windows[0]!.start);
    const stretch = joined(windows, { inputValues, width });
    for (const { first, count } of missingRuns(starts, kept, layout)) {
      const at = first - windows[0]!.start;
      const samples = (count - 1) * layout.hopSamples + layout.fieldSamples;
      const frames = await model.convFeatures(stretch.subarray(at, at + samples));
      const channels = frames.length / count;
      for (let i = 0; i < count; i++) {
        const row = frames.subarray(i * channels, (i + 1) * channels);
        kept.set(first + i * layout.hopSamples, row);
      }
    }
    return await model.outputs(batchOf(starts, kept, windows.length), { outputFeatures });
  };
}

/** Where the frames of a window begin in the recording. */
function frameStarts(
  start: number,
  width: number,
  { hopSamples, fieldSamples }: FrameLayout,
): number[] {
  const frames = Math.floor((width - fieldSamples) / hopSamples) + 1;
  return Array.from({ length: frames }, (_, i) => start + i * hopSamples);
}

/** The samples from the start of the first window to the end of the last. */
function joined(
  windows: readonly RecordingWindow[],
  { inputValues, width }: { inputValues: Float32Array; width: number },
): Float32Array {
  const { start } = windows[0]!;
  const samples = new Float32Array(windows.at(-1)!.start - start + width);
  for (const [i, window] of windows.entries()) {
    samples.set(inputValues.subarray(i * width, (i + 1) * width), window.start - start);
  }
  return samples;
}

/** The frames that are not kept yet, as runs of frames that lie a hop apart. */
function missingRuns(
  starts: readonly number[],
  kept: KeptRows,
  { hopSamples }: FrameLayout,
): { first: number; count: number }[] {
  const missing = new Set(starts.filter((start) => !kept.get(start)));
  const firsts = [...missing].filter((start) => !missing.has(start - hopSamples));
  return firsts.map((first) => {
    let count = 1;
    while (missing.has(first + count * hopSamples)) count++;
    return { first, count };
  });
}

/** The kept frames of windows, one after the other. */
function batchOf(starts: readonly number[], kept: KeptRows, windows: number) {
  const channels = kept.get(starts[0]!)!.length;
  const inputValues = new Float32Array(starts.length * channels);
  for (const [i, start] of starts.entries()) inputValues.set(kept.get(start)!, i * channels);
  return { inputValues, shape: [windows, starts.length / windows, channels] };
}
