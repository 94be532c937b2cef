/**
 * Spectrograms for AST: Kaldi's filter bank, padded or cut to a fixed number of frames and normalised by the mean and
 * deviation of the training data.
 *
 * Equal to `ASTFeatureExtractor` of transformers 5 where torchaudio is absent: frames of 400 samples every 160, at
 * whatever rate. (With torchaudio they are 25 and 10 ms long, the same at 16 kHz, the rate of all published models.)
 * Samples stay within 1, where Kaldi itself would scale them to 16 bits. As in the reference, frames of padding are 0
 * before normalisation, whatever `padding_value` says.
 *
 * Source: Gong et al. 2021, "AST: Audio Spectrogram Transformer".
 *
 * @module
 */

import { MAX_SAMPLE_RATE_HZ } from "../audio/decoded_audio.ts";
import { requireFinite, requireRate, requireSamples } from "./_clips.ts";
import { ConfigFields, sortedByKey } from "./_config_fields.ts";
import {
  FFT_SIZE,
  FRAME_SAMPLES,
  framesOf,
  HOP_SAMPLES,
  kaldiFrame,
  PREEMPHASIS,
} from "./_kaldi.ts";
import { kaldiBank, type MelBank } from "./_mel.ts";
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
export interface ASTFeatureExtractorOptions {
  /** The rate that clips must have, in hertz. @default 16000 */
  samplingRate?: number;
  /** Bands of the filter bank. @default 128 */
  numMelBins?: number;
  /** Frames that every clip is padded or cut to. @default 1024 */
  maxLength?: number;
  /** Whether the spectrogram is normalised by `mean` and `std`. @default true */
  doNormalize?: boolean;
  /** Mean of the training data's spectrograms; the default is AudioSet's. @default -4.2677393 */
  mean?: number;
  /** Their standard deviation, above 0. @default 4.5689974 */
  std?: number;
  /** Whether a batch says which frames are real, where `extract` is not asked. @default false */
  returnAttentionMask?: boolean;
}

/**
 * The numbers of an extractor's steps, for who writes it in another language.
 *
 * @internal
 */
export interface ASTSteps {
  /** Frames and bands of a spectrogram. */
  shape: [frames: number, bands: number];
  /** Samples of a frame, and from one to the next. */
  frameSamples: number;
  hopSamples: number;
  /** Share of the sample before that is taken off each. */
  preemphasis: number;
  /** Weights of a frame's samples. */
  window: Float64Array;
  /** Points of the Fourier transform. */
  fftSize: number;
  bank: MelBank;
  /** The least energy whose logarithm is taken. */
  energyFloor: number;
  /** What is taken off each level, and what it is divided by then; 0 and 1 where nothing is normalised. */
  mean: number;
  scale: number;
}

const TYPE = "ASTFeatureExtractor";

const MIN_HZ = 20;
/** The spacing of float32 numbers at 1, below which Kaldi takes no logarithm. */
const ENERGY_FLOOR = 2 ** -23;

const MIN_SAMPLE_RATE_HZ = 1000;
const MAX_BANDS = 512;
/** More than five minutes. */
const MAX_FRAMES = 2 ** 15;

const WINDOW = hannWindow(FRAME_SAMPLES, FRAME_SAMPLES - 1);

const cutFrame = kaldiFrame(WINDOW);

/** Computed anew, where old files hold them. */
const UNKEPT_KEYS = ["mel_filters", "window"];

/**
 * Prepares spectrograms for the Audio Spectrogram Transformer.
 *
 * @example
 * ```ts
 * import { ASTFeatureExtractor } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const extractor = new ASTFeatureExtractor({ maxLength: 128 });
 * const { shape, lengths } = extractor.extract([new Float32Array(16_000)]);
 * deepEqual(shape, [1, 128, 128]);
 * deepEqual(lengths, Int32Array.of(98));
 * ```
 */
