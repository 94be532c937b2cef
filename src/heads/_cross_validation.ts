/**
 * Settings of a fit, judged by clips that were left out of it: in each of a few folds once, and clips of one group
 * never on both sides.
 *
 * @module
 */
import { type ClipVectors, countOf, type Layer, rowsOf, sizeOf } from "./_clip_vectors.ts";

/** Scores of all classes, of a vector. **Shape** `[D]` -> `[N]` */
export type Scorer = (vector: Float64Array) => ArrayLike<number>;

const FOLDS = 5;

/** A setting, and the mean loss of clips that were left out with it. */
export interface Chosen<Setting> {
  setting: Setting;
  heldOutLoss: number;
}

/**
 * The setting with the least loss of clips that were left out; undefined where there is nothing to judge by: no two
 * groups, or no class in two of them.
 *
 * @param scorers fits to some of the clips with each setting, in the order of the settings.
 */
export function chosenSetting<Setting, Data extends ClipVectors>(
  data: Data,
  { groups, settings, scorers }: {
    groups: readonly string[];
    settings: readonly Setting[];
    scorers: (data: Data) => Iterable<Scorer>;
  },
): Chosen<Setting> | undefined {
  const folds = foldsOf(data, groups);
  const used = [...new Set(folds)];
  if (used.length < 2) return undefined;
  const rows = folds.map((_, i) => i);
  const losses = settings.map(() => 0);
  let judged = 0;
  for (const fold of used) {
    const fitted = rowsOf(data, rows.filter((i) => folds[i] !== fold));
    const left = heardIn(fitted, rowsOf(data, rows.filter((i) => folds[i] === fold)));
    if (countOf(left) === 0) continue;
    judged += countOf(left);
    let at = 0;
    for (const scorer of scorers(fitted)) losses[at]! += lossOf(scorer, left), at++;
  }
  if (judged === 0) return undefined;
  const best = losses.reduce((least, loss, i) => loss < losses[least]! ? i : least, 0);
  return { setting: settings[best]!, heldOutLoss: losses[best]! / judged };
}

/** A fold for each clip: all of a group in one, and the groups of a class dealt out in turn. */
function foldsOf(data: ClipVectors, groups: readonly string[]): number[] {
  const folds = new Map<string, number>();
  const dealt = new Map<number, number>();
  return groups.map((group, i) => {
    const label = "labels" in data ? data.labels[i]! : 0;
    const turn = dealt.get(label) ?? label;
    const fold = folds.get(group) ?? turn % FOLDS;
    if (!folds.has(group)) dealt.set(label, turn + 1);
    folds.set(group, fold);
    return fold;
  });
}

/** Clips of classes that the others have too: how surely a class is missed that was never heard says nothing. */
function heardIn<Data extends ClipVectors>(fitted: Data, left: Data): Data {
  if (!("labels" in fitted) || !("labels" in left)) return left;
  const heard = new Set(Array.from(fitted.labels));
  const rows = Array.from(left.labels, (_, i) => i).filter((i) => heard.has(left.labels[i]!));
  return rowsOf(left, rows);
}

/** The sum over clips: of the cross-entropy, or of the mean binary one of all labels. */
function lossOf(scorer: Scorer, data: ClipVectors): number {
  const { classes } = data;
  const size = sizeOf(data);
  let loss = 0;
  for (let row = 0; row < countOf(data); row++) {
    const scores = Array.from(scorer(data.vectors.subarray(row * size, (row + 1) * size)));
    if ("labels" in data) {
      const most = Math.max(...scores);
      const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
      loss += Math.log(sum) + most - scores[data.labels[row]!]!;
      continue;
    }
    scores.forEach((score, k) => {
      const sign = data.targets[row * classes + k]! > 0 ? -1 : 1;
      const x = sign * score;
      loss += (Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))) / classes;
    });
  }
  return loss;
}

/** What a layer makes of a vector. */
export function layerScorer({ weights, biases }: Layer): Scorer {
  return (vector) =>
    biases.map((bias, k) => {
      let score = bias;
      for (let d = 0; d < vector.length; d++) score += weights[k * vector.length + d]! * vector[d]!;
      return score;
    });
}
