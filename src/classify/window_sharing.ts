/**
 * Which work windows of one recording share where they overlap.
 *
 * A window is a clip, so that work is shared only where the clip's own way gives the same bits: mel frames before a
 * clip is normalised. A part that several windows have must lie at the same place in each of them, so that it depends
 * on the hop which windows those are.
 *
 * @module
 */
import type { FeatureExtractor } from "../features/mod.ts";

/** What windows share. */
export interface SharedWork {
  /** In words. */
  shared: "mel frames";
  /** Windows share where their starts lie a multiple of so many samples apart. */
  stepSamples: number;
}

/** Each of that many windows shares with one further on; with more, little is shared and much is kept. */
const MOST_SEQUENCES = 8;

/** The work that windows of a recording share, whatever their hop, or why they share none. */
export function sharedWork(extractor: FeatureExtractor): SharedWork | { reason: string } {
  if (extractor.windows) {
    return { shared: "mel frames", stepSamples: extractor.windows.stepSamples };
  }
  return { reason: "each window is normalised by itself" };
}

/** Whether windows of this length and hop have parts in common that lie alike in them. */
export function isShared(
  stepSamples: number,
  { windowSamples, hopSamples }: { windowSamples: number; hopSamples: number },
): boolean {
  const sequences = stepSamples / commonDivisor(stepSamples, hopSamples);
  return sequences <= MOST_SEQUENCES && sequences * hopSamples < windowSamples;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
