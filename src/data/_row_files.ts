/**
 * The files that rows of a folder's tables stand for.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import { type DataFiles, inFolder } from "./_data_files.ts";
import type { OpenFile } from "./_table.ts";

/** The name of a file of a data set, for messages and as a row's path. */
export function relativeName(dataset: string, path: string): string {
  return `${dataset.replace(/[/\\]+$/, "")}/${path}`;
}

/** Opens a file by its path in the data set. */
export async function openFile(files: DataFiles, path: string): Promise<OpenFile> {
  return await (await files.file(path)).open();
}

/**
 * The path in the data set that a table's row means; undefined for one that leads out of `folder`.
 *
 * @param folder what the row's path is relative to.
 */
export function pathOfRow(folder: string, name: string): string | undefined {
  const isOut = /^([/\\]|[a-z]:|.*:\/\/)/i.test(name) || name.split(/[/\\]/).includes("..");
  return isOut ? undefined : inFolder(folder, name);
}

/**
 * The file that a row names, which must be one of the data set's own.
 *
 * @throws {DatasetError} where it leads elsewhere.
 */
export function fileOfRow(
  files: DataFiles,
  folder: string,
  { name, row }: { name: unknown; row: string },
): string {
  const path = pathOfRow(folder, String(name));
  if (path !== undefined) return relativeName(files.name, path);
  throw new DatasetError(
    `Cannot use ${row}: expected a file inside the folder of its metadata, found "${name}"`,
  );
}
