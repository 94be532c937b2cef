/**
 * A data set that is a folder: `split/label/file`, or `label/file` that is split here.
 *
 * Follows Hugging Face's `audiofolder`: the label is the folder that a file lies in, labels are
 * sorted by name over all splits, a split is told by a folder name that says train, validation
 * (valid, val, dev) or test (eval), rows are in the order of their paths, hidden files do not
 * count. Unlike there, a file outside a label folder does not cost all files their label: it is
 * left out, and said so. Only names are read here, and no audio.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import {
  type FolderScan,
  type IgnoredFiles,
  isAudio,
  scanFolder,
  type SplitName,
} from "./_folder_scan.ts";
import { alignLabels, type AudioDataset } from "./audio_dataset.ts";
import { trainTestSplit } from "./train_test_split.ts";

export { type IgnoredFiles, isAudio, type SplitName };

/** How a folder becomes a data set. */
export interface AudioFolderOptions {
  /**
   * What of the training clips goes to the test split: a part above 0 and below 1, a number of
   * clips, or 0 for none. @default 0.2 for `label/file`, 0 for `split/label/file`
   */
  testSize?: number;
  /** The same for the validation split; a part is a part of the same clips. @default 0 */
  validationSize?: number;
  /** A whole number from 0; the same one gives the same splits. @default 42 */
  seed?: number;
  /** Whether every label has the same share in every split made here. @default false */
  stratify?: boolean;
  /**
   * The labels of a trained model, by number. The clips then have that model's numbers, a label
   * that it does not know is an error, and one label is enough.
   */
  labels?: readonly string[];
}

/** The data sets of a folder. */
export interface AudioFolder {
  /** The folder. */
  dir: string;
  /** The label names by number. */
  labels: readonly string[];
  /** Number by label name, as in a model's `config.json`. */
  label2id: Readonly<Record<string, number>>;
  /** Label name by number, as in a model's `config.json`. */
  id2label: Readonly<Record<string, string>>;
  /** The splits that the folder has or that were made here. */
  splits: Readonly<Partial<Record<SplitName, AudioDataset>>>;
  /** Audio outside of the label folders, and other files inside them. */
  ignored: Readonly<Record<"outside" | "notAudio", IgnoredFiles>>;
  /** What a user should be told, one sentence each. */
  notes: readonly string[];
}

const LAYOUTS = "label/file or split/label/file";

/**
 * Loads a folder of recordings as data sets, without reading any audio.
 *
 * @param dir the folder.
 * @param options how to split a folder without splits, and the labels of a model to evaluate.
 * @returns one data set for each split, with the labels that they share.
 * @throws {DatasetError} where there is no such folder or no clip in it, only one label, a label
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
 * const { label2id, splits } = await loadAudioFolder(dir);
 * deepEqual(label2id, { no: 0, yes: 1 });
 * deepEqual(splits.test?.clips, [{ file: `${dir}/test/yes/1.wav`, label: 1 }]);
 * ```
 */
export async function loadAudioFolder(
  dir: string,
  options: AudioFolderOptions = {},
): Promise<AudioFolder> {
  const scan = await scanFolder(dir);
  const found = labelNames(scan);
  requireClips(dir, scan, found);
  if (options.labels === undefined) requireTwoLabels(dir, found, scan);
  let sets = dataSets(scan, found);
  if (options.labels === undefined) requireTrained(sets);
  else sets = sets.map((set) => alignLabels(set, options.labels!));
  const splits = withSplits(dir, sets, { hasSplits: scan.hasSplits, ...options });
  const labels = options.labels ?? found;
  return {
    dir,
    labels,
    label2id: Object.fromEntries(labels.map((name, id) => [name, id])),
    id2label: Object.fromEntries(labels.map((name, id) => [String(id), name])),
    splits,
    ignored: { outside: scan.outside, notAudio: scan.notAudio },
    notes: [...ignoredNotes(scan), ...coverageNotes(splits)],
  };
}

function labelNames(scan: FolderScan): string[] {
  const names = new Set<string>();
  for (const clips of scan.splits.values()) for (const clip of clips) names.add(clip.label);
  return [...names].sort();
}

