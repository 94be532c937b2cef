/**
 * Spectrograms for Wav2Vec2-BERT: Kaldi's filter bank, each band of a clip brought to zero mean and unit variance, and
 * neighbouring frames laid side by side.
 *
 * Equal to `SeamlessM4TFeatureExtractor` of transformers 5: frames of 400 samples every 160, of samples as 16-bit
 * integers, at whatever rate. A clip is normalised whole and padded or cut then, both to an even number of frames. `stride` frames become one; those left
 * over at the end are dropped.
 *
 * With a stride of 1 the reference's mask is empty; here it says which frames are real.
 *
 * Source: Communication et al. 2023, "Seamless: Multilingual Expressive and Streaming Speech Translation".
 *
 * @module
 */

import { MAX_SAMPLE_RATE_HZ } from "../audio/decoded_audio.ts";
import { requireFinite, requireRate, requireSamples } from "./_clips.ts";
import { ConfigFields, sortedByKey } from "./_config_fields.ts";
import { FFT_SIZE, FRAME_SAMPLES, framesOf, HOP_SAMPLES, kaldiFrame } from "./_kaldi.ts";
import { kaldiBank } from "./_mel.ts";
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
export interface SeamlessM4TFeatureExtractorOptions {
  /** The rate that clips must have, in hertz. @default 16000 */
  samplingRate?: number;
  /** Bands of the filter bank. @default 80 */
  numMelBins?: number;
  /** Frames of the filter bank that become one. @default 2 */
  stride?: number;
  /** What padding is made of. @default 0 */
  paddingValue?: number;
  /** Whether a batch says which frames are real, where `extract` is not asked. @default true */
  returnAttentionMask?: boolean;
}

const TYPE = "SeamlessM4TFeatureExtractor";

const MIN_HZ = 20;
/** What a sample of 1 is as a 16-bit integer. */
const FULL_SCALE = 2 ** 15;
/** The spacing of float32 numbers at 1, below which Kaldi takes no logarithm. */
const ENERGY_FLOOR = 2 ** -23;
/** Keeps the division finite on silence. */
const VARIANCE_FLOOR = 1e-7;
/** Padding and cutting end at an even number of frames, as in the reference unless it is asked for another. */
const EVEN_SAMPLES = 2 * HOP_SAMPLES;

const MIN_SAMPLE_RATE_HZ = 1000;
const MAX_BANDS = 512;
const MAX_STRIDE = 64;

const OWN_KEYS = [
  "feature_extractor_type",
  "feature_size",
  "num_mel_bins",
  "padding_side",
  "padding_value",
  "return_attention_mask",
  "sampling_rate",
  "stride",
];

/** Computed anew, where old files hold them. */
const UNKEPT_KEYS = ["mel_filters", "window"];

/** Kaldi's "povey" window: a raised cosine, a little wider. */
const cutFrame = kaldiFrame(
  hannWindow(FRAME_SAMPLES, FRAME_SAMPLES - 1).map((weight) => weight ** 0.85 * FULL_SCALE),
);

/**
 * Prepares spectrograms for Wav2Vec2-BERT.
 *
 * @example
 * ```ts
 * import { SeamlessM4TFeatureExtractor } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const extractor = new SeamlessM4TFeatureExtractor();
 * const clips = [new Float32Array(8_000), new Float32Array(16_000)];
 * const { shape, lengths } = extractor.extract(clips, { padding: true });
 * deepEqual(shape, [2, 49, 160]);
 * deepEqual(lengths, Int32Array.of(24, 49));
 * ```
 */
export class SeamlessM4TFeatureExtractor implements FeatureExtractor {
  /** The class's name in `feature_extractor_type`. */
  readonly type: string = TYPE;
  /** The name of the model's argument that takes the batch. */
  readonly inputName = "input_features";
  /** The rate that clips must have, in hertz. */
  readonly samplingRate: number;
  /** The fewest samples that it takes: those of a frame of the model, and of two to have a variance. */
  readonly minSamples: number;
  readonly #options: Required<SeamlessM4TFeatureExtractorOptions>;
  readonly #spectrogram: MelSpectrogram;
  #otherFields: Record<string, unknown> = {};

