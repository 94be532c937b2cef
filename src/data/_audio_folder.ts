/**
 * Folders of recordings as tables: the label is the folder that a file lies in, or what a table among the files says
 * of it.
 *
 * Follows Hugging Face's `audiofolder`: labels are sorted by name over all splits, a split is what a folder is named for,
 * rows are in the order of their paths, hidden files do not count; with a `metadata.csv`, `.jsonl` or `.parquet` the
 * rows and columns are its own. Unlike there, a file outside a label folder does not cost all files their label: it is
 * left out, and said so; folders that can only be splits are no classes; and other tables that name the recordings are
 * used where folders say nothing.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import type { DataFiles } from "./_data_files.ts";
import { findManifests } from "./_manifests.ts";
import { describedTables, type Manifest, METADATA, metadataManifest } from "./_metadata_tables.ts";
import { openFile, relativeName } from "./_row_files.ts";
import { withoutNoise, withSplitLists } from "./_speech_commands.ts";
import { Audio, ClassLabel, listed } from "./features.ts";
import {
  type FolderScan,
  type FoundClip,
  type IgnoredFiles,
  labelsOf,
  scanPaths,
  type SplitName,
  splitOf,
} from "./folder_layout.ts";
import { layoutSuspicions } from "./_suspicions.ts";
import type { StoredRow, Table } from "./_table.ts";

const SPLITS: readonly SplitName[] = ["train", "validation", "test"];

const LAYOUTS = "label/file or split/label/file";

/**
 * What a notice is: a note of how the data set is read; of a layout that may be meant otherwise, recordings among what
 * is left out; or of a class of which nothing is left.
 */
export type NoticeKind = "note" | "suspicious" | "lost class";

/** Where a folder's tables come from, how it is read, and what is called with what was left out. */
export interface FolderContext {
  /** Opens a table among the recordings. */
  openTable(path: string): Promise<Table>;
  /** Which folder below the split is the label. */
  labelLevel?: number;
  /** Called with what a user should know, one sentence each. */
  onNotice?: (notice: string, kind: NoticeKind) => void;
}

/**
 * The tables of a folder by split.
 *
 * @throws {DatasetError} where there are no recordings in label folders, and no table about them.
 */
export async function folderTables(
  files: DataFiles,
  context: FolderContext,
): Promise<Map<string, Table>> {
  const metadata = files.paths.filter((path) => METADATA.test(path));
  if (metadata.length > 0) {
    const found: Manifest[] = [];
    for (const path of metadata) {
      found.push(metadataManifest(files, path, await context.openTable(path)));
    }
    return await describedTables(files, found, context);
  }
  const { noise, rest } = withoutNoise(files.paths);
  const scan = scanPaths(rest, files.folders, context.labelLevel);
  const manifests = await findManifests(files, context);
  const labels = labelsOf(scan);
  const areSplits = labels.length > 0 && labels.every((label) => splitOf(label) !== undefined);
  const saysNothing = labels.length < 2 || areSplits;
  if (saysNothing && context.labelLevel === undefined && manifests.length > 0) {
    context.onNotice?.(manifestNotice(files.name, manifests), "note");
    return await describedTables(files, manifests, context);
  }
  requireClips(files.name, scan, areSplits);
  noteIgnored(files.name, scan, context);
  if (noise.length > 0) context.onNotice?.(noiseNotice(files.name, noise), "note");
  for (const { label, example } of scan.lost) {
    context.onNotice?.(lostNotice(files.name, label, example), "lost class");
  }
  for (const { path, column } of manifests) {
    context.onNotice?.(unusedNotice(files.name, path, column), "suspicious");
  }
  for (const notice of layoutSuspicions(labels)) context.onNotice?.(notice, "suspicious");
  return labelTables(files, await withSplitLists(files, scan.splits, context));
}

/** Tables of recordings by the folders that they lie in. */
function labelTables(
  files: DataFiles,
  found: ReadonlyMap<SplitName, readonly FoundClip[]>,
): Map<string, Table> {
  const names = new Set([...found.values()].flat().map((clip) => clip.label));
  const label = new ClassLabel([...names].sort());
  const splits = [...found].sort(([a], [b]) => SPLITS.indexOf(a) - SPLITS.indexOf(b));
  return new Map(splits.map(([split, clips]) => {
    const rows = clips.map(({ path, label: name }) => ({ path, label: label.str2int(name) }));
    return [split, fileTable(files, rows, label)];
  }));
}

