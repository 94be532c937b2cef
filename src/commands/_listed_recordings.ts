/**
 * The recordings that names on the command line stand for: files, folders, lists of files, standard input.
 *
 * @module
 */
import { parse } from "csv-parse/sync";
import { dirname, isAbsolute, join, relative } from "node:path";
import { audioFilesBelow } from "../data/audio_files.ts";
import { DatasetError } from "../errors.ts";
import { attempt } from "../files.ts";
import { UsageError } from "./_arguments.ts";

/** A recording, and what its results are called. */
export interface ListedRecording {
  /** A path, or "-". */
  file: string;
  /** Its place among the others, as `forest/night.wav`: a path that leads nowhere else. */
  name: string;
}

/** What stands for standard input. */
export const STANDARD_INPUT = "-";

/** Files that list others. */
const LISTS = /\.(txt|csv|tsv|jsonl)$/i;

/** Columns that hold paths, the first that there is. */
const PATH_COLUMNS = ["file", "file_name", "filename", "path", "audio"];

/**
 * The recordings in order; of two that are the same, the first.
 *
 * @throws {UsageError} where a name stands for nothing.
 * @throws {DatasetError} for a list that names none.
 */
export async function listedRecordings(names: readonly string[]): Promise<ListedRecording[]> {
  const all = (await Promise.all(names.map(recordingsOf))).flat();
  const seen = new Set<string>();
  return all.filter(({ file }) => !seen.has(file) && seen.add(file));
}

/**
 * The audio files that a name stands for: itself, standard input among them, or those in a folder, however deep.
 *
 * @returns the files, and the folder that they are in where the name is one.
 * @throws {UsageError} when there is no such file, or none in the folder.
 */
export async function namedAudio(name: string): Promise<{ files: string[]; folder?: string }> {
  if (name === STANDARD_INPUT) return { files: [name] };
  const info = await Deno.stat(name).catch((cause) => {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    const expected = "a file or folder, found none of that name";
    throw new UsageError(`Cannot read "${name}": expected ${expected}`, { cause });
  });
  if (!info.isDirectory) return { files: [name] };
  const folder = name.replace(/(?<=.)[/\\]+$/, "");
  const files = await audioFilesBelow(folder);
  if (files.length > 0) return { files, folder };
  throw new UsageError(`Cannot read "${name}": expected audio files in the folder, found none`);
}

async function recordingsOf(name: string): Promise<ListedRecording[]> {
  if (name === STANDARD_INPUT) return [{ file: name, name: "standard-input" }];
  const { files, folder } = await namedAudio(name);
  if (folder !== undefined) {
    return files.map((file) => ({ file, name: inside(relative(folder, file)) }));
  }
  return LISTS.test(name)
    ? await recordingsIn(name)
    : [{ file: name, name: inside(name.split(/[/\\]/).at(-1)!) }];
}

async function recordingsIn(list: string): Promise<ListedRecording[]> {
  const folder = dirname(list);
  const listed = pathsOf(list, await attempt("read", list, () => Deno.readTextFile(list)));
  if (listed.length === 0) {
    throw new DatasetError(`Cannot use list "${list}": expected paths of recordings, found none`, {
      file: list,
    });
  }
  return listed.map((path) => {
    return { file: isAbsolute(path) ? path : join(folder, path), name: inside(path) };
  });
}

/**
 * The paths that a list has: lines of text, a column of a table, a field of JSON lines.
 *
 * @throws {DatasetError} for a list that is none of these.
 */
export function pathsOf(name: string, text: string): string[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/).filter((line) => line.trim() !== "");
  if (/\.txt$/i.test(name)) return lines.map((line) => line.trim());
  if (/\.jsonl$/i.test(name)) return lines.map((line, i) => pathIn(jsonRow(line, i, name), name));
  try {
    const delimiter = /\.tsv$/i.test(name) ? "\t" : [",", ";", "\t"];
    const rows: Record<string, string>[] = parse(text, { bom: true, columns: true, delimiter });
    return rows.map((row) => pathIn(row, name));
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(`Cannot use list "${name}": expected a table, found: ${problem}`, {
      file: name,
      cause,
    });
  }
}

function jsonRow(line: string, index: number, name: string): Record<string, unknown> {
  try {
    const row: unknown = JSON.parse(line);
    if (typeof row === "object" && row !== null) return row as Record<string, unknown>;
  } catch {
    // Said below, as for any other line that is no object.
  }
  throw new DatasetError(
    `Cannot use list "${name}": expected an object in line ${index + 1}, found "${
      line.slice(0, 40)
    }"`,
    { file: name },
  );
}

function pathIn(row: Readonly<Record<string, unknown>>, name: string): string {
  const path = PATH_COLUMNS.map((column) => row[column]).find((value) => value !== undefined);
  if (typeof path === "string" && path !== "") return path;
  throw new DatasetError(
    `Cannot use list "${name}": expected a path in one of the columns ${
      PATH_COLUMNS.join(", ")
    }, found columns ${Object.keys(row).join(", ")}`,
    { file: name },
  );
}

/** A path without what would lead out of a folder. */
function inside(path: string): string {
  const parts = path.split(/[/\\]/).filter((part) => part !== "" && part !== ".");
  return parts.map((part) => part === ".." ? "__" : part.replaceAll(":", "_")).join("/");
}
