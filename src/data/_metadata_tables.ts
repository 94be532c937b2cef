/**
 * Tables among recordings that say what each of them is: `metadata.csv` and its like, and manifests.
 *
 * Which split a row is of is decided by the folder or the name of its table, else by the folder of the recording that it
 * names. Where some rows have a split and others none, the others are left out, and said so: to train on them would be
 * a guess.
 *
 * @module
 */

import { dirname } from "node:path";
import { DatasetError } from "../errors.ts";
import type { FolderContext } from "./_audio_folder.ts";
import type { DataFiles } from "./_data_files.ts";
import { fileOfRow, openFile, pathOfRow, relativeName } from "./_row_files.ts";
import { Audio, type Features, listed } from "./features.ts";
import { type SplitName, splitOf } from "./folder_layout.ts";
import { concatenated, rowsOf, type Table } from "./_table.ts";

/** Tables of the reference's name. */
export const METADATA = /(^|\/)metadata\.(csv|jsonl|parquet)$/;

const SPLITS: readonly SplitName[] = ["train", "validation", "test"];

/** A table whose rows name recordings. */
export interface Manifest {
  /** Its path in the data set. */
  path: string;
  table: Table;
  /** The column of names. */
  column: string;
  /** Other columns of names, with what they become. */
  names: ReadonlyMap<string, string>;
  /** The folder that the names are relative to. */
  folder: string;
}

/**
 * A table of the reference's name, whose columns of recordings end in `file_name`.
 *
 * @throws {DatasetError} where there is no such column.
 */
export function metadataManifest(files: DataFiles, path: string, table: Table): Manifest {
  const columns = Object.keys(table.features).filter((column) => {
    return column === "file_name" || column.endsWith("_file_name");
  });
  const [column] = columns;
  if (column === undefined) {
    throw new DatasetError(
      `Cannot use "${relativeName(files.name, path)}": expected a column "file_name", found ` +
        listed(Object.keys(table.features)),
      { hint: "It says which recording each row is about" },
    );
  }
  const names = new Map(
    columns.map((column) => [column, column.slice(0, -"_file_name".length) || "audio"]),
  );
  return { path, table, column, names, folder: dirname(path) };
}

/**
 * The rows of tables about recordings, by split.
 *
 * @throws {DatasetError} where tables of one split have other columns.
 */
export async function describedTables(
  files: DataFiles,
  manifests: readonly Manifest[],
  { onNotice }: Pick<FolderContext, "onNotice">,
): Promise<Map<string, Table>> {
  const parts: { manifest: Manifest; split: SplitName | undefined; table: Table }[] = [];
  for (const manifest of manifests) {
    for (const [split, table] of await bySplit(manifest)) parts.push({ manifest, split, table });
  }
  const hasSplits = parts.some(({ split }) => split !== undefined);
  const found = new Map<SplitName, Table[]>();
  for (const { manifest, split = hasSplits ? undefined : "train", table } of parts) {
    if (split !== undefined) {
      const tables = found.get(split) ?? [];
      found.set(split, [...tables, recordingTable(files, { ...manifest, table })]);
      continue;
    }
    const rows = table.numRows === 1 ? "1 row" : `${table.numRows} rows`;
    const name = relativeName(files.name, manifest.path);
    onNotice?.(`Left out ${rows} of "${name}": no folder names their split`, "suspicious");
  }
  const splits = SPLITS.filter((split) => found.has(split));
  return new Map(splits.map((split) => [split, sameColumns(found.get(split)!)]));
}

/** The rows of a table by split, those without one under undefined. */
async function bySplit(
  { path, table, column, folder }: Manifest,
): Promise<Map<SplitName | undefined, Table>> {
  const stated = splitOfPath(path, !METADATA.test(path));
  if (stated !== undefined) return new Map([[stated, table]]);
  const places = Array.from({ length: table.numRows }, (_, place) => place);
  const rows = await table.read(places, [column]);
  const groups = Map.groupBy(places, (place) => {
    const file = pathOfRow(folder, String(rows[place]![column] ?? ""));
    return file === undefined ? undefined : splitOfPath(file, false);
  });
  if (groups.size === 1) return new Map([[[...groups.keys()][0], table]]);
  return new Map(Array.from(groups, ([split, group]) => [split, rowsOf(table, group)]));
}

/** The split that a folder of a path speaks of, or the file's own name. */
function splitOfPath(path: string, byName: boolean): SplitName | undefined {
  const parts = path.split("/");
  const named = byName ? parts : parts.slice(0, -1);
  return named.map((part) => splitOf(part.replace(/\.\w+$/, ""))).find((split) => split);
}

function sameColumns(tables: readonly Table[]): Table {
  const [first, ...rest] = tables as [Table, ...Table[]];
  const columns = Object.keys(first.features);
  for (const table of rest) {
    const others = Object.keys(table.features);
    if (columns.every((name) => name in table.features) && others.length === columns.length) {
      continue;
    }
    throw new DatasetError(
      `Cannot use ${table.nameOf(0)}: expected columns ${
        listed(columns)
      } as in the tables before ` +
        `it, found ${listed(others)}`,
    );
  }
  return concatenated([first, ...rest]);
}

/** The same table, its columns of names being recordings. */
function recordingTable(files: DataFiles, { table, names, folder }: Manifest): Table {
  const sources = new Map(
    Object.keys(table.features).map((column) => [names.get(column) ?? column, column]),
  );
  const isNamed = (column: string) => names.has(sources.get(column)!);
  const features: Features = Object.fromEntries(
    Array.from(sources, ([name, source]) => {
      return [name, names.has(source) ? new Audio() : table.features[source]!];
    }),
  );
  return {
    features,
    numRows: table.numRows,
    heavyColumns: table.heavyColumns,
    pathsAreFiles: files.isOnDisk,
    nameOf: (place) => table.nameOf(place),
    open: (name) => openFile(files, name.slice(relativeName(files.name, "").length)),
    read: async (places, columns) => {
      const rows = await table.read(places, columns.map((column) => sources.get(column)!));
      return rows.map((row, i) =>
        Object.fromEntries(columns.map((column) => {
          const name = row[sources.get(column)!];
          if (!isNamed(column) || name === null) return [column, name];
          const at = { name, row: table.nameOf(places[i]!) };
          return [column, fileOfRow(files, folder, at)];
        }))
      );
    },
  };
}
