/**
 * Data sets by name: a repository on the hub, a folder, or a file.
 *
 * Finds configurations, splits and features where Hugging Face `datasets` finds them: in the card's
 * metadata, in the names of the files, in the files themselves, and for repositories that only have
 * a script in the Parquet files that the hub made of it. Rows are read later, see `dataset.ts`.
 *
 * @module
 */

import { isAbsolute, join } from "node:path";
import { DatasetError } from "../errors.ts";
import { fileSource } from "../files.ts";
import { folderTables, type NoticeKind } from "./_audio_folder.ts";
import type { DatasetCard, DatasetConfig } from "./_card.ts";
import { ChunkCache } from "./_chunk_cache.ts";
import { type DataFile, type DataFiles, holdsArchive, isArchive } from "./_data_files.ts";
import { type DataFormat, filesBySplit, formatOf } from "./_file_splits.ts";
import {
  chosenFiles,
  configOf,
  type FilesOptions,
  type Found,
  type HubFileOptions,
  openFiles,
} from "./_found_files.ts";
import { isAudio } from "./folder_layout.ts";
import { type Dataset, ofTable, type Row } from "./dataset.ts";
import { DatasetDict } from "./dataset_dict.ts";
import { type Features, listed, Sequence, Value } from "./features.ts";
import { concatenated, type Table } from "./_table.ts";

export type { FilesOptions, HubFileOptions, NoticeKind };

/** Which data set, and which part of it. */
export interface LoadDatasetOptions extends FilesOptions {
  /** One split, or a part of it: "train", "train[:100]", "train[10%:20%]". @default all splits */
  split?: string;
  /** The folder that paths of recordings in tables are relative to. @default that of the table */
  audioDir?: string;
  /**
   * Which folder below the split is the label, from 1, in a folder of recordings; they may then lie deeper.
   * @default 1, with recordings right in it
   */
  labelLevel?: number;
  /** Most memory for parts of files that were read last. @default 67108864 (64 MiB) */
  cacheBytes?: number;
  /** Gets what a user should know, one sentence each, and what kind of thing it is. */
  onNotice?: (notice: string, kind: NoticeKind) => void;
}

const DEFAULT_CACHE_BYTES = 64 * 2 ** 20;

/**
 * Loads a data set: what is in it, and no rows yet.
 *
 * @param source a folder, a Parquet, CSV, TSV, JSON-lines or zip file, or an id on the hub, which may end in
 * `@revision`.
 * @param options the configuration, the split, and how the hub is reached.
 * @returns the split that was named, or all of them by name.
 * @throws {DatasetError} where there is no such configuration or split (the message lists those
 * there are), no data, or a file that is not what its ending says.
 * @throws {HubError} where the hub does not give it.
 *
 * @example
 * ```ts
 * import { loadDataset } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const file = await Deno.makeTempFile({ suffix: ".csv" });
 * await Deno.writeTextFile(file, "clip,intent\na.wav,balance\n");
 * const dataset = await loadDataset(file, { split: "train" });
 * equal(String(dataset), "Dataset({\n    features: ['clip', 'intent'],\n    num_rows: 1\n})");
 * ```
 */
export function loadDataset<R extends Row = Row>(
  source: string,
  options: LoadDatasetOptions & { split: string },
): Promise<Dataset<R>>;
/** The same with all splits. */
export function loadDataset<R extends Row = Row>(
  source: string,
  options?: LoadDatasetOptions,
): Promise<DatasetDict<string, R>>;
export async function loadDataset(
  source: string,
  options: LoadDatasetOptions = {},
): Promise<Dataset | DatasetDict> {
  const part = options.split === undefined ? undefined : splitPart(options.split);
  const found = await openFiles(source, options);
  const tables = await splitTables(found, options, part?.name);
  if (part === undefined) {
    const splits = Array.from(tables, ([name, table]) => [name, ofTable(table, name)]);
    return new DatasetDict(Object.fromEntries(splits));
  }
  return slice(ofTable(expectedSplit(tables, part.name, source), part.name), part);
}

/** The tables by split; of one that is named, the others are not opened. */
async function splitTables(
  { files, card }: Found,
  options: LoadDatasetOptions,
  split: string | undefined,
): Promise<Map<string, Table>> {
  const config = configOf(files, card, options);
  const chosen = chosenFiles(files, config, options);
  const wholes = chosen ? narrowed(files, [...chosen.values()].flat()) : files;
  const inside = await unpacked(wholes);
  const cache = new ChunkCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES);
  const { audioDir, labelLevel, onNotice } = options;
  const openTable = (path: string) => opened(inside, { path, audioDir }, cache);
  if (isAudioFolder(inside.paths, audioDir)) {
    return await folderTables(inside, { openTable, labelLevel, onNotice });
  }
  const bySplit = chosen && inside === wholes
    ? chosen
    : filesBySplit(inside.paths.filter((path) => formatOf(path) !== undefined));
  if (bySplit.size === 0) throw noData(files);
  const wanted = split === undefined
    ? bySplit
    : new Map([[split, expectedSplit(bySplit, split, files.name)]]);
  const tables = new Map<string, Table>();
  for (const [name, paths] of wanted) {
    const found: Table[] = [];
    for (const path of paths) found.push(await openTable(path));
    tables.set(name, withFeatures(joined(found), statedFeatures(card, config)));
  }
  return tables;
}