  /**
   * Builds an extractor from nothing, by default like that of w2v-bert-2.0.
   *
   * @param options how spectrograms are made.
   */
  constructor(options: SeamlessM4TFeatureExtractorOptions = {}) {
    const { samplingRate = 16_000, numMelBins = 80, stride = 2 } = options;
    const { paddingValue = 0, returnAttentionMask = true } = options;
    this.samplingRate = samplingRate;
    this.minSamples = FRAME_SAMPLES + (Math.max(stride, 2) - 1) * HOP_SAMPLES;
    this.#options = { samplingRate, numMelBins, stride, paddingValue, returnAttentionMask };
    this.#spectrogram = new MelSpectrogram({
      fftSize: FFT_SIZE,
      frameSamples: FRAME_SAMPLES,
      hopSamples: HOP_SAMPLES,
      bank: kaldiBank({
        bands: numMelBins,
        bins: FFT_SIZE / 2 + 1,
        samplingRate,
        minHz: MIN_HZ,
        maxHz: Math.floor(samplingRate / 2),
      }),
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
   * import { SeamlessM4TFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const extractor = SeamlessM4TFeatureExtractor.fromConfig({ stride: 4 });
   * equal(extractor.minSamples, 400 + 3 * 160);
   * ```
   */
  static fromConfig(config: unknown, options: { file?: string } = {}): SeamlessM4TFeatureExtractor {
    const fields = new ConfigFields(config, options.file);
    fields.oneOf("feature_extractor_type", TYPE, [TYPE]);
    fields.oneOf("padding_side", "right", ["right"]);
    const numMelBins = fields.integer("num_mel_bins", 80, 1, MAX_BANDS);
    const extractor = new SeamlessM4TFeatureExtractor({
      samplingRate: fields.integer("sampling_rate", 16_000, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ),
      numMelBins: fields.integer("feature_size", numMelBins, numMelBins, numMelBins),
      stride: fields.integer("stride", 2, 1, MAX_STRIDE),
      paddingValue: fields.number("padding_value", 0),
      returnAttentionMask: fields.boolean("return_attention_mask", true),
    });
    extractor.#otherFields = fields.besides([...OWN_KEYS, ...UNKEPT_KEYS]);
    return extractor;
  }

  /**
   * The content of `preprocessor_config.json`, with the fields and the order of the reference.
   *
   * @returns a plain object, ready for `JSON.stringify`.
   *
   * @example
   * ```ts
   * import { SeamlessM4TFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * equal(new SeamlessM4TFeatureExtractor().toConfig().num_mel_bins, 80);
   * ```
   */
  toConfig(): Record<string, unknown> {
    const { samplingRate, numMelBins, stride, paddingValue, returnAttentionMask } = this.#options;
    return sortedByKey({
      ...this.#otherFields,
      feature_extractor_type: TYPE,
      feature_size: numMelBins,
      num_mel_bins: numMelBins,
      padding_side: "right",
      padding_value: paddingValue,
      return_attention_mask: returnAttentionMask,
      sampling_rate: samplingRate,
      stride,
    });
  }

  /** Extraction of clips that overlap in a recording. */
  get windows(): WindowExtractor {
    return pairWindows(
      HOP_SAMPLES,
      (windows, options, kept) => this.#extract(windows, options, kept),
    );
  }

  /**
   * Turns clips into a batch.
   *
   * Shape: B clips of `[samples]` -> `inputValues [B, T, stride * bands]`, `attentionMask [B, T]`, `lengths [B]`
   *
   * @param clips waveforms of one channel, at the extractor's rate; they stay as they are.
   * @param options padding and truncation, in samples, and the clips' rate in hertz. `doNormalize` is true by default.
   * @returns new arrays; without a mask all frames count as real, as the model then takes them.
   * @throws {RangeError} where the rate is another, a clip is too short or holds NaN or infinity, or clips of unlike
   * length are not padded.
   *
   * @example
   * ```ts
   * import { SeamlessM4TFeatureExtractor } from "@earshot/earshot";
   * import { deepEqual } from "node:assert/strict";
   *
   * const { shape } = new SeamlessM4TFeatureExtractor().extract([new Float32Array(16_000)]);
   * deepEqual(shape, [1, 49, 160]);
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
    const { numMelBins: bands, stride, paddingValue } = this.#options;
    windows.forEach(({ samples }, i) => requireSamples(i, this.minSamples, samples.length));
    const batch = batchLengths(
      windows.map(({ samples }) => ({ length: framesOf(samples.length) })),
      {
        ...options,
        maxLength: options.maxLength && framesOf(options.maxLength),
        padToMultipleOf: Math.ceil((options.padToMultipleOf ?? EVEN_SAMPLES) / HOP_SAMPLES),
      },
      "frames",
    );
    const frames = Math.floor(batch.width / stride);
    const size = frames * stride * bands;
    const inputValues = new Float32Array(windows.length * size).fill(paddingValue);
    for (const [i, { start, samples }] of windows.entries()) {
      requireFinite(i, samples);
      kept?.forgetBefore(start);
      const levels = new Float32Array(framesOf(samples.length) * bands);
      this.#spectrogram.levels(samples, levels, kept && { kept, start, own: [0, samples.length] });
      if (options.doNormalize ?? true) normalizeBands(levels, bands);
      inputValues.set(levels.subarray(0, Math.min(batch.lengths[i]! * bands, size)), i * size);
    }
    const shape = [windows.length, frames, stride * bands];
    const withMask = options.returnAttentionMask ?? this.#options.returnAttentionMask;
    if (!withMask) {
      return { inputValues, shape, lengths: new Int32Array(windows.length).fill(frames) };
    }
    const lengths = batch.lengths.map((real) => Math.min(this.#real(real), frames));
    const attentionMask = Int32Array.from({ length: windows.length * frames }, (_, i) => {
      return i % frames < lengths[Math.floor(i / frames)]! ? 1 : 0;
    });
    return { inputValues, shape, attentionMask, lengths };
  }

  /** Frames of the model that are real: those whose second frame of the bank is. */
  #real(frames: number): number {
    const { stride } = this.#options;
    return stride === 1 ? frames : Math.floor((frames + stride - 2) / stride);
  }
}

/** Brings each band to zero mean and unit variance over the frames, in place. Shape: `levels [T, bands]`. */
function normalizeBands(levels: Float32Array, bands: number): void {
  const frames = levels.length / bands;
  const means = new Float64Array(bands);
  const variances = new Float64Array(bands);
  for (let i = 0; i < levels.length; i++) means[i % bands]! += levels[i]! / frames;
  for (let i = 0; i < levels.length; i++) {
    variances[i % bands]! += (levels[i]! - means[i % bands]!) ** 2 / (frames - 1);
  }
  for (let i = 0; i < levels.length; i++) {
    const band = i % bands;
    levels[i] = (levels[i]! - means[band]!) / Math.sqrt(variances[band]! + VARIANCE_FLOOR);
  }
}
