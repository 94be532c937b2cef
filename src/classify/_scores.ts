/**
 * Class scores of a model as labels with a share each, best first.
 *
 * Plain JavaScript in double precision: a handful of numbers a clip, not worth a kernel.
 *
 * @module
 */

/** How a model's raw scores are shown: shares of one, each on its own from 0 to 1, or as they are. */
export type ScoreFunction = "softmax" | "sigmoid" | "none";

/** One class of a clip. */
export interface Classification {
  /** The class's name. */
  label: string;
  /** How sure the model is, on the scale of the function that was applied. */
  score: number;
}

const FUNCTIONS: Readonly<Record<ScoreFunction, (logits: number[]) => number[]>> = {
  softmax,
  sigmoid: (logits) => logits.map((logit) => 1 / (1 + Math.exp(-logit))),
  none: (logits) => logits,
};

/** The names of the functions. */
export const SCORE_FUNCTIONS: readonly string[] = Object.keys(FUNCTIONS);

/**
 * The scores of all classes, by number.
 *
 * **Shape** `logits [N]` -> `[N]`
 */
export function classScores(logits: ArrayLike<number>, functionToApply: ScoreFunction): number[] {
  return FUNCTIONS[functionToApply](Array.from(logits));
}

/**
 * The `topK` best classes, in descending order; equal scores keep the order of the labels.
 *
 * **Shape** `logits [N]`, `labels [N]` -> `min(topK, N)` classes
 */
export function bestClasses(
  logits: ArrayLike<number>,
  labels: readonly string[],
  options: { topK: number; functionToApply: ScoreFunction },
): Classification[] {
  const scores = classScores(logits, options.functionToApply);
  return labels.map((label, i) => ({ label, score: scores[i]! }))
    .sort((a, b) => b.score - a.score)
    .slice(0, options.topK);
}

/** Taking the greatest off first keeps `exp` finite. */
function softmax(logits: number[]): number[] {
  const greatest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((logit) => Math.exp(logit - greatest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
