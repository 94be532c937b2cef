/**
 * What counts as a silent clip, in training and in a look through a data set alike.
 *
 * @module
 */

/** A peak below this is silence: -80 dB of full scale. */
const SILENCE_PEAK = 1e-4;

/** Whether a clip is all but zero from beginning to end. */
export function isSilent(samples: Float32Array): boolean {
  return samples.every((sample) => Math.abs(sample) < SILENCE_PEAK);
}
