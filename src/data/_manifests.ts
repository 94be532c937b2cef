/**
 * Manifests: tables among recordings that name them in one of their columns, whatever tables and columns are called.
 *
 * A table counts as one where the first rows of a column of text are paths of recordings that are there, relative to
 * the table's folder, to the data set, or to a folder of recordings.
 *
 * @module
 */

import { dirname } from "node:path";
import { DatasetError } from "../errors.ts";
import type { FolderContext } from "./_audio_folder.ts";
import type { DataFiles } from "./_data_files.ts";
import { formatOf } from "./_file_splits.ts";
import type { Manifest } from "./_metadata_tables.ts";
import { pathOfRow } from "./_row_files.ts";
import { PATH_COLUMNS } from "./audio_clips.ts";
import { Value } from "./features.ts";
import { isAudio } from "./folder_layout.ts";
import type { Table } from "./_table.ts";

/** Rows that have to name recordings. */
const SAMPLED_ROWS = 16;

/** Folders of recordings that paths are tried in. */
const MAX_FOLDERS = 64;

/** More tables than these are no manifests of one data set. */
const MAX_TABLES = 64;

/** The manifests of a folder; a file that is no sound table is none. */
export async function findManifests(
  files: DataFiles,
  { openTable }: Pick<FolderContext, "openTable">,
): Promise<Manifest[]> {
  const tables = files.paths.filter((path) => formatOf(path) !== undefined);
  if (tables.length > MAX_TABLES) return [];
  const recordings = new Set(files.paths.filter(isAudio));
  const found: Manifest[] = [];
  for (const path of tables) {
    const manifest = await asManifest(path, { openTable, recordings });
    if (manifest) found.push(manifest);
  }
  return found;
}

async function asManifest(
  path: string,
  { openTable, recordings }: {
    openTable: FolderContext["openTable"];
    recordings: ReadonlySet<string>;
  },
): Promise<Manifest | undefined> {
  try {
    const table = await openTable(path);
    if (table.numRows === 0) return undefined;
    for (const column of textColumns(table)) {
      const names = await firstValues(table, column);
      const folder = foldersFor(path, recordings).find((folder) => {
        return names.length > 0 && names.every((name) => {
          const file = pathOfRow(folder, name);
          return file !== undefined && recordings.has(file);
        });
      });
      if (folder === undefined) continue;
      const name = column !== "audio" && "audio" in table.features ? column : "audio";
      return { path, table, column, names: new Map([[column, name]]), folder };
    }
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
  }
}

/** Columns of text, those first that are mostly paths. */
function textColumns({ features }: Table): string[] {
  const texts = Object.keys(features).filter((name) => {
    const feature = features[name];
    return feature instanceof Value && feature.dtype === "string";
  });
  const rank = (name: string) => {
    const at = (PATH_COLUMNS as readonly string[]).indexOf(name);
    return at < 0 ? PATH_COLUMNS.length : at;
  };
  return texts.sort((a, b) => rank(a) - rank(b));
}

async function firstValues(table: Table, column: string): Promise<string[]> {
  const places = Array.from({ length: Math.min(SAMPLED_ROWS, table.numRows) }, (_, i) => i);
  const rows = await table.read(places, [column]);
  return rows.map((row) => row[column]).filter((value) => typeof value === "string");
}

function foldersFor(path: string, recordings: ReadonlySet<string>): string[] {
  const own = dirname(path);
  const holding = new Set<string>([own, "."]);
  for (const recording of recordings) {
    holding.add(dirname(recording));
    if (holding.size >= MAX_FOLDERS) break;
  }
  return [...holding];
}
