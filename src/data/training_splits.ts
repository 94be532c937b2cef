/**
 * A data set as what a model is trained, validated and tested on.
 *
 * Splits that are missing are drawn from the training clips; the same seed draws the same ones,
 * whatever the order of a model's labels. All of them share one list of labels.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import {
  audioClips,
  audioColumnOf,
  type BadRowOptions,
  type ClipColumns,
  labelNamesOf,
  labelTypeOf,
} from "./audio_clips.ts";
import { alignLabels, type AudioDataset } from "./audio_dataset.ts";
import { type ClipKeys, withKeys } from "./clip_keys.ts";
import { expectGroupsApart, splitByGroup } from "./_group_splits.ts";
import type { Dataset } from "./dataset.ts";
import { splitsOf } from "./dataset_dict.ts";
import { type SplitName, splitOf } from "./folder_layout.ts";
import { loadDataset, type LoadDatasetOptions } from "./load_dataset.ts";
import { labelSuspicions } from "./_suspicions.ts";
import { splitRows } from "./train_test_split.ts";

export type { SplitName };

/** Which data, and how it is split where it is not. */
export interface TrainingSplitsOptions
  extends ClipColumns, ClipKeys, BadRowOptions, Omit<LoadDatasetOptions, "split" | "onNotice"> {
  /**
   * What of the training clips goes to the test split: a part above 0 and below 1, a number of
   * clips, or 0 for none. @default 0.2 where there is one split alone, otherwise 0
   */
  testSize?: number;
  /** The same for the validation split; a part is a part of the same clips. @default 0 */
  validationSize?: number;
  /** A whole number from 0; the same one gives the same splits. @default 42 */
  seed?: number;
  /** Whether every label has the same share in every split made here. @default false */
  stratify?: boolean;
  /** Whether all clips are taken together, whatever splits the data set has. @default false */
  mergeSplits?: boolean;
  /**
   * The labels of a trained model, by number. The clips then have that model's numbers, a label
   * that it does not know is an error, and one label is enough.
   */
  labels?: readonly string[];
}

/** The splits of a data set, ready for training. */
export interface TrainingSplits {
  /** The data set. */
  source: string;
  /** The label names by number. */
  labels: readonly string[];
  /** The splits that the data set has or that were made here. */
  splits: Readonly<Partial<Record<SplitName, AudioDataset>>>;
  /** Whether the test split was made here. */
  drawn: boolean;
  /** What a user should know, one sentence each. */
  notes: readonly string[];
}

/**
 * Loads a data set as splits for training, without reading any audio.
 *
 * @param source a folder, a file, or an id on the hub.
 * @param options which columns, how to split, and the labels of a model to evaluate.
 * @returns one set of clips for each split, with the labels that they share.
 * @throws {DatasetError} where there is no such data set or no clip in it, only one label, a label
 * that the training split lacks or the model does not know, or a split would be made that is there
 * already.
 * @throws {RangeError} for a size or a seed that is no such number.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * const dir = await Deno.makeTempDir();
 * for (const path of ["train/yes", "train/no", "test/yes"]) {
 *   await Deno.mkdir(`${dir}/${path}`, { recursive: true });
 *   await Deno.writeTextFile(`${dir}/${path}/1.wav`, "");
 * }
 * const { labels, splits } = await loadTrainingSplits(dir);
 * deepEqual(labels, ["no", "yes"]);
 * deepEqual(splits.test?.clips.map(({ file, label }) => [file, label]), [
 *   [`${dir}/test/yes/1.wav`, 1],
 * ]);
 * ```
 */
