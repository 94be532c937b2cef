/**
 * Finds the audio files of a data set folder and says which split and label each belongs to.
 *
 * Only names are looked at. The endings are those that Hugging Face's `audiofolder` takes, and a
 * few more of audio; whether a file holds what its ending says shows when it is read.
 *
 * @module
 */

import { join } from "node:path";
import { DatasetError, FileError } from "../errors.ts";
import { type FolderListing, listFolder } from "../files.ts";

/** The splits of a data set. */
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
  file: string;
  label: string;
}

/** What a folder holds. */
export interface FolderScan {
  /** Clips by split, sorted by path; one list under "train" where the folder has no splits. */
  splits: Map<SplitName, FoundClip[]>;
  /** Whether the folder is laid out as `split/label/file`. */
  hasSplits: boolean;
  /** Audio that lies deeper or less deep than the clips, or beside the splits. */
  outside: IgnoredFiles;
  /** Files in label folders that do not end as audio does. */
  notAudio: IgnoredFiles;
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

/** A folder directly inside the data set, listed down to the folders inside it. */
interface TopFolder {
  name: string;
  path: string;
  files: string[];
  inner: { name: string; path: string; listing: FolderListing }[];
}

/** Lists a data set folder and sorts its files into splits and labels. */
export async function scanFolder(dir: string): Promise<FolderScan> {
  const root = await listRoot(dir);
  const tops: TopFolder[] = [];
  for (const name of root.folders) tops.push(await listTop(name, join(dir, name)));
  const hasSplits = tops.some(isSplitFolder);
  const scan: FolderScan = {
    splits: new Map(),
    hasSplits,
    outside: { count: 0 },
    notAudio: { count: 0 },
  };
  ignoreAudio(scan.outside, dir, root.files);
  for (const top of tops) {
    if (!hasSplits) takeLabel(scan, "train", top.name, top.path, top.files);
    else ignoreAudio(scan.outside, top.path, top.files);
    for (const { name, path, listing } of top.inner) {
      if (hasSplits && isSplitFolder(top)) {
        takeLabel(scan, splitOf(top.name)!, name, path, listing.files);
      } else ignoreAudio(scan.outside, path, listing.files);
      await ignoreBelow(scan.outside, path, listing.folders);
    }
  }
  for (const clips of scan.splits.values()) clips.sort(byPath);
  return scan;
}

/**
 * Which split a folder name speaks of: one of the words, alone or set off by -, _, ., space or
 * digits.
 */
export function splitOf(name: string): SplitName | undefined {
  const words = name.toLowerCase().split(/[-._ 0-9]+/);
  const splits = Object.keys(SPLIT_WORDS) as SplitName[];
  return splits.find((split) => words.some((word) => SPLIT_WORDS[split].includes(word)));
}

async function listRoot(dir: string): Promise<FolderListing> {
  try {
    return await listFolder(dir);
  } catch (error) {
    const code = error instanceof FileError ? error.code : undefined;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    const found = code === "ENOENT" ? "none of that name" : "a file";
    const message = `Cannot load data set "${dir}": expected a folder, found ${found}`;
    throw new DatasetError(message, { cause: error, file: dir });
  }
}

async function listTop(name: string, path: string): Promise<TopFolder> {
  const { files, folders } = await listFolder(path);
  const inner: TopFolder["inner"] = [];
  for (const folder of folders) {
    const innerPath = join(path, folder);
    inner.push({ name: folder, path: innerPath, listing: await listFolder(innerPath) });
  }
  return { name, path, files, inner };
}

/** A split's name alone does not make a split: "train" may be a label among other vehicles. */
function isSplitFolder(top: TopFolder): boolean {
  return splitOf(top.name) !== undefined &&
    top.inner.some(({ listing }) => listing.files.some(isAudio));
}

function takeLabel(
  scan: FolderScan,
  split: SplitName,
  label: string,
  path: string,
  names: readonly string[],
): void {
  for (const name of names) {
    if (!isAudio(name)) {
      ignore(scan.notAudio, join(path, name));
      continue;
    }
    const clips = scan.splits.get(split) ?? [];
    if (clips.length === 0) scan.splits.set(split, clips);
    clips.push({ file: join(path, name), label });
  }
}

/** Whether a file ends as audio does. */
export function isAudio(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot > 0 && AUDIO_ENDINGS.has(name.slice(dot + 1).toLowerCase());
}

function ignore(ignored: IgnoredFiles, path: string): void {
  ignored.count++;
  ignored.example ??= path;
}

function ignoreAudio(ignored: IgnoredFiles, path: string, names: readonly string[]): void {
  for (const name of names) if (isAudio(name)) ignore(ignored, join(path, name));
}

/** Counts audio one folder below the label folders, so that a layout too deep is noticed. */
async function ignoreBelow(ignored: IgnoredFiles, path: string, folders: readonly string[]) {
  for (const folder of folders) {
    const below = join(path, folder);
    ignoreAudio(ignored, below, (await listFolder(below)).files);
  }
}

function byPath(a: FoundClip, b: FoundClip): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : 0;
}
