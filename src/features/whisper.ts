/**
 * Spectrograms for Whisper: the logarithm of mel energies, of clips that are padded with silence or cut to one length,
 * 30 s in published models.
 *
 * Equal to `WhisperFeatureExtractor` of transformers 5, but for the order of the axes: frames come before bands here,
 * as the layers take them, so a batch is the reference's transposed. Two differences more: an attention mask is always
 * one of frames, where the reference gives one of samples when its file asks for it and the call does not; and a
 * `dither` other than 0, which would make features random, is refused.
 *
 * Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision".
 *
 * @module
 */

import { MAX_SAMPLE_RATE_HZ } from "../audio/decoded_audio.ts";
import { normalize, requireFinite, requireRate } from "./_clips.ts";
import { ConfigFields, sortedByKey } from "./_config_fields.ts";
import { slaneyBank } from "./_mel.ts";
import { fftSizeField, mirrored, requireMirror } from "./_mirrored.ts";
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
export interface WhisperFeatureExtractorOptions {
  /** Mel bands: 80, or 128 from large-v3 on. @default 80 */
  featureSize?: number;
  /** The rate that clips must have, in hertz. @default 16000 */
  samplingRate?: number;
  /** Samples from one frame to the next. @default 160 */
  hopLength?: number;
  /** Seconds that every clip is padded or cut to. @default 30 */
  chunkLength?: number;
  /** Samples of a frame, an even product of 2, 3, 5 and 7. @default 400 */
  nFft?: number;
  /** The sample that padding is made of. @default 0 */
  paddingValue?: number;
  /** Whether a batch says which frames are real, where `extract` is not asked. @default false */
  returnAttentionMask?: boolean;
}

const TYPE = "WhisperFeatureExtractor";

const MAX_HZ = 8000;
const ENERGY_FLOOR = 1e-10;
/** Powers of ten below a clip's loudest moment that are kept. */
const DYNAMIC_RANGE = 8;

const MIN_SAMPLE_RATE_HZ = 1000;
const MAX_BANDS = 512;
const MAX_CHUNK_SEC = 300;
/** As many as five minutes have at 100 a second. */
const MAX_FRAMES = 30_000;

/** Computed anew, where old files hold it. */
const UNKEPT_KEYS = ["mel_filters"];

/**
 * Prepares spectrograms for Whisper's encoder.
 *
 * @example
 * ```ts
 * import { WhisperFeatureExtractor } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const extractor = new WhisperFeatureExtractor({ chunkLength: 2 });
 * const { shape, lengths } = extractor.extract([new Float32Array(16_000)]);
 * deepEqual(shape, [1, 200, 80]);
 * deepEqual(lengths, Int32Array.of(100));
 * ```
 */
export class WhisperFeatureExtractor implements FeatureExtractor {
  /** The class's name in `feature_extractor_type`. */
  readonly type: string = TYPE;
  /** The name of the model's argument that takes the batch. */
  readonly inputName = "input_features";
  /** The rate that clips must have, in hertz. */
  readonly samplingRate: number;
  /** The fewest samples that it takes. */
  readonly minSamples = 1;
  /** Samples that every clip is padded or cut to. */
  readonly fixedSamples: number;
  readonly #options: Required<WhisperFeatureExtractorOptions>;
  readonly #spectrogram: MelSpectrogram;
  #otherFields: Record<string, unknown> = {};