export async function loadTrainingSplits(
  source: string,
  options: TrainingSplitsOptions = {},
): Promise<TrainingSplits> {
  const notes: string[] = [];
  const dict = await loadDataset(source, {
    ...options,
    onNotice: (note, kind) => {
      if (kind === "lost class") throw lostClass(source, note);
      notes.push(note);
    },
  });
  const named = namedSplits(splitsOf(dict), notes);
  for (const [split, { numRows }] of named) requireRows(source, split, numRows);
  const datasets = [...named.values()];
  audioColumnOf(datasets[0]!, options);
  const type = labelTypeOf(datasets[0]!, options);
  const found = await labelNamesOf(datasets, type, options);
  if (options.labels === undefined && type.kind !== "regression") {
    requireTwoLabels(source, found, notes);
  }
  if (type.kind !== "regression" && found.length > 1) notes.push(...labelSuspicions(found));
  let sets: AudioDataset[] = [];
  for (const [split, dataset] of named) {
    const clips = await audioClips(dataset, { ...options, names: found });
    sets.push({ ...await withKeys(clips, { ...options, rows: dataset, source }), split });
  }
  if (options.labels !== undefined) sets = sets.map((set) => alignLabels(set, options.labels!));
  else if (type.names === undefined || isFolder(datasets[0]!)) requireTrained(sets);
  if (options.mergeSplits) sets = [merged(sets)];
  else expectGroupsApart(source, sets);
  const isTrain = named.size === 1 && named.has("train") && !isInSplitFolder(source, sets[0]!);
  const isWhole = isTrain || options.mergeSplits === true;
  const splits = withSplits(source, sets, { isWhole, ...options });
  return {
    source,
    labels: options.labels ?? found,
    splits,
    drawn: splits.test !== undefined && (isWhole || !named.has("test")),
    notes: [...notes, ...coverageNotes(splits)],
  };
}

/** All clips as one split to draw from. */
function merged(sets: readonly AudioDataset[]): AudioDataset {
  return { ...sets[0]!, split: "train", clips: sets.flatMap(({ clips }) => clips) };
}

/** Labels of folders are found and not stated, so one that training lacks is a mistake. */
function isFolder({ view }: Dataset): boolean {
  return view.table.heavyColumns.size === 0;
}

/** Who lays out `train/label/file` and nothing else has no test split in mind. */
function isInSplitFolder(source: string, { clips: [first] }: AudioDataset): boolean {
  const parts = first!.file.slice(source.length).split(/[/\\]/).filter((part) => part !== "");
  return parts.length === 3 && splitOf(parts[0]!) === "train";
}

/** The splits under the names that training knows; a single one of whatever name is for training. */
function namedSplits(
  splits: Record<string, Dataset>,
  notes: string[],
): Map<SplitName, Dataset> {
  const names = Object.keys(splits);
  const named = new Map<SplitName, Dataset>();
  for (const split of ["train", "validation", "test"] as const) {
    const name = splits[split] ? split : names.find((name) => splitOf(name) === split);
    if (name !== undefined) named.set(split, splits[name]!);
  }
  if (named.size === 0) named.set("train", splits[names[0]!]!);
  const used = new Set(named.values());
  for (const name of names) {
    if (!used.has(splits[name]!)) notes.push(`Split "${name}" is not used`);
  }
  return named;
}

/** The splits of the data set, and those that are made out of its training clips. */
function withSplits(
  source: string,
  sets: readonly AudioDataset[],
  options: TrainingSplitsOptions & { isWhole: boolean },
): TrainingSplits["splits"] {
  const { isWhole, seed, validationSize = 0 } = options;
  const { testSize = isWhole ? 0.2 : 0 } = options;
  const splits: Partial<Record<SplitName, AudioDataset>> = {};
  for (const set of sets) splits[set.split as SplitName] = set;
  const whole = splits.train?.clips.length ?? 0;
  for (const [split, size] of [["test", testSize], ["validation", validationSize]] as const) {
    if (size === 0) continue;
    requireSplittable(source, split, splits);
    const part = size > 0 && size < 1 ? Math.ceil(size * whole) : size;
    const sides = splitClips(splits.train!, { testSize: part, seed, stratify: options.stratify });
    splits.train = sides.train;
    splits[split] = { ...sides.test, split };
  }
  return splits;
}

/**
 * Two sets that share no clip, and no group where clips have one, and hold all of them.
 *
 * @throws {RangeError} for a size or a seed that is no such number.
 * @throws {DatasetError} where a side would be empty, or a label has one clip alone.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const clips = Array.from({ length: 10 }, (_, i) => ({ file: `${i}.wav`, label: i % 2 }));
 * const { test } = splitClips({ split: "all", labels: ["no", "yes"], clips }, { testSize: 0.2 });
 * equal(test.clips.length, 2);
 * ```
 */
