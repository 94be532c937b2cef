/**
 * What a report is made from: one plain object, so that a test or another tool can build it without training.
 *
 * What is absent is left out of the page. Numbers come as the model and the trainer give them; everything that is
 * derived from them (probabilities, confusions, calibration) is computed by the report.
 *
 * @module
 */
import type { F1Measures, SoundEvent, WakeWordPoint } from "../detect/mod.ts";

/** What the outputs of the model mean, by the names of `config.json`. */
export type ReportProblemType =
  | "single_label_classification"
  | "multi_label_classification"
  | "regression";

/** One line of `log_history` in `trainer_state.json`. */
export type ReportLogEntry = Readonly<Record<string, number>>;

/** One clip, and what the model made of it. */
export interface ClipPrediction {
  /** The path or name of the clip. */
  readonly file: string;
  /** A class number; with several labels a clip, one number from 0 to 1 a class; in regression the value. */
  readonly target: number | readonly number[];
  /** The outputs of the model. Shape: `[N]`. */
  readonly logits: ArrayLike<number>;
  /** The scores of the classes by the model's temperature, where one was fitted. Shape: `[N]`. */
  readonly scores?: ArrayLike<number>;
  /** How unlike the classes it is, from 0 on rejected, where a rejection was fitted. */
  readonly unlikeness?: number;
  /** Its whole length. */
  readonly durationSec?: number;
}

/** What a split of the data is made of. */
export interface SplitSummary {
  /** Such as "train". */
  readonly split: string;
  /** Clips of each label, in the order of the labels. Shape: `[N]`. */
  readonly clipsPerLabel: readonly number[];
  /** The length of each clip that is known. */
  readonly durationsSec?: readonly number[];
}

/** A recording in which was detected. */
export interface ReportRecording {
  /** The path or name of the recording. */
  readonly file: string;
  /** Its whole length. */
  readonly durationSec: number;
  /** What people say is there. */
  readonly truth: readonly SoundEvent[];
  /** What the model says is there. */
  readonly detected: readonly SoundEvent[];
}

/** What was detected in recordings, and how good that is. */
export interface ReportDetection {
  /** Each with what is there and what was detected. */
  readonly recordings: readonly ReportRecording[];
  /** As `segmentF1` gives it. */
  readonly segment: F1Measures;
  /** As `eventF1` gives it. */
  readonly event: F1Measures;
  /** As `psds` gives it. */
  readonly psds: number;
  /** Of a class that is a wake word, its curve. */
  readonly wakeWord?: {
    readonly label: string;
    readonly words: number;
    readonly curve: readonly WakeWordPoint[];
  };
}

/** The content of a report. */
export interface ReportData {
  /** The name of the model, as the heading. */
  readonly title: string;
  /** What the outputs mean, and so which sections there are. */
  readonly problemType: ReportProblemType;
  /** The names of the outputs. Shape: `[N]`. */
  readonly labels: readonly string[];
  /** `log_history` of `trainer_state.json`. */
  readonly history?: readonly ReportLogEntry[];
  /** What the model says to clips that it was not trained on. */
  readonly evaluation?: {
    /** Such as "test". */
    readonly split: string;
    readonly clips: readonly ClipPrediction[];
  };
  /** How unlike the classes clips of none of them are; without a rejection minus their best score. */
  readonly unknown?: readonly number[];
  /** The thresholds that were fitted, by label. */
  readonly thresholds?: Readonly<Record<string, number>>;
  /** What the model detects in recordings of any length. */
  readonly detection?: ReportDetection;
  /** In the order to show. */
  readonly splits?: readonly SplitSummary[];
  /** Facts of the model by name, such as its parameters, in the order to show. */
  readonly model?: Readonly<Record<string, string | number>>;
  /** The training arguments. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Versions and device by name. */
  readonly versions?: Readonly<Record<string, string>>;
  /** When the report was made, as it is to be shown. */
  readonly created?: string;
}

/** The samples of a clip. */
export interface ClipAudio {
  /** One channel. Shape: `[S]`. */
  readonly samples: Float32Array;
  /** Samples a second, a whole number. */
  readonly sampleRateHz: number;
}

/** What a report shows of the clips that went worst. */
export interface ReportOptions {
  /** Reads the samples of a clip; without it, no clip can be played. */
  readClip?: (clip: ClipPrediction) => Promise<ClipAudio> | ClipAudio;
  /** Reads a part of a recording, in seconds from its start; without it, no timeline can be played. */
  readStretch?: (
    recording: ReportRecording,
    startSec: number,
    endSec: number,
  ) => Promise<ClipAudio> | ClipAudio;
  /** Most recordings that have a timeline. @default 6 */
  maxTimelines?: number;
  /** Most seconds of a recording that are shown large. @default 30 */
  maxStretchSec?: number;
  /** Most clips that are shown. @default 20 */
  maxClips?: number;
  /** Most seconds of a clip that are embedded. @default 10 */
  maxClipSec?: number;
  /** Most bytes of audio in the page, before base64 makes four of three. @default 2_500_000 */
  maxAudioBytes?: number;
}
