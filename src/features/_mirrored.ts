/**
 * Frames that lie around their middle: clips are mirrored at both ends, so that the first and the last have samples.
 *
 * @module
 */

import type { ConfigFields } from "./_config_fields.ts";
import { transformRadices } from "./_fourier.ts";

const [MIN_FFT_SIZE, MAX_FFT_SIZE] = [16, 4096];

/** The field `n_fft`. */
export function fftSizeField(
  fields: ConfigFields,
  { or, most = MAX_FFT_SIZE }: { or: number; most?: number },
): number {
  const size = fields.integer("n_fft", or, MIN_FFT_SIZE, Math.min(most, MAX_FFT_SIZE));
  if (size % 2 === 0 && transformRadices(size) !== undefined) return size;
  throw fields.error(`expected n_fft an even product of 2, 3, 5 and 7, found ${size}`, "n_fft");
}

/** Ends where a clip is too short to be mirrored. */
export function requireMirror(samples: number, least: number): void {
  if (samples >= least) return;
  throw new RangeError(
    `Cannot extract features: expected clips padded to ${least} samples or more, found ${samples}`,
  );
}

/** A clip padded to `width`, with `half` a frame before and behind, mirrored at the outermost samples. */
export function mirrored(
  real: Float32Array,
  { width, half, paddingValue }: { width: number; half: number; paddingValue: number },
): Float32Array {
  const samples = new Float32Array(width + 2 * half).fill(paddingValue);
  samples.set(real, half);
  const last = half + width - 1;
  for (let i = 1; i <= half; i++) {
    samples[half - i] = samples[half + i]!;
    samples[last + i] = samples[last - i]!;
  }
  return samples;
}
