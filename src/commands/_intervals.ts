/**
 * How far the figures of an evaluation can be trusted: where each lies with a chance of 95 %.
 *
 * A share of clips has the interval after Wilson, as in the report: it has a width where all clips are right, too.
 * Macro F1 and loss have none in closed form, and are drawn. An interval without a width says nothing, and is left out.
 *
 * @module
 */
import type { ProblemType } from "../models/problem_type.ts";
import { wilsonInterval } from "../report/mod.ts";
import { type Interval, resampledInterval } from "../train/metrics/bootstrap.ts";
import type { Evaluation } from "../train/metrics/evaluation.ts";
import { argMax } from "../train/metrics/metrics.ts";
import { clipLosses } from "../train/step/loss.ts";

/** Where the figures lie; what has none, or none of any width, is left out. */
export interface Intervals {
  accuracyInterval?: Interval;
  f1Interval?: Interval;
  lossInterval?: Interval;
}

/** The intervals of an evaluation. */
export function intervalsOf(
  evaluation: Evaluation,
  problemType: ProblemType,
  { accuracy }: Readonly<Record<string, number>>,
): Intervals {
  const clips = evaluation.logits.length / evaluation.classes;
  if (clips === 0) return {};
  const isSingle = problemType === "single_label_classification";
  const found: Intervals = {
    accuracyInterval: accuracy === undefined ? undefined : ofShare(accuracy, clips),
    f1Interval: isSingle ? f1Interval(evaluation, clips) : undefined,
    lossInterval: lossInterval(clipLosses(evaluation, problemType)),
  };
  const wide = Object.entries(found).filter(([, interval]) => interval?.high > interval?.low);
  return Object.fromEntries(wide);
}

/** Of a share of clips, after Wilson. */
export function ofShare(share: number, clips: number): Interval {
  const [low, high] = wilsonInterval(share, clips);
  return { low, high };
}

function f1Interval(evaluation: Evaluation, clips: number): Interval {
  const { labels, classes } = evaluation;
  return resampledInterval(clips, macroF1(labels, argMax(evaluation), classes));
}

/**
 * Macro F1 of clips by their places: the mean over classes that these have or were taken for, each twice what is right over
 * all that is of it.
 *
 * @param labels the class of every clip.
 * @param claimed what it was taken for.
 */
export function macroF1(
  labels: ArrayLike<number>,
  claimed: ArrayLike<number>,
  classes: number,
): (places: Int32Array) => number {
  const right = new Int32Array(classes);
  const either = new Int32Array(classes);
  return (places) => {
    right.fill(0);
    either.fill(0);
    for (const place of places) {
      const [own, taken] = [labels[place]!, claimed[place]!];
      either[own]!++;
      either[taken]!++;
      if (own === taken) right[own]!++;
    }
    let [sum, present] = [0, 0];
    for (let i = 0; i < classes; i++) {
      if (either[i] === 0) continue;
      present++;
      sum += 2 * right[i]! / either[i]!;
    }
    return sum / present;
  };
}

function lossInterval(losses: Float64Array): Interval {
  return resampledInterval(losses.length, (places) => {
    return places.reduce((sum, place) => sum + losses[place]!, 0) / places.length;
  });
}