function narrowed(files: DataFiles, paths: readonly string[]): DataFiles {
  const kept = new Set(paths);
  if (files.paths.every((path) => kept.has(path))) return files;
  const { folders: _, ...rest } = files;
  return { ...rest, paths: files.paths.filter((path) => kept.has(path)) };
}

/** Whether recordings are most of what there is, and not those of another folder; their metadata does not count. */
function isAudioFolder(paths: readonly string[], audioDir: string | undefined): boolean {
  const clips = paths.filter(isAudio).length;
  const tables =
    paths.filter((path) => formatOf(path) && !/(^|\/)metadata\.\w+$/.test(path)).length;
  return tables === 0 || audioDir === undefined && clips > tables;
}

/** Parsers are loaded when there is something for them. */
async function unpacked(files: DataFiles): Promise<DataFiles> {
  const archives = await archivesOf(files);
  if (archives.length === 0) return files;
  const { withoutArchives } = await import("./_zip.ts");
  return await withoutArchives(files, archives);
}

/** Files that are looked into, where no name says that there is any data. */
const MAX_UNKNOWN = 64;

/** The zip archives by name; or by content, where there is nothing else to read. */
async function archivesOf({ paths, file }: DataFiles): Promise<string[]> {
  const named = paths.filter(isArchive);
  const isKnown = (path: string) => isAudio(path) || formatOf(path) !== undefined;
  if (named.length > 0 || paths.some(isKnown) || paths.length > MAX_UNKNOWN) return named;
  const found: string[] = [];
  for (const path of paths) if (await holdsArchive(await file(path))) found.push(path);
  return found;
}

async function opened(
  files: DataFiles,
  { path, audioDir }: { path: string; audioDir?: string },
  cache: ChunkCache,
): Promise<Table> {
  const found = await files.file(path);
  const file = audioDir === undefined ? found : withRecordingsIn(audioDir, found);
  const format = formatOf(path) as DataFormat;
  if (format === "parquet") {
    const { parquetTable } = await import("./_parquet.ts");
    return await parquetTable(file, cache);
  }
  if (/\.json$/i.test(path)) {
    const { jsonListTable } = await import("./_json_rows.ts");
    const table = await jsonListTable(file);
    if (table) return table;
  }
  const { textTable } = await import("./_text_table.ts");
  return await textTable(file, format, cache);
}

/** The same file, its rows naming recordings in a folder on this disk. */
function withRecordingsIn(audioDir: string, file: DataFile): DataFile {
  return {
    ...file,
    sibling: (path) => fileSource(isAbsolute(path) ? path : join(audioDir, path)),
  };
}

/** Files of one split, which have to have the same columns. */
function joined(tables: readonly Table[]): Table {
  const [first, ...rest] = tables as [Table, ...Table[]];
  const columns = Object.keys(first.features);
  for (const table of rest) {
    const others = Object.keys(table.features);
    const isSame = others.length === columns.length &&
      columns.every((name) => name in table.features);
    if (isSame) continue;
    throw new DatasetError(
      `Cannot use ${table.nameOf(0)}: expected columns ${listed(columns)} as in the files before ` +
        `it, found ${listed(others)}`,
    );
  }
  return concatenated([first, ...rest]);
}

function statedFeatures({ features }: DatasetCard, config: DatasetConfig | undefined): Features {
  const only = features.size === 1 ? [...features.values()][0] : undefined;
  return features.get(config?.name ?? "default") ?? only ?? {};
}

/** The same table with the types that the card states, where the file itself states none. */
function withFeatures(table: Table, stated: Features): Table {
  const features = Object.entries(table.features).map(([name, feature]) => {
    const isPlain = feature instanceof Value || feature instanceof Sequence;
    return [name, isPlain && Object.hasOwn(stated, name) ? stated[name]! : feature];
  });
  return { ...table, features: Object.fromEntries(features) };
}

function noData(files: DataFiles): DatasetError {
  const found = files.paths.length === 0 ? "no files" : `${listed(files.paths)}`;
  return new DatasetError(
    `Cannot load data set "${files.name}": expected Parquet, CSV, TSV, JSONL, audio or zip files, ` +
      `found ${found}`,
    { file: files.name },
  );
}

function expectedSplit<T>(splits: ReadonlyMap<string, T>, name: string, dataset: string): T {
  const split = splits.get(name);
  if (split !== undefined) return split;
  const names = listed([...splits.keys()]);
  throw new DatasetError(
    `Cannot load split "${name}" of data set "${dataset}": expected one of ${names}`,
    { file: dataset },
  );
}

/** A split, or rows of it. */
interface SplitPart {
  name: string;
  from?: string;
  to?: string;
}

function splitPart(text: string): SplitPart {
  const [, name, from, to] = text.match(/^([^[\]]+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?$/) ?? [];
  if (name !== undefined) return { name, from, to };
  throw new RangeError(
    `Cannot load split "${text}": expected a name, or rows of it such as "train[:100]"`,
  );
}

function slice(dataset: Dataset, { from, to }: SplitPart): Dataset {
  if (from === undefined && to === undefined) return dataset;
  const count = dataset.numRows;
  const start = bound(from ?? "0", count);
  const end = bound(to ?? "100%", count);
  return dataset.select(Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i));
}

/** A row number, counted from the end where it is negative; percentages go to the nearest row. */
function bound(text: string, count: number): number {
  const number = parseInt(text);
  const rows = text.endsWith("%") ? Math.round(number / 100 * count) : number;
  return Math.min(Math.max(rows < 0 ? rows + count : rows, 0), count);
}
