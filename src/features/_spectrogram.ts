/**
 * From samples to the energies of mel bands, frame by frame: what the two extractors of spectrograms share.
 *
 * How a frame is cut out and weighed is the extractor's, and so are the logarithm and all that follows.
 *
 * @module
 */

import { PowerSpectrum } from "./_fourier.ts";
import { bandEnergies, type MelBank } from "./_mel.ts";

/** How samples become frames. */
export interface SpectrogramOptions {
  /** Points of the Fourier transform. */
  fftSize: number;
  /** Samples from the start of a frame to that of the next. */
  hopSamples: number;
  bank: MelBank;
  /** Writes the weighed samples from `start` on into `frame`, as many as it always writes. */
  cut(samples: Float32Array, start: number, frame: Float64Array): void;
}

/** Computes mel energies; one after the other, as it works in buffers of its own. */
export class MelSpectrogram {
  readonly #options: SpectrogramOptions;
  readonly #spectrum: PowerSpectrum;
  readonly #frames: [Float64Array, Float64Array];
  readonly #powers: [Float64Array, Float64Array];

  constructor(options: SpectrogramOptions) {
    this.#options = options;
    this.#spectrum = new PowerSpectrum(options.fftSize);
    const { size, bins } = this.#spectrum;
    this.#frames = [new Float64Array(size), new Float64Array(size)];
    this.#powers = [new Float64Array(bins), new Float64Array(bins)];
  }

  /**
   * The energies of as many frames as there is room for.
   *
   * Shape: `samples [S]` -> `energies [T, bands]`
   */
  energies(samples: Float32Array, energies: Float32Array): void {
    const { hopSamples, bank, cut } = this.#options;
    const { bands } = bank;
    const frames = energies.length / bands;
    for (let t = 0; t < frames; t += 2) {
      const last = Math.min(t + 1, frames - 1);
      cut(samples, t * hopSamples, this.#frames[0]);
      cut(samples, last * hopSamples, this.#frames[1]);
      this.#spectrum.compute(...this.#frames, ...this.#powers);
      bandEnergies(bank, this.#powers[0], energies.subarray(t * bands, (t + 1) * bands));
      bandEnergies(bank, this.#powers[1], energies.subarray(last * bands, (last + 1) * bands));
    }
  }
}

/** A raised cosine. @param period the samples from one zero to the next. */
export function hannWindow(size: number, period: number): Float64Array {
  return Float64Array.from(
    { length: size },
    (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / period),
  );
}
