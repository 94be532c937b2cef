/**
 * A data set as the splits that `train` makes and `eval` finds again.
 *
 * @module
 */
import { alignLabels, type AudioDataset } from "../data/audio_dataset.ts";
import {
  loadTrainingSplits,
  splitClips,
  type TrainingSplits,
  type TrainingSplitsOptions,
} from "../data/training_splits.ts";
import { fewShots, type Folds, foldsOf, holdOut } from "../data/folds.ts";
import { readSplitFile, splitByRows } from "../data/split_file.ts";
import { DatasetError } from "../errors.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";
import { fromCache } from "./_from_cache.ts";

/** The options of what is read. */
export const SOURCE_OPTIONS = {
  "data-name": { kind: "string", help: 'configuration of the data set, such as "en-US"' },
  "data-revision": { kind: "string", help: "branch, tag or commit on the hub (main)" },
  "audio-column": { kind: "string", help: "column of recordings (audio)" },
  "label-column": { kind: "string", help: "column of labels (label)" },
  "audio-dir": {
    kind: "string",
    value: "DIR",
    help: "what paths of recordings in a table are relative to (its folder)",
  },
  "label-level": {
    kind: "number",
    whole: true,
    min: 1,
    help: "which folder below the split is the label, recordings lying deeper (1, right in it)",
  },
} as const satisfies OptionSpecs;

/** The options of what is read, and of data that has no splits of its own. */
export const SPLIT_OPTIONS = {
  ...SOURCE_OPTIONS,
  "test-size": {
    kind: "number",
    min: 0,
    help: "clips for testing, or their share, where there is no such split (0.2)",
  },
  "validation-size": {
    kind: "number",
    min: 0,
    help: "the same for validation, of the training clips (0.1)",
  },
  stratify: { kind: "flag", on: true, help: "give every label its share in each split" },
  "group-by": {
    kind: "string",
    value: "COLUMN|PATTERN",
    help: "speaker, recording or site, which is never on both sides of a split: a column, or a " +
      "pattern with one group in brackets for the path of a file",
  },
  "merge-splits": {
    kind: "flag",
    help: "take all clips together, whatever splits the data set has",
  },
  "split-file": {
    kind: "string",
    value: "FILE",
    help: "split as in a split.csv, which train writes beside a model",
  },
} as const satisfies OptionSpecs;

/** Which data. */
export type SourceChoice = Pick<
  TrainingSplitsOptions,
  "name" | "revision" | "audioColumn" | "labelColumn" | "audioDir" | "labelLevel"
>;

/** Which data, and how it is split where it is not. */
export interface SplitChoice extends
  SourceChoice,
  Pick<
    TrainingSplitsOptions,
    "testSize" | "validationSize" | "skipBadFiles" | "groupBy" | "foldBy" | "mergeSplits"
  > {
  stratify: boolean;
  /** A table of splits, in the place of those of the data set. */
  splitFile?: string;
  /** The fold to test on, in the place of the test split. */
  heldOut?: HeldOut;
  /** Clips of each class to train on, drawn. @default all */
  shots?: number;
}

/** One fold of several. */
export interface HeldOut {
  /** Its number. */
  fold: number;
  /** How many folds are drawn; undefined where the clips have folds. */
  folds?: number;
}

/** A data set with its splits. */
export type SplitFolder = TrainingSplits;

const VALIDATION_SHARE = 0.1;

/** The data among the options. */
export function sourceChoice(options: OptionValues<typeof SOURCE_OPTIONS>): SourceChoice {
  return {
    name: options["data-name"],
    revision: options["data-revision"],
    audioColumn: options["audio-column"],
    labelColumn: options["label-column"],
    audioDir: options["audio-dir"],
    labelLevel: options["label-level"],
  };
}

/**
 * The choice among the options.
 *
 * @throws {UsageError} for a size that is neither a count nor a share.
 */
export function splitChoice(options: OptionValues<typeof SPLIT_OPTIONS>): SplitChoice {
  const size = (name: "test-size" | "validation-size"): number | undefined => {
    const value = options[name];
    if (value === undefined || value < 1 || Number.isInteger(value)) return value;
    throw new UsageError(
      `Cannot use argument "--${name}": expected a share below 1 or a number of clips, found ${value}`,
    );
  };
  const choice: SplitChoice = {
    ...sourceChoice(options),
    testSize: size("test-size"),
    validationSize: size("validation-size"),
    stratify: options.stratify,
    groupBy: options["group-by"],
    mergeSplits: options["merge-splits"],
    splitFile: options["split-file"],
  };
  if (choice.splitFile !== undefined) expectAlone(options);
  return choice;
}

/** @throws {UsageError} where clips are cut out of whole recordings, which are split as they are, and other splits are asked for. */
export function expectOwnSplits(
  options: OptionValues<typeof SPLIT_OPTIONS> & { readonly annotations?: string },
): void {
  if (options.annotations === undefined) return;
  const names = ["group-by", "merge-splits", "split-file"] as const;
  const asked = names.find((name) => options[name] !== undefined && options[name] !== false);
  if (asked === undefined) return;
  throw new UsageError(
    `Cannot use argument "--${asked}": expected no "--annotations" with it, whose recordings are split whole`,
  );
}

/** @throws {UsageError} where a table of splits is given, and another way to split. */
function expectAlone(options: OptionValues<typeof SPLIT_OPTIONS>): void {
  const others = ["test-size", "validation-size", "group-by", "merge-splits"] as const;
  const other = others.find((name) => options[name] !== undefined && options[name] !== false);
  if (other === undefined) return;
  throw new UsageError(
    `Cannot use argument "--${other}": expected no "--split-file" with it, which says all of that`,
  );
}