export class ASTFeatureExtractor implements FeatureExtractor {
  /** The class's name in `feature_extractor_type`. */
  readonly type: string = TYPE;
  /** The name of the model's argument that takes the batch. */
  readonly inputName = "input_values";
  /** The rate that clips must have, in hertz. */
  readonly samplingRate: number;
  /** The fewest samples that it takes: as in the reference, a part of a frame is silence. */
  readonly minSamples: number = FRAME_SAMPLES - HOP_SAMPLES;
  /** Samples that every clip is padded or cut to: those of `maxLength` frames. */
  readonly fixedSamples: number;
  readonly #options: Required<ASTFeatureExtractorOptions>;
  readonly #bank: MelBank;
  readonly #spectrogram: MelSpectrogram;
  #otherFields: Record<string, unknown> = {};

  /**
   * Builds an extractor from nothing, by default like that of the models trained on AudioSet.
   *
   * @param options how spectrograms are made.
   */
  constructor(options: ASTFeatureExtractorOptions = {}) {
    const { samplingRate = 16_000, numMelBins = 128, maxLength = 1024 } = options;
    const { doNormalize = true, mean = -4.2677393, std = 4.5689974 } = options;
    const { returnAttentionMask = false } = options;
    this.samplingRate = samplingRate;
    this.fixedSamples = (maxLength - 1) * HOP_SAMPLES + FRAME_SAMPLES;
    this.#options = {
      samplingRate,
      numMelBins,
      maxLength,
      doNormalize,
      mean,
      std,
      returnAttentionMask,
    };
    this.#bank = kaldiBank({
      bands: numMelBins,
      bins: FFT_SIZE / 2 + 1,
      samplingRate,
      minHz: MIN_HZ,
      maxHz: Math.floor(samplingRate / 2),
    });
    this.#spectrogram = new MelSpectrogram({
      fftSize: FFT_SIZE,
      frameSamples: FRAME_SAMPLES,
      hopSamples: HOP_SAMPLES,
      bank: this.#bank,
      cut: cutFrame,
      levelOf: (energy) => Math.log(Math.max(energy, ENERGY_FLOOR)),
    });
  }

  /**
   * Builds the extractor that a `preprocessor_config.json` describes.
   *
   * @param config the file's parsed content; a filter bank in it is ignored, other unknown fields are kept for
   * `toConfig`.
   * @param options the file's name, for messages.
   * @returns the extractor.
   * @throws {CheckpointError} where a field has a value that it cannot have.
   *
   * @example
   * ```ts
   * import { ASTFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const extractor = ASTFeatureExtractor.fromConfig({ max_length: 1024 });
   * equal(extractor.fixedSamples, 164_080);
   * ```
   */
  static fromConfig(config: unknown, options: { file?: string } = {}): ASTFeatureExtractor {
    const fields = new ConfigFields(config, options.file);
    fields.oneOf("feature_extractor_type", TYPE, [TYPE]);
    const std = fields.number("std", 4.5689974);
    if (std <= 0) throw fields.error(`expected std above 0, found ${std}`, "std");
    const extractor = new ASTFeatureExtractor({
      samplingRate: fields.integer("sampling_rate", 16_000, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ),
      numMelBins: fields.integer("num_mel_bins", 128, 1, MAX_BANDS),
      maxLength: fields.integer("max_length", 1024, 1, MAX_FRAMES),
      doNormalize: fields.boolean("do_normalize", true),
      mean: fields.number("mean", -4.2677393),
      std,
      returnAttentionMask: fields.boolean("return_attention_mask", false),
    });
    extractor.#otherFields = fields.besides(UNKEPT_KEYS);
    return extractor;
  }

  /**
   * The content of `preprocessor_config.json`, with the fields and the order of the reference.
   *
   * @returns a plain object, ready for `JSON.stringify`.
   *
   * @example
   * ```ts
   * import { ASTFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * equal(new ASTFeatureExtractor().toConfig().num_mel_bins, 128);
   * ```
   */
  toConfig(): Record<string, unknown> {
    return sortedByKey({
      feature_size: 1,
      padding_side: "right",
      padding_value: 0,
      ...this.#otherFields,
      do_normalize: this.#options.doNormalize,
      feature_extractor_type: TYPE,
      max_length: this.#options.maxLength,
      mean: this.#options.mean,
      num_mel_bins: this.#options.numMelBins,
      return_attention_mask: this.#options.returnAttentionMask,
      sampling_rate: this.#options.samplingRate,
      std: this.#options.std,
    });
  }

  /**
   * The numbers of its steps.
   *
   * @internal
   */
  get steps(): ASTSteps {
    const { maxLength, numMelBins, doNormalize, mean, std } = this.#options;
    return {
      shape: [maxLength, numMelBins],
      frameSamples: FRAME_SAMPLES,
      hopSamples: HOP_SAMPLES,
      preemphasis: PREEMPHASIS,
      window: WINDOW,
      fftSize: FFT_SIZE,
      bank: this.#bank,
      energyFloor: ENERGY_FLOOR,
      mean: doNormalize ? mean : 0,
      scale: doNormalize ? 2 * std : 1,
    };
  }

  /** Extraction of clips that overlap in a recording. */
  get windows(): WindowExtractor {
    return pairWindows(
      HOP_SAMPLES,
      (windows, options, kept) => this.#extract(windows, options, kept),
    );
  }

  /**
   * Turns clips into a batch; unless the options differ, each has `maxLength` frames. There is no mask, even if one is
   * asked for, as in the reference: models were trained without.
   *
   * Shape: B clips of `[samples]` -> `inputValues [B, T, C]`, `lengths [B]`
   *
   * @param clips waveforms of one channel, at the extractor's rate; they stay as they are.
   * @param options padding and truncation, in samples, and the clips' rate in hertz.
   * @returns new arrays.
   * @throws {RangeError} where the rate is another, a clip is shorter than a frame or holds NaN or infinity, or clips
   * of unlike length are not padded.
   *
   * @example
   * ```ts
   * import { ASTFeatureExtractor } from "@earshot/earshot";
   * import { deepEqual } from "node:assert/strict";
   *
   * const clips = [new Float32Array(8_000), new Float32Array(16_000)];
   * const { shape } = new ASTFeatureExtractor().extract(clips, { padding: "longest" });
   * deepEqual(shape, [2, 98, 128]);
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
    const clips = windows.map(({ samples }) => samples);
    const { numMelBins: bands } = this.#options;
    const doNormalize = options.doNormalize ?? this.#options.doNormalize;
    const { padding = "max_length", truncation = true, maxLength = this.fixedSamples } = options;
    const samples = batchLengths(clips, { ...options, padding, truncation, maxLength });
    samples.lengths.forEach((length, i) => requireSamples(i, this.minSamples, length));
    const frames = framesOf(samples.width);
    if (frames === 0) requireSamples(0, FRAME_SAMPLES, samples.width);
    const lengths = samples.lengths.map(framesOf);
    const inputValues = new Float32Array(clips.length * frames * bands);
    for (const [i, { start, samples: clip }] of windows.entries()) {
      const real = clip.subarray(0, samples.lengths[i]!);
      requireFinite(i, real);
      kept?.forgetBefore(start);
      const begin = i * frames * bands;
      const levels = inputValues.subarray(begin, begin + lengths[i]! * bands);
      this.#spectrogram.levels(real, levels, kept && { kept, start, own: [0, real.length] });
    }
    if (doNormalize) this.#normalize(inputValues);
    return { inputValues, shape: [clips.length, frames, bands], lengths };
  }

  /** To a mean of 0 and a deviation of a half. */
  #normalize(values: Float32Array): void {
    const { mean, std } = this.#options;
    for (let i = 0; i < values.length; i++) values[i] = (values[i]! - mean) / (2 * std);
  }
}