function dataSets(scan: FolderScan, labels: readonly string[]): AudioDataset[] {
  const numbers = new Map(labels.map((name, id) => [name, id]));
  return Array.from(scan.splits, ([split, found]) => {
    const clips = found.map(({ file, label }) => ({ file, label: numbers.get(label)! }));
    return { split, labels, clips };
  });
}

/** The splits of the folder, and those that are made out of its training clips. */
function withSplits(
  dir: string,
  sets: readonly AudioDataset[],
  options: AudioFolderOptions & { hasSplits: boolean },
): AudioFolder["splits"] {
  const { hasSplits, seed, stratify, validationSize = 0 } = options;
  const { testSize = hasSplits ? 0 : 0.2 } = options;
  const splits: Partial<Record<SplitName, AudioDataset>> = {};
  for (const set of sets) splits[set.split as SplitName] = set;
  const whole = splits.train?.clips.length ?? 0;
  for (const [split, size] of [["test", testSize], ["validation", validationSize]] as const) {
    if (size === 0) continue;
    requireSplittable(dir, split, splits);
    const part = size > 0 && size < 1 ? Math.ceil(size * whole) : size;
    const sides = trainTestSplit(splits.train!, { testSize: part, seed, stratify });
    splits.train = sides.train;
    splits[split] = { ...sides.test, split };
  }
  return splits;
}

function requireSplittable(dir: string, split: SplitName, splits: AudioFolder["splits"]): void {
  if (splits.train !== undefined && splits[split] === undefined) return;
  const expected = splits.train === undefined
    ? "training clips to take them from, found none"
    : `no such split, found ${splits[split]!.clips.length} clips in it`;
  throw new DatasetError(
    `Cannot make a ${split} split of data set "${dir}": expected ${expected}`,
    { file: dir, hint: `Leave the ${split} size away to use the folder's own splits` },
  );
}

function requireClips(dir: string, scan: FolderScan, labels: readonly string[]): void {
  if (labels.length > 0) return;
  const example = scan.outside.example ?? scan.notAudio.example;
  const found = scan.outside.count > 0
    ? `${counted(scan.outside.count, "audio file")} elsewhere, such as "${example}"`
    : scan.notAudio.count > 0
    ? `only other files, such as "${example}"`
    : "no audio files";
  throw new DatasetError(`Cannot load data set "${dir}": expected ${LAYOUTS}, found ${found}`, {
    file: dir,
    hint: "Put the recordings of each label into a folder with the label's name",
  });
}

function requireTwoLabels(dir: string, labels: readonly string[], scan: FolderScan): void {
  if (labels.length > 1) return;
  const name = JSON.stringify(labels[0]);
  const outside = scan.outside.count > 0
    ? `, and ${
      counted(scan.outside.count, "audio file")
    } elsewhere, such as "${scan.outside.example}"`
    : "";
  throw new DatasetError(
    `Cannot load data set "${dir}": expected two labels or more, found one, ${name}${outside}`,
    { file: dir, hint: `A folder is laid out as ${LAYOUTS}` },
  );
}

/** What a model never heard in training it cannot say. */
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
  const present = new Set(base.clips.map((clip) => clip.label));
  const wanted = new Set(other.clips.map((clip) => clip.label));
  return [...wanted].filter((label) => !present.has(label)).map((label) => other.labels[label]!);
}

function ignoredNotes({ outside, notAudio }: FolderScan): string[] {
  const notes: string[] = [];
  if (outside.count > 0) {
    notes.push(
      `Ignored ${counted(outside.count, "audio file")} outside the label folders, ` +
        `such as "${outside.example}"`,
    );
  }
  if (notAudio.count > 0) {
    const files = counted(notAudio.count, "file");
    notes.push(`Ignored ${files} without an audio ending, such as "${notAudio.example}"`);
  }
  return notes;
}

/** Where a label is in training alone, or, after a random split, in the others alone. */
function coverageNotes({ train, ...others }: AudioFolder["splits"]): string[] {
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

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
