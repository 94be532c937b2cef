/**
 * Folders of recordings as tables: the label is the folder that a file lies in, or what a metadata
 * file says of it.
 *
 * Follows Hugging Face's `audiofolder`: labels are sorted by name over all splits, a split is
 * known by a folder's name, rows are in the order of their paths, hidden files do not count; with a
 * `metadata.csv`, `.jsonl` or `.parquet` the rows and columns are its own, and `file_name` (or
 * `*_file_name`) names the recording. Unlike there, a file outside a label folder does not cost all
 * files their label: it is left out, and said so.
 *
 * @module
 */

import { dirname } from "node:path";
import { DatasetError } from "../errors.ts";
import { type DataFiles, inFolder } from "./_data_files.ts";
import {
  type FolderScan,
  type IgnoredFiles,
  scanPaths,
  type SplitName,
  splitOf,
} from "./folder_layout.ts";
import { Audio, ClassLabel, type Features, listed } from "./features.ts";
import { concatenated, type OpenFile, type StoredRow, type Table } from "./table.ts";

const METADATA = /(^|\/)metadata\.(csv|jsonl|parquet)$/;

const SPLITS: readonly SplitName[] = ["train", "validation", "test"];

const LAYOUTS = "label/file or split/label/file";

/** Where a folder's tables come from, and who is to know what was left out. */
export interface FolderContext {
  /** Opens a metadata file as a table. */
  openTable(path: string): Promise<Table>;
  /** Called with what a user should know, one sentence each. */
  onNotice?: (notice: string) => void;
}

/**
 * The tables of a folder by split.
 *
 * @throws {DatasetError} where there are no recordings in label folders, and no metadata.
 */
export async function folderTables(
  files: DataFiles,
  context: FolderContext,
): Promise<Map<string, Table>> {
  const metadata = files.paths.filter((path) => METADATA.test(path));
  if (metadata.length > 0) return await metadataTables(files, metadata, context);
  const scan = scanPaths(files.paths, files.folders);
  requireClips(files.name, scan);
  for (const notice of ignoredNotices(files.name, scan)) context.onNotice?.(notice);
  const names = new Set([...scan.splits.values()].flat().map((clip) => clip.label));
  const label = new ClassLabel([...names].sort());
  const splits = [...scan.splits].sort(([a], [b]) => SPLITS.indexOf(a) - SPLITS.indexOf(b));
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
  const pathOf = (place: number) => localName(files.name, clips[place]!.path);
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

/** The name of a file of a data set, for messages and as a row's path. */
function localName(dataset: string, path: string): string {
  return `${dataset.replace(/[/\\]+$/, "")}/${path}`;
}

async function openFile(files: DataFiles, path: string): Promise<OpenFile> {
  return await (await files.file(path)).open();
}

/** The folder of the metadata file names the split. */
async function metadataTables(
  files: DataFiles,
  paths: readonly string[],
  context: FolderContext,
): Promise<Map<string, Table>> {
  const groups = Map.groupBy(
    paths,
    (path) => path.split("/").slice(0, -1).map(splitOf).find((split) => split) ?? "train",
  );
  const tables = new Map<string, Table>();
  for (const split of SPLITS) {
    const found: Table[] = [];
    for (const path of groups.get(split) ?? []) {
      found.push(metadataTable(files, path, await context.openTable(path)));
    }
    const [first, ...rest] = found;
    if (first) tables.set(split, concatenated([first, ...rest]));
  }
  return tables;
}

/** A metadata file's table, its column of file names being one of recordings. */
function metadataTable(files: DataFiles, path: string, table: Table): Table {
  const sources = new Map<string, string>();
  for (const column of Object.keys(table.features)) {
    const isName = column === "file_name" || column.endsWith("_file_name");
    sources.set(isName ? column.slice(0, -"_file_name".length) || "audio" : column, column);
  }
  if (![...sources].some(([name, source]) => name !== source)) {
    throw new DatasetError(
      `Cannot use "${localName(files.name, path)}": expected a column "file_name", found ` +
        listed(Object.keys(table.features)),
      { hint: "It says which recording each row is about" },
    );
  }
  const features: Features = Object.fromEntries(
    Array.from(sources, ([name, source]) => [
      name,
      name === source ? table.features[source]! : new Audio(),
    ]),
  );
  const folder = dirname(path);
  return {
    features,
    numRows: table.numRows,
    heavyColumns: table.heavyColumns,
    pathsAreFiles: files.isOnDisk,
    nameOf: (place) => table.nameOf(place),
    open: (name) => openFile(files, name.slice(localName(files.name, "").length)),
    read: async (places, columns) => {
      const rows = await table.read(places, columns.map((column) => sources.get(column)!));
      return rows.map((row, i) =>
        Object.fromEntries(columns.map((column) => {
          const source = sources.get(column)!;
          const isFile = column !== source && row[source] !== null;
          const value = isFile
            ? clipName(files, folder, row[source], table.nameOf(places[i]!))
            : row[source];
          return [column, value];
        }))
      );
    },
  };
}

/** The file that a row names, which must be one of the data set's own. */
function clipName(files: DataFiles, folder: string, name: unknown, row: string): string {
  const path = String(name);
  const isOut = /^([/\\]|[a-z]:|.*:\/\/)/i.test(path) || path.split(/[/\\]/).includes("..");
  if (!isOut) return localName(files.name, inFolder(folder, path));
  throw new DatasetError(
    `Cannot use ${row}: expected a file inside the folder of its metadata, found "${path}"`,
  );
}

function requireClips(name: string, { splits, outside, notAudio }: FolderScan): void {
  if (splits.size > 0) return;
  const found = outside.count > 0
    ? `${elsewhere(name, outside)}`
    : notAudio.count > 0
    ? `only other files, such as "${localName(name, notAudio.example!)}"`
    : "no audio files";
  throw new DatasetError(`Cannot load data set "${name}": expected ${LAYOUTS}, found ${found}`, {
    file: name,
    hint: "Put the recordings of each label into a folder with the label's name",
  });
}

function ignoredNotices(name: string, { outside, notAudio }: FolderScan): string[] {
  const notices: string[] = [];
  if (outside.count > 0) {
    const files = counted(outside.count, "audio file");
    const example = localName(name, outside.example!);
    notices.push(`Ignored ${files} outside the label folders, such as "${example}"`);
  }
  if (notAudio.count > 0) {
    const files = counted(notAudio.count, "file");
    const example = localName(name, notAudio.example!);
    notices.push(`Ignored ${files} without an audio ending, such as "${example}"`);
  }
  return notices;
}

function elsewhere(name: string, { count, example }: IgnoredFiles): string {
  return `${counted(count, "audio file")} elsewhere, such as "${localName(name, example!)}"`;
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
