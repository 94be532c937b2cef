/**
 * Which sound, from when to when: what people note down and what a model hears, in one form.
 *
 * @module
 */

/** A stretch of a recording with a label. */
export interface SoundEvent {
  /** Seconds from the recording's first sample. */
  start: number;
  /** Seconds from the recording's first sample, after `start`. */
  end: number;
  /** The class. */
  label: string;
}

/** A sound that a model hears. */
export interface DetectedEvent extends SoundEvent {
  /** The highest score of its windows, as far as it has been heard. */
  score: number;
  /** `began` as soon as it is heard, with the `end` so far; `ended` when it is over. */
  state: "began" | "ended";
}

/** The scores of one window. */
export interface WindowScores {
  /** Seconds from the recording's first sample. */
  start: number;
  /** Seconds from the recording's first sample. */
  end: number;
  /** Scores by class number, to the bit as the classifier gives them for a clip of these samples. */
  scores: Float64Array;
}
