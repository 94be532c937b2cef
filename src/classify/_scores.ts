/**
 * What a model gives for a clip as labels with a score each, best first.
 *
 * @module
 */
import {
  type ClipOutputs,
  judge,
  noneLabel,
  type ScoreSettings,
  sigmoid,
  softmax,
} from "../scores/mod.ts";

/** How a model's raw scores are shown: shares of one, each on its own from 0 to 1, or as they are. */
export type ScoreFunction = "softmax" | "sigmoid" | "none";

/** One class of a clip; or "none", first, where the model's config says how a clip is known that is none of them. */
export interface Classification {
  /** The class's name. */
  label: string;
  /** How sure the model is, on the scale of the function that was applied. */
  score: number;
}

const FUNCTIONS: Readonly<Record<ScoreFunction, (logits: number[]) => number[]>> = {
  softmax,
  sigmoid,
  none: (logits) => logits,
};

/** The names of the functions. */
export const SCORE_FUNCTIONS: readonly string[] = Object.keys(FUNCTIONS);

/** How outputs become scores. */
export interface ScoreRules {
  functionToApply: ScoreFunction;
  /** The model's own, where they apply. */
  settings?: ScoreSettings;
}

/** What is said of a clip. */
export interface ClipScores {
  /** `[N]` */
  scores: number[];
  /** Where it is none of the classes. */
  none?: Classification;
}

/**
 * The scores of all classes, by number.
 *
 * **Shape** `logits [N]` -> `scores [N]`
 */
export function clipScores(
  outputs: ClipOutputs,
  { functionToApply, settings }: ScoreRules,
  labels: readonly string[],
): ClipScores {
  if (settings === undefined || functionToApply === "none") {
    return { scores: FUNCTIONS[functionToApply](Array.from(outputs.logits)) };
  }
  const { scores, none } = judge(outputs, { settings, labels, kind: functionToApply });
  return none === undefined
    ? { scores }
    : { scores, none: { label: noneLabel(labels), score: none } };
}

/**
 * The `topK` best classes, in descending order; equal scores keep the order of the labels.
 *
 * **Shape** `logits [N]`, `labels [N]` -> `min(topK, N)` classes
 */
export function bestClasses(
  outputs: ClipOutputs,
  labels: readonly string[],
  rules: ScoreRules & { topK: number },
): Classification[] {
  const { scores, none } = clipScores(outputs, rules, labels);
  const classes = labels.map((label, i) => ({ label, score: scores[i]! }));
  if (none) classes.unshift(none);
  return classes.sort((a, b) => b.score - a.score).slice(0, rules.topK);
}