  /**
   * Builds an extractor from nothing, by default like that of whisper-tiny.
   *
   * @param options how spectrograms are made.
   * @throws {RangeError} where `nFft` has a factor above 7.
   */
  constructor(options: WhisperFeatureExtractorOptions = {}) {
    const { featureSize = 80, samplingRate = 16_000, hopLength = 160, chunkLength = 30 } = options;
    const { nFft = 400, paddingValue = 0, returnAttentionMask = false } = options;
    this.samplingRate = samplingRate;
    this.fixedSamples = chunkLength * samplingRate;
    this.#options = {
      featureSize,
      samplingRate,
      hopLength,
      chunkLength,
      nFft,
      paddingValue,
      returnAttentionMask,
    };
    const window = hannWindow(nFft, nFft);
    this.#spectrogram = new MelSpectrogram({
      fftSize: nFft,
      frameSamples: nFft,
      hopSamples: hopLength,
      bank: slaneyBank({
        bands: featureSize,
        bins: Math.floor(nFft / 2) + 1,
        samplingRate,
        minHz: 0,
        maxHz: MAX_HZ,
      }),
      cut: (samples, start, frame) => {
        for (let i = 0; i < nFft; i++) frame[i] = samples[start + i]! * window[i]!;
      },
      levelOf: (energy) => Math.log10(Math.max(energy, ENERGY_FLOOR)),
    });
  }

  /**
   * Builds the extractor that a `preprocessor_config.json` describes.
   *
   * @param config the file's parsed content; a filter bank in it is ignored, and so are `n_samples` and
   * `nb_max_frames`, which follow from other fields; unknown fields are kept for `toConfig`.
   * @param options the file's name, for messages.
   * @returns the extractor.
   * @throws {CheckpointError} where a field has a value that it cannot have.
   *
   * @example
   * ```ts
   * import { WhisperFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const extractor = WhisperFeatureExtractor.fromConfig({ feature_size: 128, chunk_length: 30 });
   * equal(extractor.fixedSamples, 480_000);
   * ```
   */
  static fromConfig(config: unknown, options: { file?: string } = {}): WhisperFeatureExtractor {
    const fields = new ConfigFields(config, options.file);
    fields.oneOf("feature_extractor_type", TYPE, [TYPE]);
    fields.oneOf("padding_side", "right", ["right"]);
    const dither = fields.number("dither", 0);
    if (dither !== 0) throw fields.error(`expected dither 0, found ${dither}`, "dither");
    const rateHz = fields.integer("sampling_rate", 16_000, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ);
    const seconds = fields.integer("chunk_length", 30, 1, MAX_CHUNK_SEC);
    const samples = seconds * rateHz;
    const fewestHops = Math.ceil(samples / MAX_FRAMES);
    const extractor = new WhisperFeatureExtractor({
      featureSize: fields.integer("feature_size", 80, 1, MAX_BANDS),
      samplingRate: rateHz,
      hopLength: fields.integer("hop_length", 160, fewestHops, samples),
      chunkLength: seconds,
      nFft: fftSizeField(fields, { or: 400, most: samples }),
      paddingValue: fields.number("padding_value", 0),
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
   * import { WhisperFeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * equal(new WhisperFeatureExtractor().toConfig().nb_max_frames, 3000);
   * ```
   */
  toConfig(): Record<string, unknown> {
    const { hopLength } = this.#options;
    return sortedByKey({
      ...this.#otherFields,
      chunk_length: this.#options.chunkLength,
      dither: 0,
      feature_extractor_type: TYPE,
      feature_size: this.#options.featureSize,
      hop_length: hopLength,
      n_fft: this.#options.nFft,
      n_samples: this.fixedSamples,
      nb_max_frames: Math.floor(this.fixedSamples / hopLength),
      padding_side: "right",
      padding_value: this.#options.paddingValue,
      return_attention_mask: this.#options.returnAttentionMask,
      sampling_rate: this.samplingRate,
    });
  }

  /** Extraction of clips that overlap in a recording. */
  get windows(): WindowExtractor {
    // Samples that are normalised have the mean of their window in them.
    return pairWindows(
      this.#options.hopLength,
      (windows, options, kept) =>
        this.#extract(windows, options, options.doNormalize ? undefined : kept),
    );
  }

  /**
   * Turns clips into a batch; unless the options differ, each spans `chunkLength` seconds.
   *
   * Shape: B clips of `[samples]` -> `inputValues [B, T, C]`, `attentionMask [B, T]`, `lengths [B]`
   *
   * @param clips waveforms of one channel, at the extractor's rate; they stay as they are.
   * @param options padding and truncation, in samples, and the clips' rate in hertz.
   * @returns new arrays.
   * @throws {RangeError} where the rate is another, a clip is empty or holds NaN or infinity, or clips of unlike length
   * are not padded, or not to half a frame at least.
   *
   * @example
   * ```ts
   * import { WhisperFeatureExtractor } from "@earshot/earshot";
   * import { deepEqual } from "node:assert/strict";
   *
   * const clips = [new Float32Array(8_000), new Float32Array(16_000)];
   * const { shape } = new WhisperFeatureExtractor().extract(clips, { padding: "longest" });
   * deepEqual(shape, [2, 100, 80]);
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
    const { featureSize: bands, hopLength, nFft, returnAttentionMask } = this.#options;
    const { padding = "max_length", truncation = true, maxLength = this.fixedSamples } = options;
    const samples = batchLengths(clips, { ...options, padding, truncation, maxLength });
    requireMirror(samples.width, Math.max(Math.floor(nFft / 2) + 1, hopLength));
    const frames = Math.floor(samples.width / hopLength);
    const lengths = samples.lengths.map((length) =>
      Math.min(frames, Math.ceil(length / hopLength))
    );
    const inputValues = new Float32Array(clips.length * frames * bands);
    const withMask = options.returnAttentionMask ?? returnAttentionMask;
    const attentionMask = withMask ? new Int32Array(clips.length * frames) : undefined;
    for (const [i, { start, samples: clip }] of windows.entries()) {
      const real = clip.slice(0, samples.lengths[i]!);
      const mean = requireFinite(i, real);
      kept?.forgetBefore(start);
      if (options.doNormalize) normalize(real, mean);
      const values = inputValues.subarray(i * frames * bands, (i + 1) * frames * bands);
      this.#logMel({ start, samples: real }, { width: samples.width, kept }, values);
      attentionMask?.fill(1, i * frames, i * frames + lengths[i]!);
    }
    return { inputValues, shape: [clips.length, frames, bands], attentionMask, lengths };
  }

  /** Frames of nothing but padding are all alike, so the first of them is computed for all. */
  #logMel(
    { start, samples: real }: RecordingWindow,
    { width, kept }: { width: number; kept?: KeptRows },
    values: Float32Array,
  ): void {
    const { featureSize: bands, hopLength, nFft, paddingValue } = this.#options;
    const half = Math.floor(nFft / 2);
    const padding = bands * Math.ceil((real.length + half) / hopLength);
    const computed = values.subarray(0, Math.min(values.length, padding + bands));
    const own: Stretch["own"] = [half, half + real.length];
    const stretch = kept && { kept, start: start - half, own };
    this.#spectrogram.levels(mirrored(real, { width, half, paddingValue }), computed, stretch);
    raiseToFloor(computed);
    for (let at = computed.length; at < values.length; at += bands) {
      values.copyWithin(at, padding, padding + bands);
    }
  }
}

/** Levels to numbers around 0, in place; the loudest one sets the floor of its clip. */
function raiseToFloor(levels: Float32Array): void {
  let loudest = -Infinity;
  for (let i = 0; i < levels.length; i++) loudest = Math.max(loudest, levels[i]!);
  const floor = loudest - DYNAMIC_RANGE;
  for (let i = 0; i < levels.length; i++) levels[i] = (Math.max(levels[i]!, floor) + 4) / 4;
}