/**
 * Loads a data set; the same seed and choice give the same splits, whatever the order of `labels`.
 *
 * @throws {DatasetError} where it cannot be used as it is, or has a label beyond `labels`.
 * @throws {HubError} where it is on the hub, and the hub or the cache does not give it.
 */
export async function loadSplits(
  source: string,
  { labels, seed, validationSize, online = false, ...choice }: SplitChoice & {
    seed: number;
    labels?: readonly string[];
    /** Whether the hub may be asked. @default false */
    online?: boolean;
  },
): Promise<SplitFolder> {
  const sorted = labels && [...labels].sort();
  const { splitFile, heldOut, shots } = choice;
  const found = await dataFromCache(source, choice, (offline) => {
    const whole = (splitFile !== undefined || heldOut) && { testSize: 0, validationSize: 0 };
    return loadTrainingSplits(source, {
      ...choice,
      // A table of splits has the folds, too.
      ...splitFile !== undefined && { foldBy: undefined },
      ...whole,
      ...!online && offline,
      labels: sorted,
      seed,
    });
  });
  const named = splitFile === undefined ? found : await asInFile(found, splitFile, !labels);
  const tested = heldOut ? withHeldOut(named, { ...heldOut, seed, ...choice }) : named;
  // Who has a handful of clips trains on all of them.
  const isSplit = splitFile !== undefined && !heldOut;
  const wanted = isSplit || shots !== undefined ? validationSize ?? 0 : validationSize;
  const split = withValidation(tested, { seed, validationSize: wanted, ...choice });
  const few = shots === undefined ? split : withShots(split, shots, seed);
  return labels ? withLabels(few, labels) : few;
}

/** One fold to test on, of the clips that are not the data set's own test clips. */
export function withHeldOut(
  folder: SplitFolder,
  { fold, seed, ...options }: HeldOut & { seed: number; stratify: boolean },
): SplitFolder {
  const { pool, folds, notes } = foldsOfFolder(folder, { seed, ...options });
  const splits = holdOut(pool, folds, fold);
  return { ...folder, splits, drawn: true, notes: [...folder.notes, ...notes] };
}

/** The clips that are dealt to folds, and the folds. */
export function foldsOfFolder(
  { source, splits: { train, validation, test } }: SplitFolder,
  { folds: count, ...options }: Pick<HeldOut, "folds"> & { seed: number; stratify: boolean },
): { pool: AudioDataset; folds: Folds; notes: string[] } {
  if (!train) {
    throw new DatasetError(`Cannot make folds of "${source}": expected training clips, found none`);
  }
  const clips = [...train.clips, ...validation?.clips ?? []];
  const pool = { ...train, split: source, clips };
  const folds = foldsOf(pool, count, options);
  const aside = test && test.clips.length > 0
    ? [`The test split, ${test.clips.length} clips, is in no fold; to deal it too: \`mergeSplits\``]
    : [];
  return { pool, folds, notes: [...aside, ...folds.notes] };
}

function withShots(folder: SplitFolder, shots: number, seed: number): SplitFolder {
  const { train } = folder.splits;
  if (!train) return folder;
  return { ...folder, splits: { ...folder.splits, train: fewShots(train, shots, seed) } };
}

/** @param isWhole whether each file that the table names has to be there. */
async function asInFile(folder: SplitFolder, path: string, isWhole: boolean): Promise<SplitFolder> {
  const rows = await readSplitFile(path);
  const { source } = folder;
  const { splits, notes } = splitByRows(splitsInOrder(folder), rows, { source, path, isWhole });
  return { ...folder, splits, drawn: false, notes: [...folder.notes, ...notes] };
}

function withValidation(
  folder: SplitFolder,
  { validationSize, seed, stratify }: SplitChoice & { seed: number },
): SplitFolder {
  const { train, validation } = folder.splits;
  if (!train || validation || validationSize === 0) return folder;
  const clips = train.clips.length;
  const classes = new Set(train.clips.map(({ label }) => label)).size;
  const testSize = validationSize ?? Math.max(classes, Math.ceil(VALIDATION_SHARE * clips));
  if (validationSize === undefined && testSize > clips / 2) {
    const note = 'Split "train" is too small to take validation clips from it';
    return { ...folder, notes: [...folder.notes, note] };
  }
  const sides = splitClips(train, { testSize, seed, stratify });
  const splits = {
    ...folder.splits,
    train: { ...sides.train, split: "train" },
    validation: { ...sides.test, split: "validation" },
  };
  return { ...folder, splits };
}

/**
 * A data set that nothing is asked of the hub for.
 *
 * @param load loads it, with the option that keeps it off the network.
 * @throws {HubError} with the command that brings it, where the cache does not hold it.
 */
export async function dataFromCache<T>(
  source: string,
  { name, revision }: SourceChoice,
  load: (offline: { offline: true }) => Promise<T>,
): Promise<T> {
  const pullArgs = [
    "--dataset",
    ...name === undefined ? [] : ["--data-name", name],
    ...revision === undefined ? [] : ["--revision", revision],
  ];
  return await fromCache({ kind: "data set", name: source, pullArgs }, load({ offline: true }));
}

/** The same clips under other numbers. */
export function withLabels(folder: SplitFolder, labels: readonly string[]): SplitFolder {
  const splits = Object.entries(folder.splits).map(([name, split]) => [
    name,
    alignLabels(split!, labels),
  ]);
  return { ...folder, labels, splits: Object.fromEntries(splits) };
}

/** Its splits as they are used. */
export function splitsInOrder({ splits }: SplitFolder): AudioDataset[] {
  const { train, validation, test } = splits;
  return [train, validation, test].filter((split) => split !== undefined);
}
