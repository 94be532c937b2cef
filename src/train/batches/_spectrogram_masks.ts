/**
 * SpecAugment on what a model takes that sees spectrograms: spans of frames and of bands are blotted out.
 *
 * Each clip gets two spans of either kind, each as long as chance wills it, up to a share of the clip. What is blotted
 * out gets the mean of the clip, so that neither its extractor nor its model has to know.
 *
 * Not here: the masks of models that take samples, which their own config states (`layers/spec_augment.ts`).
 *
 * Source: Park et al. 2019, "SpecAugment".
 *
 * @module
 */
import type { Random } from "../../random.ts";
import type { Batch } from "./batches.ts";

/** How much is masked. */
export interface SpectrogramMasks {
  /** The longest span of frames, as a share of a clip's frames that are no padding; 0 masks none. */
  timeShare: number;
  /** The widest span of bands, as a share of all; 0 masks none. */
  bandShare: number;
}

const SPANS = 2;

/** Masks the clips of a batch, in place. **Shape** `inputs [B, T, C]`, `lengths [B]` frames */
export function maskSpectrograms(
  { inputs, shape, lengths }: Pick<Batch, "inputs" | "shape" | "lengths">,
  { timeShare, bandShare }: SpectrogramMasks,
  random: Random,
): void {
  const [clips, frames, bands] = shape as [number, number, number];
  const size = frames * bands;
  for (let clip = 0; clip < clips; clip++) {
    const spectrogram = inputs.subarray(clip * size, (clip + 1) * size);
    const real = lengths?.[clip] ?? frames;
    const heard = spectrogram.subarray(0, real * bands);
    const mean = heard.reduce((sum, value) => sum + value, 0) / heard.length;
    for (let span = 0; span < SPANS; span++) {
      const times = drawnSpan(real, timeShare, random);
      spectrogram.fill(mean, times.begin * bands, times.end * bands);
      const { begin, end } = drawnSpan(bands, bandShare, random);
      for (let frame = 0; frame < real; frame++) {
        spectrogram.fill(mean, frame * bands + begin, frame * bands + end);
      }
    }
  }
}

function drawnSpan(size: number, share: number, random: Random): { begin: number; end: number } {
  const length = random.below(Math.floor(size * share) + 1);
  const begin = random.below(size - length + 1);
  return { begin, end: begin + length };
}
