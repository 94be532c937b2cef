/**
 * Waveforms for Wav2Vec2 and the eight architectures that take the same input: each clip brought to
 * zero mean and unit variance, then padded to one length.
 *
 * Equal to `Wav2Vec2FeatureExtractor` of transformers 5, with its rule that decides which samples
 * count: with an attention mask the real ones of a clip, without one the whole row, padding included.
 * One difference: with padding on the left the reference still normalises as if it stood on the right,
 * which overwrites speech; here the real samples are normalised on either side.
 *
 * @module
 */

import { MAX_SAMPLE_RATE_HZ } from "../audio/decoded_audio.ts";
import { normalize, requireFinite, requireRate } from "./_clips.ts";
import { ConfigFields, sortedByKey } from "./_config_fields.ts";
import { batchLengths } from "./_padding.ts";
import type { ExtractOptions, FeatureBatch, FeatureExtractor } from "./feature_extractor.ts";

/** How waveforms are prepared; the fields of `preprocessor_config.json` in camelCase. */
export interface Wav2Vec2FeatureExtractorOptions {
  /** The rate that clips must have, in hertz. @default 16000 */
  samplingRate?: number;
  /** Whether clips are brought to zero mean and unit variance. @default true */
  doNormalize?: boolean;
  /** Whether a batch says which samples are real, where `extract` is not asked. @default false */
  returnAttentionMask?: boolean;
  /** What padding is made of. @default 0 */
  paddingValue?: number;
  /** The end at which clips are padded. @default "right" */
  paddingSide?: "left" | "right";
}

const TYPE = "Wav2Vec2FeatureExtractor";

/** Below it, clips of usual rates cannot be brought to the model's. */
const MIN_SAMPLE_RATE_HZ = 1000;

const OWN_KEYS = [
  "do_normalize",
  "feature_extractor_type",
  "feature_size",
  "padding_side",
  "padding_value",
  "return_attention_mask",
  "sampling_rate",
];

/**
 * Prepares waveforms for Wav2Vec2, HuBERT, WavLM, UniSpeech, UniSpeech-SAT, Data2Vec, SEW, SEW-D
 * and Wav2Vec2-Conformer.
 *
 * @example
 * ```ts
 * import { Wav2Vec2FeatureExtractor } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const extractor = new Wav2Vec2FeatureExtractor({ returnAttentionMask: true });
 * const clips = [Float32Array.of(0.5, -0.5), Float32Array.of(0.5, -0.5, 0.5, -0.5)];
 * const { inputValues, shape, attentionMask } = extractor.extract(clips, {
 *   samplingRate: 16_000,
 *   padding: true,
 * });
 * deepEqual(shape, [2, 4]);
 * deepEqual([...inputValues].map(Math.round), [1, -1, 0, 0, 1, -1, 1, -1]);
 * deepEqual(attentionMask, Int32Array.of(1, 1, 0, 0, 1, 1, 1, 1));
 * ```
 */
export class Wav2Vec2FeatureExtractor implements FeatureExtractor {
  /** The class's name in `feature_extractor_type`. */
  readonly type: string = TYPE;
  /** The name of the model's argument that takes the batch. */
  readonly inputName = "input_values";
  /** The rate that clips must have, in hertz. */
  readonly samplingRate: number;
  /** The fewest samples that it takes. */
  readonly minSamples = 1;
  readonly #options: Required<Wav2Vec2FeatureExtractorOptions>;
  #otherFields: Record<string, unknown> = {};

  /**
   * Builds an extractor from nothing, by default like that of wav2vec2-base.
   *
   * @param options how waveforms are prepared.
   */
  constructor(options: Wav2Vec2FeatureExtractorOptions = {}) {
    const { samplingRate = 16_000, doNormalize = true, returnAttentionMask = false } = options;
    const { paddingValue = 0, paddingSide = "right" } = options;
    this.samplingRate = samplingRate;
    this.#options = { samplingRate, doNormalize, returnAttentionMask, paddingValue, paddingSide };
  }

