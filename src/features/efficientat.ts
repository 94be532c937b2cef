/**
 * Spectrograms for EfficientAT: logarithms of mel energies, of frames around their middle, their high frequencies lifted.
 *
 * Equal to `AugmentMelSTFT` of github.com/fschmid56/EfficientAT at a425fdc as it is in evaluation, but that frames come
 * before bands here, as the layers take them. A config has its arguments, under transformers' names where there are such
 * (`sampling_rate`, `feature_size`). In training the reference also moves the ends of its bands at random, by up to 5 Hz
 * and 1 kHz, and masks bands and frames: that is left to the augmentations of training here.
 *
 * Source: Schmid et al. 2023, "Efficient large-scale audio tagging via transformer-to-CNN knowledge distillation".
 *
 * @module
 */

import { MAX_SAMPLE_RATE_HZ } from "../audio/decoded_audio.ts";
import { requireFinite, requireRate, requireSamples } from "./_clips.ts";
import { ConfigFields, sortedByKey } from "./_config_fields.ts";
import { PREEMPHASIS } from "./_kaldi.ts";
import { kaldiBank } from "./_mel.ts";
import { fftSizeField, mirrored } from "./_mirrored.ts";
import { batchLengths } from "./_padding.ts";
import { hannWindow, MelSpectrogram, pairWindows } from "./_spectrogram.ts";
import type {
  ExtractOptions,
  FeatureBatch,
  FeatureExtractor,
  RecordingWindow,
  WindowExtractor,
} from "./feature_extractor.ts";
import type { KeptRows } from "./kept_rows.ts";

/** How spectrograms are made; the fields of `preprocessor_config.json` in camelCase. */
export interface EfficientATFeatureExtractorOptions {
  /** The rate that clips must have, in hertz. @default 32000 */
  samplingRate?: number;
  /** Mel bands. @default 128 */
  featureSize?: number;
  /** The lowest frequency of a band, in hertz. @default 0 */
  fmin?: number;
  /** The highest frequency of a band, in hertz. @default 1000 below half the rate */
  fmax?: number;
  /** Points of the Fourier transform, an even product of 2, 3, 5 and 7. @default 1024 */
  nFft?: number;
  /** Samples of a frame, in the middle of the points. @default 800 */
  winLength?: number;
  /** Samples from one frame to the next. @default 320 */
  hopsize?: number;
}

const TYPE = "EfficientATFeatureExtractor";

const ENERGY_FLOOR = 1e-5;
/** Where logarithms are moved to, and what they are divided by. */
const [MIDDLE, SPREAD] = [-4.5, 5];
/** How far below half the rate the bands end. */
const BAND_MARGIN_HZ = 1000;

const MIN_SAMPLE_RATE_HZ = 4000;
const MAX_BANDS = 512;
const MAX_HOP = 65_536;

const OWN_KEYS = [
  "feature_extractor_type",
  "feature_size",
  "fmax",
  "fmin",
  "hopsize",
  "n_fft",
  "sampling_rate",
  "win_length",
];

/**
 * Prepares spectrograms for EfficientAT.
 *
 * @example
 * ```ts
 * import { EfficientATFeatureExtractor } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const { shape } = new EfficientATFeatureExtractor().extract([new Float32Array(32_000)]);
 * deepEqual(shape, [1, 100, 128]);
 * ```
 */
export class EfficientATFeatureExtractor implements FeatureExtractor {
  /** The class's name in `feature_extractor_type`. */
  readonly type: string = TYPE;
  /** The name of the model's argument that takes the batch. */
  readonly inputName = "input_values";
  /** The rate that clips must have, in hertz. */
  readonly samplingRate: number;
  /** The fewest samples that it takes: what can be mirrored. */
  readonly minSamples: number;
  readonly #options: Required<Omit<EfficientATFeatureExtractorOptions, "fmax">> & { fmax?: number };
  readonly #spectrogram: MelSpectrogram;
  #otherFields: Record<string, unknown> = {};

