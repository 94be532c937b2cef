/**
 * What every feature extractor takes and gives: clips in, one dense batch for a model out.
 *
 * The words of the options are those of Hugging Face's extractors. An extractor reads no files and
 * resamples nothing; a clip at another rate than its own is refused.
 *
 * @module
 */

/** How clips of unlike length become one batch. */
export type Padding = boolean | "longest" | "max_length" | "do_not_pad";

/** How clips become a batch. */
export interface ExtractOptions {
  /** The clips' rate in hertz, to hold against the extractor's own; unchecked where left out. */
  samplingRate?: number;
  /**
   * `true` and `"longest"` pad to the longest clip, `"max_length"` to `maxLength`.
   * @default "max_length" where the extractor fixes the length, otherwise false
   */
  padding?: Padding;
  /**
   * Samples a clip, for `"max_length"` and for `truncation`.
   * @default the extractor's `fixedSamples`
   */
  maxLength?: number;
  /**
   * Cuts clips longer than `maxLength` at their end.
   * @default true where the extractor fixes the length
   */
  truncation?: boolean;
  /** Rounds the length padded or cut to up to a multiple of this many samples. */
  padToMultipleOf?: number;
  /** Whether to say which samples or frames are real. @default what the extractor's file says */
  returnAttentionMask?: boolean;
  /**
   * Whether to normalise: waveforms clip by clip, AST's spectrograms by the mean and deviation of its file.
   * @default what the extractor's file says; false for Whisper, whose file does not
   */
  doNormalize?: boolean;
}

/** Clips as one batch, laid out as the model takes them. */
export interface FeatureBatch {
  /** The numbers, in the order of `shape`. */
  inputValues: Float32Array;
  /** `[B, S]` for waveforms, `[B, T, C]` for spectrograms of T frames and C bands. */
  shape: number[];
  /** 1 where a sample or frame is real and 0 where it is padding. Shape: `[B, S]` or `[B, T]`. */
  attentionMask?: Int32Array;
  /** Real samples or frames of each clip, after truncation. Shape: `[B]`. */
  lengths: Int32Array;
}

/** A clip that is a stretch of a recording. */
export interface RecordingWindow {
  /** The number of its first sample in the recording. */
  start: number;
  /** One channel, at the extractor's rate. */
  samples: Float32Array;
}

/** Extraction of clips that overlap in a recording, in which frames that they share are computed once. */
export interface WindowExtractor {
  /** Windows share frames where their starts lie a multiple of so many samples apart. */
  readonly stepSamples: number;
  /**
   * Begins a recording.
   *
   * @returns what gives of windows what `extract` gives of their samples, to the bit; they are to come in the order of
   * their starts, over all calls.
   */
  begin(): (windows: readonly RecordingWindow[], options?: ExtractOptions) => FeatureBatch;
}

/** Turns waveforms into what a model takes. */
export interface FeatureExtractor {
  /** The class's name in `feature_extractor_type`. */
  readonly type: string;
  /** The name of the model's argument that takes the batch. */
  readonly inputName: "input_values" | "input_features";
  /** The rate that clips must have, in hertz. */
  readonly samplingRate: number;
  /** The fewest samples that it takes. */
  readonly minSamples: number;
  /** Samples that every clip is padded or cut to, where the model takes clips of one length only. */
  readonly fixedSamples?: number;
  /** Whether the samples of a clip that needs no padding reach the model as they are; absent where they do not. */
  readonly keepsSamples?: boolean;
  /** The same for clips that overlap in a recording; absent where these share nothing. */
  readonly windows?: WindowExtractor;
  /** Turns clips, each one channel at `samplingRate`, into a batch. */
  extract(clips: readonly Float32Array[], options?: ExtractOptions): FeatureBatch;
  /** The content of `preprocessor_config.json`, keys sorted. */
  toConfig(): Record<string, unknown>;
}

/** The same extractor for a model that takes clips of any length: it neither pads nor cuts unless asked to. */
export function ofAnyLength(extractor: FeatureExtractor): FeatureExtractor {
  const { type, inputName, samplingRate, minSamples, keepsSamples, windows } = extractor;
  const asTheyAre = { padding: false, truncation: false } as const;
  return {
    type,
    inputName,
    samplingRate,
    minSamples,
    keepsSamples,
    windows: windows && {
      stepSamples: windows.stepSamples,
      begin: () => {
        const extract = windows.begin();
        return (clips, options) => extract(clips, { ...asTheyAre, ...options });
      },
    },
    extract: (clips, options) => extractor.extract(clips, { ...asTheyAre, ...options }),
    toConfig: () => extractor.toConfig(),
  };
}
