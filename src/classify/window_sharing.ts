/**
 * Which work windows of one recording share where they overlap.
 *
 * A window is a clip, so that work is shared only where the clip's own way gives the same bits: mel frames before a
 * clip is normalised, and convolutions whose frames are made of their own samples alone. Such a part must lie at the
 * same place in each window that has it, so that the hop decides which windows those are.
 *
 * @module
 */
import type { FeatureExtractor } from "../features/mod.ts";
import type { InferenceModel } from "../models/mod.ts";

/** What windows share. */
export interface SharedWork {
  shared: "mel frames" | "convolutions";
  /** Windows share it where their starts lie a multiple of so many samples apart. */
  stepSamples: number;
}

/** Each window shares with the one that is at most so many further on; else much would be kept for little. */
const MOST_SEQUENCES = 8;

/** The work that windows of a recording share, whatever their hop, or why they share none. */
export function sharedWork(
  { model, extractor }: { model: InferenceModel; extractor: FeatureExtractor },
): SharedWork | { reason: string } {
  if (extractor.windows) {
    return { shared: "mel frames", stepSamples: extractor.windows.stepSamples };
  }
  if (!extractor.keepsSamples) return { reason: "each is normalised by itself" };
  const frames = model.ownFrames;
  if (typeof frames === "string") return { reason: frames };
  return { shared: "convolutions", stepSamples: frames.hopSamples };
}

/** Whether windows of this length and hop have parts in common that lie alike in them. */
export function isShared(
  { stepSamples }: Pick<SharedWork, "stepSamples">,
  { windowSamples, hopSamples }: { windowSamples: number; hopSamples: number },
): boolean {
  const sequences = stepSamples / commonDivisor(stepSamples, hopSamples);
  return sequences <= MOST_SEQUENCES && sequences * hopSamples < windowSamples;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
