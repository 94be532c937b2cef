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
    return { scores: FUNCTIONS[functionToApply](listOf(outputs.logits)) };
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
  const order = rules.topK > FEW ? inOrder(scores).slice(0, rules.topK) : few(scores, rules.topK);
  const best = order.map((i) => ({ label: labels[i]!, score: scores[i]! }));
  if (!none) return best;
  const at = best.findIndex(({ score }) => score <= none.score);
  best.splice(at === -1 ? best.length : at, 0, none);
  return best.slice(0, rules.topK);
}

/** So many are found sooner one by one than by sorting all. */
const FEW = 8;

/** Numbers of all scores, the highest first. */
function inOrder(scores: readonly number[]): number[] {
  return scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
}

/** The first `count` of that order. */
function few(scores: readonly number[], count: number): number[] {
  const order: number[] = [];
  while (order.length < Math.min(count, scores.length)) {
    let best = -1;
    for (let i = 0; i < scores.length; i++) {
      if ((best === -1 || scores[i]! > scores[best]!) && !order.includes(i)) best = i;
    }
    order.push(best);
  }
  return order;
}

/** As `Array.from`, which takes longer than the scores themselves. */
function listOf(numbers: ArrayLike<number>): number[] {
  const list = new Array<number>(numbers.length);
  for (let i = 0; i < list.length; i++) list[i] = numbers[i]!;
  return list;
}