  /**
   * Builds the extractor that a `preprocessor_config.json` describes.
   *
   * @param config the file's parsed content; fields unknown here are kept for `toConfig`.
   * @param options the file's name, for messages.
   * @returns the extractor.
   * @throws {CheckpointError} where a field has a value that it cannot have.
   *
   * @example
   * ```ts
   * import { Wav2Vec2FeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const extractor = Wav2Vec2FeatureExtractor.fromConfig({ sampling_rate: 8_000 });
   * equal(extractor.samplingRate, 8_000);
   * ```
   */
  static fromConfig(config: unknown, options: { file?: string } = {}): Wav2Vec2FeatureExtractor {
    const fields = new ConfigFields(config, options.file);
    fields.oneOf("feature_extractor_type", TYPE, [TYPE]);
    fields.integer("feature_size", 1, 1, 1);
    const extractor = new Wav2Vec2FeatureExtractor({
      samplingRate: fields.integer("sampling_rate", 16_000, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ),
      doNormalize: fields.boolean("do_normalize", true),
      returnAttentionMask: fields.boolean("return_attention_mask", false),
      paddingValue: fields.number("padding_value", 0),
      paddingSide: fields.oneOf("padding_side", "right", ["left", "right"]),
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
   * import { Wav2Vec2FeatureExtractor } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * equal(new Wav2Vec2FeatureExtractor().toConfig().sampling_rate, 16_000);
   * ```
   */
  toConfig(): Record<string, unknown> {
    return sortedByKey({
      ...this.#otherFields,
      do_normalize: this.#options.doNormalize,
      feature_extractor_type: TYPE,
      feature_size: 1,
      padding_side: this.#options.paddingSide,
      padding_value: this.#options.paddingValue,
      return_attention_mask: this.#options.returnAttentionMask,
      sampling_rate: this.#options.samplingRate,
    });
  }

  /** Whether the samples of a clip that needs no padding reach the model as they are. */
  get keepsSamples(): boolean {
    return !this.#options.doNormalize;
  }

  /**
   * Turns clips into a batch.
   *
   * Shape: B clips of `[samples]` -> `inputValues [B, S]`, `attentionMask [B, S]`, `lengths [B]`
   *
   * @param clips waveforms of one channel, at the extractor's rate; they stay as they are.
   * @param options padding, truncation, and the clips' rate in hertz.
   * @returns new arrays.
   * @throws {RangeError} where the rate is another, a clip is empty or holds NaN or infinity, or
   * clips of unlike length are not padded.
   *
   * @example
   * ```ts
   * import { Wav2Vec2FeatureExtractor } from "@earshot/earshot";
   * import { deepEqual } from "node:assert/strict";
   *
   * const clips = [new Float32Array(24_000), new Float32Array(8_000)];
   * const { shape, lengths } = new Wav2Vec2FeatureExtractor().extract(clips, {
   *   padding: "max_length",
   *   maxLength: 16_000,
   *   truncation: true,
   * });
   * deepEqual(shape, [2, 16_000]);
   * deepEqual(lengths, Int32Array.of(16_000, 8_000));
   * ```
   */
  extract(clips: readonly Float32Array[], options: ExtractOptions = {}): FeatureBatch {
    requireRate(this.samplingRate, options.samplingRate);
    const { paddingValue, paddingSide } = this.#options;
    const doNormalize = options.doNormalize ?? this.#options.doNormalize;
    const withMask = options.returnAttentionMask ?? this.#options.returnAttentionMask;
    const { lengths, width } = batchLengths(clips, options);
    const inputValues = new Float32Array(clips.length * width).fill(paddingValue);
    const attentionMask = withMask ? new Int32Array(inputValues.length) : undefined;
    for (const [i, clip] of clips.entries()) {
      const row = inputValues.subarray(i * width, (i + 1) * width);
      const start = paddingSide === "left" ? width - lengths[i]! : 0;
      const real = row.subarray(start, start + lengths[i]!);
      real.set(clip.subarray(0, real.length));
      attentionMask?.fill(1, i * width + start, i * width + start + real.length);
      const mean = requireFinite(i, real);
      if (doNormalize && (withMask || real.length === row.length)) normalize(real, mean);
      else if (doNormalize) normalize(row);
    }
    return { inputValues, shape: [clips.length, width], attentionMask, lengths };
  }
}