export function splitClips(
  dataset: AudioDataset,
  options: { testSize: number; seed?: number; stratify?: boolean },
): { train: AudioDataset; test: AudioDataset } {
  const { split, labels, clips, kind = "single_label_classification" } = dataset;
  const { stratify = false, ...sizes } = options;
  if (clips.some(({ group }) => group !== undefined)) {
    return splitByGroup(dataset, { ...sizes, stratify });
  }
  const numbers = clips.map((clip) => clip.label);
  const classes = stratify && kind === "single_label_classification"
    ? { numbers, names: labels }
    : undefined;
  const sides = splitRows({ name: split, count: clips.length, classes }, sizes);
  const side = (name: string, rows: number[]): AudioDataset => {
    return { ...dataset, split: name, clips: rows.map((row) => clips[row]!) };
  };
  return { train: side("train", sides.train), test: side("test", sides.test) };
}

function requireRows(source: string, split: string, rows: number): void {
  if (rows > 0) return;
  throw new DatasetError(
    `Cannot use split "${split}" of data set "${source}": expected rows, found none`,
    { file: source, hint: "Give it rows, or take it out of the data set" },
  );
}

function requireSplittable(
  source: string,
  split: SplitName,
  splits: TrainingSplits["splits"],
): void {
  if (splits.train !== undefined && splits[split] === undefined) return;
  const expected = splits.train === undefined
    ? "training clips to take them from, found none"
    : `no such split, found ${splits[split]!.clips.length} clips in it`;
  throw new DatasetError(
    `Cannot make a ${split} split of data set "${source}": expected ${expected}`,
    { file: source, hint: `Leave the ${split} size away to use the data set's own splits` },
  );
}

function lostClass(source: string, note: string): DatasetError {
  return new DatasetError(
    `Cannot train on "${source}": expected every folder of a label to be a class, found one that is none`,
    { file: source, hint: note },
  );
}

function requireTwoLabels(source: string, labels: readonly string[], notes: string[]): void {
  if (labels.length > 1) return;
  const found = labels.length === 0 ? "none" : `one, ${JSON.stringify(labels[0])}`;
  throw new DatasetError(
    `Cannot train on "${source}": expected two labels or more, found ${found}`,
    { file: source, hint: notes[0] ?? "A folder is laid out as label/file or split/label/file" },
  );
}

/** A label that is not in training cannot be learnt. */
function requireTrained(sets: readonly AudioDataset[]): void {
  const train = sets.find((set) => set.split === "train");
  if (train === undefined) return;
  for (const set of sets) {
    const [missing] = missingLabels(train, set);
    if (missing === undefined) continue;
    const { file } = set.clips.find((clip) => set.labels[clip.label] === missing)!;
    throw new DatasetError(
      `Cannot use split "${set.split}": expected labels that "train" has too, found ` +
        `${JSON.stringify(missing)} ("${file}")`,
      { file, hint: "Give the training split clips of it, or take it out" },
    );
  }
}

/** The labels that `other` has clips of and `base` has not. */
function missingLabels(base: AudioDataset, other: AudioDataset): string[] {
  const isSingle = [base, other].every(({ clips }) => clips[0]?.targets === undefined);
  if (!isSingle) return [];
  const present = new Set(base.clips.map((clip) => clip.label));
  const wanted = new Set(other.clips.map((clip) => clip.label));
  return [...wanted].filter((label) => !present.has(label)).map((label) => other.labels[label]!);
}

/** Where a label is in training alone, or, after a random split, in the others alone. */
function coverageNotes({ train, ...others }: TrainingSplits["splits"]): string[] {
  if (train === undefined) return [];
  return Object.values(others).flatMap((set) => [
    ...coverageNote(set.split, missingLabels(set, train)),
    ...coverageNote(train.split, missingLabels(train, set)),
  ]);
}

function coverageNote(split: string, missing: readonly string[]): string[] {
  if (missing.length === 0) return [];
  const labels = missing.length === 1 ? "label" : `${missing.length} labels, such as`;
  return [`Split "${split}" has no clips of ${labels} ${JSON.stringify(missing[0])}`];
}
