/**
 * Spectrograms for CED: mel energies in decibels, of frames around their middle, as far as 120 dB below the loudest.
 *
 * Equal to `CedFeatureExtractor` of github.com/jimbozhang/hf_transformers_custom_model_ced at 1a9cd46, which rests on
 * torchaudio's `MelSpectrogram` and `AmplitudeToDB`, but for two things. Frames come before bands here, as the layers
 * take them, so that a batch is the reference's transposed. And the loudest is the clip's own, where the reference takes
 * that of the whole batch: the two agree for one clip. Clips keep their length; where they are padded, it is with
 * silence, which the model hears.
 *
 * Source: Dinkel et al. 2023, "CED: Consistent ensemble distillation for audio tagging".
 *
 * @module
 */

import { MAX_SAMPLE_RATE_HZ } from "../audio/decoded_audio.ts";
import { requireFinite, requireRate, requireSamples } from "./_clips.ts";
import { ConfigFields, sortedByKey } from "./_config_fields.ts";
import { htkBank } from "./_mel.ts";
import { fftSizeField, mirrored } from "./_mirrored.ts";
import { batchLengths } from "./_padding.ts";
import { hannWindow, MelSpectrogram, pairWindows, type Stretch } from "./_spectrogram.ts";
import type {
  ExtractOptions,
  FeatureBatch,
  FeatureExtractor,
  RecordingWindow,
  WindowExtractor,
} from "./feature_extractor.ts";
import type { KeptRows } from "./kept_rows.ts";

/** How spectrograms are made; the fields of `preprocessor_config.json` in camelCase. */
export interface CedFeatureExtractorOptions {
  /** The rate that clips must have, in hertz. @default 16000 */
  samplingRate?: number;
  /** Mel bands. @default 64 */
  featureSize?: number;
  /** The lowest frequency of a band, in hertz. @default 0 */
  fMin?: number;
  /** The highest frequency of a band, in hertz. @default half the rate */
  fMax?: number;
  /** Points of the Fourier transform, an even product of 2, 3, 5 and 7. @default 512 */
  nFft?: number;
  /** Samples of a frame, in the middle of the points. @default 512 */
  winSize?: number;
  /** Samples from one frame to the next. @default 160 */
  hopSize?: number;
  /** Whether frames lie around their middle, the clip mirrored at its ends. @default true */
  center?: boolean;
}

const TYPE = "CedFeatureExtractor";

const ENERGY_FLOOR = 1e-10;
/** Decibels below a clip's loudest moment that are kept. */
const DYNAMIC_RANGE_DB = 120;

const MIN_SAMPLE_RATE_HZ = 1000;
const MAX_BANDS = 512;
const MAX_HOP = 65_536;

const OWN_KEYS = [
  "center",
  "f_max",
  "f_min",
  "feature_extractor_type",
  "feature_size",
  "hop_size",
  "n_fft",
  "sampling_rate",
  "win_size",
];

/**
 * Prepares spectrograms for CED.
 *
 * @example
 * ```ts
 * import { CedFeatureExtractor } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const { shape } = new CedFeatureExtractor().extract([new Float32Array(16_000)]);
 * deepEqual(shape, [1, 101, 64]);
 * ```
 */
export class CedFeatureExtractor implements FeatureExtractor {
  /** The class's name in `feature_extractor_type`. */
  readonly type: string = TYPE;
  /** The name of the model's argument that takes the batch. */
  readonly inputName = "input_values";
  /** The rate that clips must have, in hertz. */
  readonly samplingRate: number;
  /** The fewest samples that it takes: those of a frame, or what can be mirrored. */
  readonly minSamples: number;
  readonly #options: Required<Omit<CedFeatureExtractorOptions, "fMax">> & { fMax?: number };
  readonly #spectrogram: MelSpectrogram;
  #otherFields: Record<string, unknown> = {};

