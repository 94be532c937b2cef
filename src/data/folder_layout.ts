/**
 * Sorts the audio files of a data set folder by split and label.
 *
 * Only names are looked at. The endings are those that Hugging Face's `audiofolder` takes, and a
 * few more of audio; whether a file holds what its ending says shows when it is read.
 *
 * @module
 */

/** The splits that a model is made with. */
export type SplitName = "train" | "validation" | "test";

/** Files that are no clips of the data set. */
export interface IgnoredFiles {
  /** How many there are. */
  count: number;
  /** One of them. */
  example?: string;
}

/** A file with the name of its label. */
export interface FoundClip {
  path: string;
  label: string;
}

/** A class none of whose recordings count. */
export interface LostClass {
  /** The folder that would be its label. */
  label: string;
  /** One of its recordings. */
  example: string;
}

/** What a folder holds. */
export interface FolderScan {
  /** Clips by split, sorted by path; one list under "train" where the folder has no splits. */
  splits: Map<SplitName, FoundClip[]>;
  /** Audio that lies deeper or less deep than the clips, or beside the splits. */
  outside: IgnoredFiles;
  /** Files in label folders that do not end as audio does. */
  notAudio: IgnoredFiles;
  /** Folders where labels lie, with recordings deeper inside and none that counts. */
  lost: LostClass[];
}

const SPLIT_WORDS: Readonly<Record<SplitName, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "val", "dev"],
  test: ["test", "testing", "eval", "evaluation"],
};

const AUDIO_ENDINGS: ReadonlySet<string> = new Set(
  `aiff au avr caf flac htk svx mat4 mat5 mpc2k ogg paf pvf raw rf64 sd2 sds ircam voc w64 wav nist
  wavex wve xi mp3 opus 3gp 3g2 avi asf flv mp4 mov m4v mkv mpg webm f4v wmv wma ogm mxf nut
  aac aif m4a oga wave`.split(/\s+/),
);

/**
 * Sorts the files of a folder.
 *
 * @param paths the files by their paths in it.
 * @param folders those in it, with or without files; one that is named as a split is one.
 * @param labelLevel which folder below the split is the label, from 1; files may then lie deeper. Without it, the label
 * is the first one, and files lie in it.
 */
export function scanPaths(
  paths: readonly string[],
  folders: readonly string[] = [],
  labelLevel?: number,
): FolderScan {
  const level = labelLevel ?? 1;
  const isDeepEnough = (parts: readonly string[], above: number) =>
    labelLevel === undefined ? parts.length === above + 2 : parts.length > above + level;
  const splitFolders = new Set(
    paths.filter(isAudio).map((path) => path.split("/"))
      .filter((parts) => isDeepEnough(parts, 1) && splitOf(parts[0]!) !== undefined)
      .map(([split]) => split!),
  );
  // A split's name alone does not make a split: "train" may be a label among other vehicles.
  const above = splitFolders.size > 0 ? 1 : 0;
  const scan: FolderScan = {
    splits: new Map(),
    outside: { count: 0 },
    notAudio: { count: 0 },
    lost: [],
  };
  const deeper = new Map<string, string>();
  for (const path of paths) {
    const parts = path.split("/");
    const isInTree = above === 0 || splitFolders.has(parts[0]!);
    if (!isInTree || !isDeepEnough(parts, above)) {
      if (!isAudio(path)) continue;
      ignore(scan.outside, path);
      if (isInTree && parts.length > above + 2) deeper.set(parts[above]!, path);
      continue;
    }
    if (!isAudio(path)) {
      ignore(scan.notAudio, path);
      continue;
    }
    const split = above > 0 ? splitOf(parts[0]!)! : "train";
    const clips = scan.splits.get(split) ?? [];
    scan.splits.set(split, clips);
    clips.push({ path, label: parts[above + level - 1]! });
  }
  if (above > 0) {
    for (const split of emptySplits(paths, folders)) {
      if (!scan.splits.has(split)) scan.splits.set(split, []);
    }
  }
  const labels = labelsOf(scan);
  scan.lost = Array.from(deeper, ([label, example]) => ({ label, example }))
    .filter(({ label }) => !labels.includes(label));
  return scan;
}

/** The labels of a folder's clips, sorted. */
export function labelsOf({ splits }: Pick<FolderScan, "splits">): string[] {
  return [...new Set([...splits.values()].flat().map(({ label }) => label))].sort();
}

/** Folders with the bare name of a split to test or validate on, and no file outside its labels. */
function emptySplits(paths: readonly string[], folders: readonly string[]): SplitName[] {
  const holding = new Set(
    paths.map((path) => path.split("/")).map((parts) => {
      return parts.length === 2 ? parts[0]! : "";
    }),
  );
  return (["validation", "test"] as const).filter((split) =>
    folders.some((name) => SPLIT_WORDS[split].includes(name.toLowerCase()) && !holding.has(name))
  );
}

/**
 * Which split a name stands for: one of the words, alone or set off by -, _, ., space or digits.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(splitOf("dev-clean"), "validation");
 * equal(splitOf("device"), undefined);
 * ```
 */
export function splitOf(name: string): SplitName | undefined {
  const words = name.toLowerCase().split(/[-._ 0-9]+/);
  const splits = Object.keys(SPLIT_WORDS) as SplitName[];
  return splits.find((split) => words.some((word) => SPLIT_WORDS[split].includes(word)));
}

/** Whether a file ends as audio does. */
export function isAudio(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot > 0 && AUDIO_ENDINGS.has(name.slice(dot + 1).toLowerCase());
}

function ignore(ignored: IgnoredFiles, path: string): void {
  ignored.count++;
  ignored.example ??= path;
}