/** One row for each file. */
function fileTable(
  files: DataFiles,
  clips: readonly { path: string; label: number }[],
  label: ClassLabel,
): Table {
  const pathOf = (place: number) => relativeName(files.name, clips[place]!.path);
  const row = (place: number): StoredRow => ({ audio: pathOf(place), label: clips[place]!.label });
  return {
    features: { audio: new Audio(), label },
    numRows: clips.length,
    heavyColumns: new Set(),
    pathsAreFiles: files.isOnDisk,
    nameOf: pathOf,
    open: (_, place) => openFile(files, clips[place]!.path),
    read: (places) => Promise.resolve(Array.from(places, row)),
  };
}

function requireClips(name: string, scan: FolderScan, areSplits: boolean): void {
  const { splits, outside, notAudio } = scan;
  if (areSplits) {
    const [example] = [...splits.values()].flat();
    throw new DatasetError(
      `Cannot load data set "${name}": expected classes, found recordings right in folders of ` +
        `splits, ${listed(labelsOf(scan))}, such as "${relativeName(name, example!.path)}"`,
      {
        file: name,
        hint: "Put the recordings of each label into a folder with the label's name, or a " +
          "metadata.csv with file_name and label beside them",
      },
    );
  }
  if (splits.size > 0) return;
  const found = outside.count > 0
    ? `${elsewhere(name, outside)}`
    : notAudio.count > 0
    ? `only other files, such as "${relativeName(name, notAudio.example!)}"`
    : "no audio files";
  throw new DatasetError(`Cannot load data set "${name}": expected ${LAYOUTS}, found ${found}`, {
    file: name,
    hint: scan.lost.length > 0
      ? LEVEL_HINT
      : "Put the recordings of each label into a folder with the label's name",
  });
}

const LEVEL_HINT = "Where labels are folders with others inside, say which one: `labelLevel: 1` " +
  "is the first below the split, `labelLevel: 2` the second";

function lostNotice(name: string, label: string, example: string): string {
  return `Folder ${JSON.stringify(label)} is no class: its recordings lie deeper, such as ` +
    `"${relativeName(name, example)}". ${LEVEL_HINT}`;
}

function manifestNotice(name: string, [first, ...others]: readonly Manifest[]): string {
  const more = others.length > 0 ? ` and ${counted(others.length, "table")} more` : "";
  return `Labels are those of "${
    relativeName(name, first!.path)
  }"${more}, by the recordings that ` +
    `column "${first!.column}" names`;
}

function unusedNotice(name: string, path: string, column: string): string {
  return `"${
    relativeName(name, path)
  }" names recordings here in its column "${column}" and is not ` +
    "used: folders are the labels. To use it, name it as the data set";
}

function noiseNotice(name: string, noise: readonly string[]): string {
  const folder = noise[0]!.slice(0, noise[0]!.lastIndexOf("/"));
  return `Left ${counted(noise.length, "noise")} of "${relativeName(name, folder)}" out of the ` +
    "classes; to train with them as noise: " +
    `\`augmentNoise: 0.5\` \`augmentNoiseDir: "${relativeName(name, folder)}"\``;
}

function noteIgnored(
  name: string,
  { outside, notAudio }: FolderScan,
  { onNotice }: Pick<FolderContext, "onNotice">,
): void {
  if (outside.count > 0) {
    const files = counted(outside.count, "audio file");
    const example = relativeName(name, outside.example!);
    onNotice?.(`Ignored ${files} outside the label folders, such as "${example}"`, "suspicious");
  }
  if (notAudio.count > 0) {
    const files = counted(notAudio.count, "file");
    const example = relativeName(name, notAudio.example!);
    onNotice?.(`Ignored ${files} without an audio ending, such as "${example}"`, "note");
  }
}

function elsewhere(name: string, { count, example }: IgnoredFiles): string {
  return `${counted(count, "audio file")} elsewhere, such as "${relativeName(name, example!)}"`;
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
