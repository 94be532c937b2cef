/**
 * A folder of recordings as the splits that `train` makes and `eval` finds again.
 *
 * @module
 */
import { relative } from "node:path";
import { type AudioFolder, loadAudioFolder } from "../data/audio_folder.ts";
import { alignLabels, type AudioDataset } from "../data/audio_dataset.ts";
import { trainTestSplit } from "../data/train_test_split.ts";
import { AudioFormatError } from "../errors.ts";
import { type OptionSpecs, type ParsedArguments, UsageError } from "./_arguments.ts";

/** The options of a folder that has no splits of its own. */
export const SPLIT_OPTIONS: OptionSpecs = {
  "test-size": {
    kind: "number",
    value: "N",
    help: "clips for testing, or their share, where there is no such split (0.2)",
  },
  "validation-size": {
    kind: "number",
    value: "N",
    help: "the same for validation, of the training clips (0.1)",
  },
  stratify: { kind: "flag", on: true, help: "give every label its share in each split" },
};

/** How a folder is split where it is not. */
export interface SplitChoice {
  testSize?: number;
  validationSize?: number;
  stratify: boolean;
}

/** A folder with its splits. */
export interface SplitFolder extends AudioFolder {
  /** Whether its test split was drawn here. */
  drawn: boolean;
}

const VALIDATION_SHARE = 0.1;

/**
 * The choice among the options.
 *
 * @throws {UsageError} for a size that is neither a count nor a share.
 */
export function splitChoice({ options }: ParsedArguments): SplitChoice {
  const size = (name: string): number | undefined => {
    const value = options[name] as number | undefined;
    if (value === undefined || value >= 0 && (value < 1 || Number.isInteger(value))) return value;
    throw new UsageError(
      `Cannot use argument "--${name}": expected a share below 1 or a number of clips, found ${value}`,
    );
  };
  return {
    testSize: size("test-size"),
    validationSize: size("validation-size"),
    stratify: options.stratify !== false,
  };
}

/**
 * Loads a folder; the same seed and choice give the same splits, whatever the order of `labels`.
 *
 * @throws {DatasetError} where the folder cannot be used as it is, or has a label beyond `labels`.
 */
export async function loadSplits(
  dir: string,
  { labels, seed, ...choice }: SplitChoice & { seed: number; labels?: readonly string[] },
): Promise<SplitFolder> {
  const { testSize, stratify } = choice;
  const sorted = labels && [...labels].sort();
  const folder = await loadAudioFolder(dir, { labels: sorted, seed, stratify, testSize });
  const { test } = folder.splits;
  const drawn = test !== undefined && isUnsplit(dir, test.clips[0]!.file);
  const split = withValidation({ ...folder, drawn }, { seed, ...choice });
  return labels ? withLabels(split, labels) : split;
}

/** Clips lie in `label/file`. */
function isUnsplit(dir: string, file: string): boolean {
  return relative(dir, file).split(/[/\\]/).length === 2;
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
  const sides = trainTestSplit(train, { testSize, seed, stratify });
  const splits = {
    ...folder.splits,
    train: { ...sides.train, split: "train" },
    validation: { ...sides.test, split: "validation" },
  };
  return { ...folder, splits };
}

/** The same clips under other numbers. */
export function withLabels(folder: SplitFolder, labels: readonly string[]): SplitFolder {
  const splits = Object.entries(folder.splits).map(([name, split]) => [
    name,
    alignLabels(split!, labels),
  ]);
  return { ...folder, labels, splits: Object.fromEntries(splits) };
}

/** An error of a clip, with the option that leaves such clips out; any other as it is. */
export function withSkipHint(error: unknown): unknown {
  if (!(error instanceof AudioFormatError)) return error;
  const { message, file, hint } = error;
  const skip = "eave bad files out with --skip-bad-files";
  return new AudioFormatError(message, {
    file,
    hint: hint ? `${hint}, or l${skip}` : `L${skip}`,
    cause: error,
  });
}

/** Its splits as they are used. */
export function splitsInOrder({ splits }: SplitFolder): AudioDataset[] {
  const { train, validation, test } = splits;
  return [train, validation, test].filter((split) => split !== undefined);
}