  /**
   * Builds an extractor from nothing, by default like that of most published models.
   *
   * @param options how spectrograms are made.
   * @throws {RangeError} where `nFft` has a factor above 7.
   */
  constructor(options: EfficientATFeatureExtractorOptions = {}) {
    const { samplingRate = 32_000, featureSize = 128, fmin = 0, fmax } = options;
    const { nFft = 1024, winLength = 800, hopsize = 320 } = options;
    this.samplingRate = samplingRate;
    this.minSamples = nFft / 2 + 2;
    this.#options = { samplingRate, featureSize, fmin, fmax, nFft, winLength, hopsize };
    const before = Math.floor((nFft - winLength) / 2);
    const window = hannWindow(winLength, winLength - 1);
    this.#spectrogram = new MelSpectrogram({
      fftSize: nFft,
      frameSamples: nFft,
      hopSamples: hopsize,
      bank: kaldiBank({
        bands: featureSize,
        bins: nFft / 2 + 1,
        samplingRate,
        minHz: fmin,
        maxHz: fmax ?? defaultFmax(samplingRate),
      }),
      cut: (samples, start, frame) => {
        for (let i = 0; i < winLength; i++) {
          frame[before + i] = samples[start + before + i]! * window[i]!;
        }
      },
      levelOf: (energy) => (Math.log(energy + ENERGY_FLOOR) - MIDDLE) / SPREAD,
    });
  }

  /**
   * Builds the extractor that a `preprocessor_config.json` describes.
   *
   * @param config the file's parsed content; unknown fields are kept for `toConfig`.
   * @param options the file's name, for messages.
   * @returns the extractor.
   * @throws {CheckpointError} where a field has a value that it cannot have.
   *
   * @example
   * ```ts
   * import { EfficientATFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const extractor = EfficientATFeatureExtractor.fromConfig({ feature_size: 64, hopsize: 480 });
   * equal(extractor.minSamples, 514);
   * ```
   */
  static fromConfig(
    config: unknown,
    options: { file?: string } = {},
  ): EfficientATFeatureExtractor {
    const fields = new ConfigFields(config, options.file);
    fields.oneOf("feature_extractor_type", TYPE, [TYPE]);
    const rate = fields.integer("sampling_rate", 32_000, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ);
    const fmax = fields.number("fmax", defaultFmax(rate));
    const fmin = fields.number("fmin", 0);
    if (!(fmin >= 0 && fmin < fmax)) {
      throw fields.error(`expected fmin from 0 to below fmax ${fmax}, found ${fmin}`, "fmin");
    }
    if (fmax > rate / 2) {
      throw fields.error(`expected fmax of at most ${rate / 2}, found ${fmax}`, "fmax");
    }
    const nFft = fftSizeField(fields, { or: 1024 });
    const extractor = new EfficientATFeatureExtractor({
      samplingRate: rate,
      featureSize: fields.integer("feature_size", 128, 1, MAX_BANDS),
      fmin,
      fmax: fields.has("fmax") ? fmax : undefined,
      nFft,
      winLength: fields.integer("win_length", Math.min(800, nFft), 2, nFft),
      hopsize: fields.integer("hopsize", 320, 1, MAX_HOP),
    });
    extractor.#otherFields = fields.besides(OWN_KEYS);
    return extractor;
  }

  /**
   * The content of `preprocessor_config.json`.
   *
   * @returns a plain object, ready for `JSON.stringify`.
   *
   * @example
   * ```ts
   * import { EfficientATFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * equal(new EfficientATFeatureExtractor().toConfig().feature_size, 128);
   * ```
   */
  toConfig(): Record<string, unknown> {
    const { samplingRate, featureSize, fmin, fmax, nFft, winLength, hopsize } = this.#options;
    return sortedByKey({
      padding_side: "right",
      padding_value: 0,
      return_attention_mask: false,
      ...this.#otherFields,
      feature_extractor_type: TYPE,
      feature_size: featureSize,
      fmax: fmax ?? null,
      fmin,
      hopsize,
      n_fft: nFft,
      sampling_rate: samplingRate,
      win_length: winLength,
    });
  }

  /** Extraction of clips that overlap in a recording. */
  get windows(): WindowExtractor {
    return pairWindows(
      this.#options.hopsize,
      (windows, options, kept) => this.#extract(windows, options, kept),
    );
  }

  /**
   * Turns clips into a batch. There is no mask, even if one is asked for: models were trained without.
   *
   * Shape: B clips of `[samples]` -> `inputValues [B, T, C]`, `lengths [B]`
   *
   * @param clips waveforms of one channel, at the extractor's rate; they stay as they are.
   * @param options padding and truncation, in samples, and the clips' rate in hertz.
   * @returns new arrays.
   * @throws {RangeError} where the rate is another, a clip is too short or holds NaN or infinity, or clips of unlike
   * length are not padded.
   *
   * @example
   * ```ts
   * import { EfficientATFeatureExtractor } from "@earshot/earshot";
   * import { deepEqual } from "node:assert/strict";
   *
   * const clips = [new Float32Array(16_000), new Float32Array(32_000)];
   * const { shape, lengths } = new EfficientATFeatureExtractor().extract(clips, { padding: true });
   * deepEqual([shape, lengths], [[2, 100, 128], Int32Array.of(50, 100)]);
   * ```
   */
  extract(clips: readonly Float32Array[], options: ExtractOptions = {}): FeatureBatch {
    return this.#extract(clips.map((samples) => ({ start: 0, samples })), options);
  }

  #extract(
    windows: readonly RecordingWindow[],
    options: ExtractOptions,
    kept?: KeptRows,
  ): FeatureBatch {
    requireRate(this.samplingRate, options.samplingRate);
    const { featureSize: bands, nFft } = this.#options;
    const { lengths: samples, width } = batchLengths(windows.map((it) => it.samples), options);
    requireSamples(0, this.minSamples, width);
    const frames = this.#frames(width);
    const inputValues = new Float32Array(windows.length * frames * bands);
    const half = nFft / 2;
    for (const [i, { start, samples: clip }] of windows.entries()) {
      const real = clip.subarray(0, samples[i]!);
      requireFinite(i, real);
      kept?.forgetBefore(start);
      const values = inputValues.subarray(i * frames * bands, (i + 1) * frames * bands);
      const lifted = mirrored(emphasised(real, width), { width: width - 1, half, paddingValue: 0 });
      // What padding takes part in is not the recording's own.
      const own: [number, number] = [half, half + real.length - 1];
      this.#spectrogram.levels(lifted, values, kept && { kept, start: start - half, own });
    }
    const lengths = samples.map((length) => Math.min(frames, this.#frames(length)));
    return { inputValues, shape: [windows.length, frames, bands], lengths };
  }

  /** Frames of so many samples. */
  #frames(samples: number): number {
    return Math.floor(Math.max(0, samples - 1) / this.#options.hopsize) + 1;
  }
}

function defaultFmax(samplingRate: number): number {
  return Math.floor(samplingRate / 2) - BAND_MARGIN_HZ;
}

/** What each sample adds to a share of the one before it, of a clip padded with zeros. Shape: `[S]` -> `[width - 1]` */
function emphasised(real: Float32Array, width: number): Float32Array {
  const lifted = new Float32Array(width - 1);
  const last = Math.min(real.length, width - 1);
  for (let i = 0; i < last; i++) lifted[i] = (real[i + 1] ?? 0) - PREEMPHASIS * real[i]!;
  return lifted;
}
