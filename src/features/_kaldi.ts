/**
 * Frames as Kaldi cuts them: freed of their mean, their high frequencies lifted, their ends faded.
 *
 * They are 400 samples long and 160 apart at whatever rate, as in the extractors of transformers that follow Kaldi.
 *
 * Source: the Kaldi manual, "Feature extraction"; `spectrogram` of transformers 5.18 `audio_utils.py`.
 *
 * @module
 */

/** Samples of a frame. */
export const FRAME_SAMPLES = 400;
/** Samples from the start of a frame to that of the next. */
export const HOP_SAMPLES = 160;
/** Points of the Fourier transform. */
export const FFT_SIZE = 512;
/** Share of the sample before that is taken off each. */
export const PREEMPHASIS = 0.97;

/** Whole frames in so many samples. */
export function framesOf(samples: number): number {
  return Math.floor((samples - FRAME_SAMPLES) / HOP_SAMPLES) + 1;
}

/** Cuts frames under a window whose first weight is 0. Shape: `window [FRAME_SAMPLES]`. */
export function kaldiFrame(
  window: Float64Array,
): (samples: Float32Array, start: number, frame: Float64Array) => void {
  return (samples, start, frame) => {
    let sum = 0;
    for (let i = 0; i < FRAME_SAMPLES; i++) sum += samples[start + i]!;
    const mean = sum / FRAME_SAMPLES;
    // The first sample has none before it, and needs none: the window is 0 there.
    let before = 0;
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      const sample = samples[start + i]! - mean;
      frame[i] = (sample - PREEMPHASIS * before) * window[i]!;
      before = sample;
    }
  };
}
