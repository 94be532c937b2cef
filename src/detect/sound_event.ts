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
  /**
   * Scores by class number, to the bit as the classifier gives them for a clip of these samples; thresholds of the
   * model make no "none" here, since events have their own.
   */
  scores: Float64Array;
  /** Where the window is none of the classes: what such a window is called, and how surely it is one. */
  none?: { label: string; score: number };
}

/** The scores that events are found in: of a window that is none of the classes, less than any threshold. */
export function heardScores({ scores, none }: Pick<WindowScores, "scores" | "none">): Float64Array {
  return none ? new Float64Array(scores.length).fill(-1) : scores;
}
