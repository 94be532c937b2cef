/**
 * From samples to the levels of mel bands, frame by frame: what the two extractors of spectrograms share.
 *
 * How a frame is cut out and weighed is the extractor's, and so are the logarithm and all that follows. Two frames go
 * through one Fourier transform, whose rounding they share: a frame has the same bits only beside the same other one.
 * So it is pairs that windows of one recording have in common, and a window begins with a pair.
 *
 * @module
 */

import { PowerSpectrum } from "./_fourier.ts";
import { bandEnergies, type MelBank } from "./_mel.ts";
import type {
  ExtractOptions,
  FeatureBatch,
  RecordingWindow,
  WindowExtractor,
} from "./feature_extractor.ts";
import { KeptRows } from "./kept_rows.ts";

/** Frames that are computed together. */
const PAIR_FRAMES = 2;

/** How samples become frames. */
export interface SpectrogramOptions {
  /** Points of the Fourier transform. */
  fftSize: number;
  /** Samples of a frame. */
  frameSamples: number;
  /** Samples from the start of a frame to that of the next. */
  hopSamples: number;
  bank: MelBank;
  /** Writes the weighed samples from `start` on into `frame`, as many as it always writes. */
  cut(samples: Float32Array, start: number, frame: Float64Array): void;
  /** What is given for the energy of a band. */
  levelOf(energy: number): number;
}

/** Samples as a stretch of a recording, of which pairs of frames are kept. */
export interface Stretch {
  kept: KeptRows;
  /** The number in the recording of the first of the samples. */
  start: number;
  /** From which of the samples on, and up to which, they are the recording's own; what lies outside was added. */
  own: [from: number, to: number];
}

/** Computes mel levels; one after the other, as it works in buffers of its own. */
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
   * The levels of as many frames as there is room for; of a stretch, pairs that are kept are not computed again.
   *
   * Shape: `samples [S]` -> `levels [T, bands]`
   */
  levels(samples: Float32Array, levels: Float32Array, stretch?: Stretch): void {
    const { bank: { bands } } = this.#options;
    const frames = levels.length / bands;
    for (let t = 0; t < frames; t += PAIR_FRAMES) {
      const pair = levels.subarray(t * bands, (t + PAIR_FRAMES) * bands);
      const place = stretch && t + 1 < frames ? this.#placeOf(t, stretch) : undefined;
      const kept = place === undefined ? undefined : stretch!.kept.get(place);
      if (kept) {
        pair.set(kept);
        continue;
      }
      this.#compute(samples, t, pair);
      if (place !== undefined) stretch!.kept.set(place, pair);
    }
  }

  /** Where frames `t` and `t + 1` begin in the recording, unless something that was added is in them. */
  #placeOf(t: number, { start, own: [from, to] }: Stretch): number | undefined {
    const { frameSamples, hopSamples } = this.#options;
    const at = t * hopSamples;
    return at >= from && at + hopSamples + frameSamples <= to ? start + at : undefined;
  }

  /** A frame that is left over goes beside itself. */
  #compute(samples: Float32Array, t: number, pair: Float32Array): void {
    const { hopSamples, bank, cut, levelOf } = this.#options;
    const next = pair.length - bank.bands;
    cut(samples, t * hopSamples, this.#frames[0]);
    cut(samples, (t + (next > 0 ? 1 : 0)) * hopSamples, this.#frames[1]);
    this.#spectrum.compute(...this.#frames, ...this.#powers);
    bandEnergies(bank, this.#powers[0], pair.subarray(0, bank.bands));
    bandEnergies(bank, this.#powers[1], pair.subarray(next));
    for (let i = 0; i < pair.length; i++) pair[i] = levelOf(pair[i]!);
  }
}

/** Extraction of the windows of a recording, which share pairs of frames; `extract` gets those that a recording keeps. */
export function pairWindows(
  hopSamples: number,
  extract: (
    windows: readonly RecordingWindow[],
    options: ExtractOptions,
    kept: KeptRows,
  ) => FeatureBatch,
): WindowExtractor {
  return {
    stepSamples: PAIR_FRAMES * hopSamples,
    begin: () => {
      const kept = new KeptRows();
      return (windows, options = {}) => extract(windows, options, kept);
    },
  };
}

/** A raised cosine. @param period the samples from one zero to the next. */
export function hannWindow(size: number, period: number): Float64Array {
  return Float64Array.from(
    { length: size },
    (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / period),
  );
}
