/**
 * Folds: parts of a data set of which each is held out once, while the others are trained on; and a few clips a class.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import type { AudioClip, AudioDataset } from "./audio_dataset.ts";
import { groupOf } from "./clip_keys.ts";
import { listed } from "./features.ts";
import { dealClips, type DealOptions } from "./_group_splits.ts";
import { seededRandom } from "./random.ts";

/** The parts of a data set, each held out once. */
export interface Folds {
  /** What the folds are called, in their order. */
  names: readonly string[];
  /** The number of the fold of each clip. */
  ofClip: readonly number[];
  /** What a user should know, one sentence each. */
  notes: readonly string[];
}

/** Most folds that are tried; a fold is a whole training. */
const MAX_FOLDS = 100;

/**
 * The folds of a data set: those that its clips name, or `count` of them, drawn with whole groups.
 *
 * @param count how many are drawn; undefined where the clips have folds.
 * @throws {DatasetError} where there are fewer groups than folds, fewer than two folds, or a class is in one fold alone,
 * so that the model that is tested on it could not have learnt it.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * const clips = [0, 1, 0, 1].map((label, i) => ({ file: `${i}.wav`, label, fold: i < 2 ? "1" : "2" }));
 * const { names, ofClip } = foldsOf({ split: "all", labels: ["no", "yes"], clips });
 * deepEqual([names, ofClip], [["1", "2"], [0, 0, 1, 1]]);
 * ```
 */
export function foldsOf(dataset: AudioDataset, count?: number, options: DealOptions = {}): Folds {
  const folds = count === undefined ? namedFolds(dataset) : drawnFolds(dataset, count, options);
  return { ...folds, notes: classNotes(dataset, folds) };
}

function namedFolds({ split, clips }: AudioDataset): Omit<Folds, "notes"> {
  const names = [...new Set(clips.map(({ fold }) => fold ?? ""))];
  names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (names.length < 2 || names.length > MAX_FOLDS) {
    throw new DatasetError(
      `Cannot use the folds of "${split}": expected 2 to ${MAX_FOLDS} of them, found ` +
        `${names.length}, ${listed(names)}`,
    );
  }
  const folds = { names, ofClip: clips.map(({ fold }) => names.indexOf(fold ?? "")) };
  expectGroupsWhole(split, clips, folds);
  return folds;
}

function expectGroupsWhole(
  split: string,
  clips: readonly AudioClip[],
  { names, ofClip }: Omit<Folds, "notes">,
): void {
  const folds = new Map<string, number>();
  for (const [i, { group }] of clips.entries()) {
    if (group === undefined) continue;
    const first = folds.get(group) ?? ofClip[i]!;
    folds.set(group, first);
    if (first === ofClip[i]) continue;
    throw new DatasetError(
      `Cannot use the folds of "${split}": expected each group in one of them, found "${group}" in ` +
        `"${names[first]}" and "${names[ofClip[i]!]}"`,
      { hint: "Draw folds with `folds`, or use these as they are without `groupBy`" },
    );
  }
}

function drawnFolds(
  dataset: AudioDataset,
  count: number,
  options: DealOptions,
): Omit<Folds, "notes"> {
  const { split, clips } = dataset;
  const groups = new Set(clips.map(groupOf)).size;
  const isGrouped = clips.some(({ group }) => group !== undefined);
  if (groups < count) {
    const what = isGrouped ? "groups" : "clips";
    throw new DatasetError(
      `Cannot make ${count} folds of "${split}": expected ${count} ${what} or more, found ${groups}`,
      { hint: isGrouped ? "Ask for fewer folds, or for smaller groups" : "Ask for fewer folds" },
    );
  }
  const ofClip = dealClips(dataset, new Array<number>(count).fill(1 / count), options);
  return { names: Array.from({ length: count }, (_, i) => String(i)), ofClip };
}

/** @throws {DatasetError} where a class is in one fold alone; a fold without clips of a class is noted. */
function classNotes(
  { split, labels, clips, kind = "single_label_classification" }: AudioDataset,
  { names, ofClip }: Omit<Folds, "notes">,
): string[] {
  if (kind !== "single_label_classification") return [];
  const byClass = Map.groupBy(clips.keys(), (i) => clips[i]!.label);
  const short: string[] = [];
  for (const [label, places] of byClass) {
    const folds = new Set(places.map((i) => ofClip[i]!));
    if (folds.size < 2) throw lonelyClass(split, labels[label]!, places.length, names, [...folds]);
    if (folds.size < names.length) short.push(labels[label]!);
  }
  if (short.length === 0) return [];
  const which = short.length === 1
    ? `label "${short[0]}"`
    : `${short.length} labels, ${listed(short)}`;
  return [`Some folds have no clips of ${which}, and say nothing of it`];
}

function lonelyClass(
  split: string,
  label: string,
  clips: number,
  names: readonly string[],
  [fold]: readonly number[],
): DatasetError {
  const count = clips === 1 ? "its only clip" : `all ${clips} of them`;
  return new DatasetError(
    `Cannot make folds of "${split}": expected clips of "${label}" in two folds or more, found ` +
      `${count} in fold "${names[fold!]}"`,
    {
      hint:
        "Who is tested on a class has to be trained on others of it: record it in another group, " +
        "or leave it out",
    },
  );
}

/**
 * The clips of one fold as the test split, and all others to train on.
 *
 * @param fold the number of the fold.
 */
export function holdOut(
  dataset: AudioDataset,
  { ofClip, names }: Folds,
  fold: number,
): { train: AudioDataset; test: AudioDataset } {
  const clips = dataset.clips.map((clip, i) => ({ ...clip, fold: names[ofClip[i]!]! }));
  const part = (split: string, isHeldOut: boolean): AudioDataset => ({
    ...dataset,
    split,
    clips: clips.filter((_, i) => (ofClip[i] === fold) === isHeldOut),
  });
  return { train: part("train", false), test: part("test", true) };
}

/**
 * So many clips of every class, drawn, in the order of the data set.
 *
 * @param shots clips a class.
 * @throws {DatasetError} where a class has fewer, or a clip has not one label.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * const clips = [0, 0, 0, 1, 1].map((label, i) => ({ file: `${i}.wav`, label }));
 * const few = fewShots({ split: "train", labels: ["no", "yes"], clips }, 1);
 * deepEqual(few.clips.map(({ label }) => label), [0, 1]);
 * ```
 */
export function fewShots(dataset: AudioDataset, shots: number, seed = 42): AudioDataset {
  const { split, labels, clips, kind = "single_label_classification" } = dataset;
  if (kind !== "single_label_classification") {
    throw new DatasetError(
      `Cannot take ${shots} clips a class of "${split}": expected one label a clip, found ${kind}`,
    );
  }
  const byClass = labels.map((_, label) => {
    return clips.keys().filter((i) => clips[i]!.label === label).toArray();
  });
  const scarce = byClass.findIndex((places) => places.length < shots);
  if (scarce >= 0) {
    throw new DatasetError(
      `Cannot take ${shots} clips a class of "${split}": expected ${shots} of every class, found ` +
        `${byClass[scarce]!.length} of "${labels[scarce]}"`,
      { hint: "Take fewer, or hold fewer clips back for testing" },
    );
  }
  const chosen = byClass.flatMap((places, label) => {
    const order = seededRandom(seed, label).permutation(places.length).subarray(0, shots);
    return Array.from(order, (place) => places[place]!);
  });
  return { ...dataset, clips: chosen.sort((a, b) => a - b).map((i) => clips[i]!) };
}