  /**
   * Builds an extractor from nothing, by default like that of the published models.
   *
   * @param options how spectrograms are made.
   * @throws {RangeError} where `nFft` has a factor above 7.
   */
  constructor(options: CedFeatureExtractorOptions = {}) {
    const { samplingRate = 16_000, featureSize = 64, fMin = 0, fMax, hopSize = 160 } = options;
    const { nFft = 512, winSize = 512, center = true } = options;
    this.samplingRate = samplingRate;
    this.minSamples = center ? nFft / 2 + 1 : nFft;
    this.#options = { samplingRate, featureSize, fMin, fMax, nFft, winSize, hopSize, center };
    const before = Math.floor((nFft - winSize) / 2);
    const window = hannWindow(winSize, winSize);
    this.#spectrogram = new MelSpectrogram({
      fftSize: nFft,
      frameSamples: nFft,
      hopSamples: hopSize,
      bank: htkBank({
        bands: featureSize,
        bins: nFft / 2 + 1,
        samplingRate,
        minHz: fMin,
        maxHz: fMax ?? Math.floor(samplingRate / 2),
      }),
      cut: (samples, start, frame) => {
        for (let i = 0; i < winSize; i++) {
          frame[before + i] = samples[start + before + i]! * window[i]!;
        }
      },
      levelOf: (energy) => 10 * Math.log10(Math.max(energy, ENERGY_FLOOR)),
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
   * import { CedFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const extractor = CedFeatureExtractor.fromConfig({ feature_size: 64, hop_size: 320 });
   * equal(extractor.minSamples, 257);
   * ```
   */
  static fromConfig(config: unknown, options: { file?: string } = {}): CedFeatureExtractor {
    const fields = new ConfigFields(config, options.file);
    fields.oneOf("feature_extractor_type", TYPE, [TYPE]);
    const rate = fields.integer("sampling_rate", 16_000, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ);
    const highest = Math.floor(rate / 2);
    const fMax = fields.number("f_max", highest);
    const fMin = fields.number("f_min", 0);
    if (!(fMin >= 0 && fMin < fMax)) {
      throw fields.error(`expected f_min from 0 to below f_max ${fMax}, found ${fMin}`, "f_min");
    }
    if (fMax > highest) {
      throw fields.error(`expected f_max of at most ${highest}, found ${fMax}`, "f_max");
    }
    const nFft = fftSizeField(fields, { or: 512 });
    const extractor = new CedFeatureExtractor({
      samplingRate: rate,
      featureSize: fields.integer("feature_size", 64, 1, MAX_BANDS),
      fMin,
      fMax: fields.has("f_max") ? fMax : undefined,
      nFft,
      winSize: fields.integer("win_size", 512, 1, nFft),
      hopSize: fields.integer("hop_size", 160, 1, MAX_HOP),
      center: fields.boolean("center", true),
    });
    extractor.#otherFields = fields.besides(OWN_KEYS);
    return extractor;
  }

  /**
   * The content of `preprocessor_config.json`, with the fields and the order of the reference.
   *
   * @returns a plain object, ready for `JSON.stringify`.
   *
   * @example
   * ```ts
   * import { CedFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * equal(new CedFeatureExtractor().toConfig().feature_size, 64);
   * ```
   */
  toConfig(): Record<string, unknown> {
    const { samplingRate, featureSize, fMin, fMax, nFft, winSize, hopSize, center } = this.#options;
    return sortedByKey({
      padding_side: "right",
      padding_value: 0,
      return_attention_mask: false,
      ...this.#otherFields,
      center,
      f_max: fMax ?? null,
      f_min: fMin,
      feature_extractor_type: TYPE,
      feature_size: featureSize,
      hop_size: hopSize,
      n_fft: nFft,
      sampling_rate: samplingRate,
      win_size: winSize,
    });
  }

  /** Extraction of clips that overlap in a recording. */
  get windows(): WindowExtractor {
    return pairWindows(
      this.#options.hopSize,
      (windows, options, kept) => this.#extract(windows, options, kept),
    );
  }

  /**
   * Turns clips into a batch. There is no mask, even if one is asked for, as in the reference: models were trained
   * without.
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
   * import { CedFeatureExtractor } from "@earshot/earshot";
   * import { deepEqual } from "node:assert/strict";
   *
   * const clips = [new Float32Array(8_000), new Float32Array(16_000)];
   * const { shape, lengths } = new CedFeatureExtractor().extract(clips, { padding: true });
   * deepEqual([shape, lengths], [[2, 101, 64], Int32Array.of(51, 101)]);
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
    const { featureSize: bands } = this.#options;
    const { lengths: samples, width } = batchLengths(windows.map((it) => it.samples), options);
    requireSamples(0, this.minSamples, width);
    const frames = this.#frames(width);
    const inputValues = new Float32Array(windows.length * frames * bands);
    for (const [i, { start, samples: clip }] of windows.entries()) {
      const real = clip.subarray(0, samples[i]!);
      requireFinite(i, real);
      kept?.forgetBefore(start);
      const values = inputValues.subarray(i * frames * bands, (i + 1) * frames * bands);
      this.#levels({ start, samples: real }, { width, kept }, values);
    }
    const lengths = samples.map((length) => Math.min(frames, this.#frames(length)));
    return { inputValues, shape: [windows.length, frames, bands], lengths };
  }

  /** Frames of so many samples. */
  #frames(samples: number): number {
    const { nFft, hopSize, center } = this.#options;
    return Math.max(0, Math.floor((center ? samples : samples - nFft) / hopSize) + 1);
  }

  #levels(
    { start, samples: real }: RecordingWindow,
    { width, kept }: { width: number; kept?: KeptRows },
    values: Float32Array,
  ): void {
    const { nFft, center } = this.#options;
    const half = center ? nFft / 2 : 0;
    const own: Stretch["own"] = [half, half + real.length];
    const stretch = kept && { kept, start: start - half, own };
    this.#spectrogram.levels(mirrored(real, { width, half, paddingValue: 0 }), values, stretch);
    raiseToFloor(values);
  }
}

/** The loudest level sets the floor of its clip, in place. */
function raiseToFloor(levels: Float32Array): void {
  let loudest = -Infinity;
  for (let i = 0; i < levels.length; i++) loudest = Math.max(loudest, levels[i]!);
  const floor = loudest - DYNAMIC_RANGE_DB;
  for (let i = 0; i < levels.length; i++) levels[i] = Math.max(levels[i]!, floor);
}
