/**
 * Thresholds by class, from the scores of clips that the model was not trained on: those of the best F1, or the lowest
 * that keep a precision. Each class by itself against all others.
 *
 * @module
 */

/** What thresholds are chosen by. */
export type ThresholdAim = "f1" | { precision: number };

/** Scores of clips, and which classes they are of. */
export interface ClassScores {
  /** `[n]` of `[N]` */
  scores: readonly ArrayLike<number>[];
  /** `[n]` of `[N]`, above a half where the clip is of the class. */
  targets: readonly ArrayLike<number>[];
}

/** A class's threshold, and how it does on the clips that it was chosen on. */
export interface FittedThreshold {
  threshold: number;
  precision: number;
  recall: number;
}

/**
 * The threshold of each class; none for a class that no clip is of. Where no threshold keeps the precision, it is 1,
 * which no score of a doubt reaches.
 *
 * A threshold lies half way between the lowest score that it takes and the next.
 */
export function fitThresholds(
  { scores, targets }: ClassScores,
  aim: ThresholdAim,
): (FittedThreshold | undefined)[] {
  const classes = scores[0]?.length ?? 0;
  return Array.from({ length: classes }, (_, k) => {
    const clips = scores.map((row, i) => ({ score: row[k]!, isOf: targets[i]![k]! > 0.5 }));
    return fitThreshold(clips, aim);
  });
}

function fitThreshold(
  clips: readonly { score: number; isOf: boolean }[],
  aim: ThresholdAim,
): FittedThreshold | undefined {
  const all = clips.filter(({ isOf }) => isOf).length;
  if (all === 0) return undefined;
  const sorted = [...clips].sort((a, b) => b.score - a.score);
  let best: FittedThreshold & { worth: number } = {
    ...{ threshold: 1, precision: 1, recall: 0 },
    worth: 0,
  };
  let right = 0;
  for (const [i, { score, isOf }] of sorted.entries()) {
    right += Number(isOf);
    const next = sorted[i + 1]?.score ?? 0;
    if (next === score) continue;
    const [precision, recall] = [right / (i + 1), right / all];
    const worth = aim === "f1"
      ? 2 * right / (i + 1 + all)
      : precision >= aim.precision
      ? recall
      : 0;
    if (worth > best.worth) best = { threshold: (score + next) / 2, precision, recall, worth };
  }
  const { worth: _, ...fitted } = best;
  return fitted;
}
