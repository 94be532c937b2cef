/**
 * Files of annotations: one for many recordings, or a folder of them, as label tracks lie beside recordings.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import {
  annotationKind,
  type AnnotationTable,
  parseAnnotations,
  type ParseAnnotationsOptions,
} from "../detect/mod.ts";
import { DatasetError } from "../errors.ts";
import { entryIfThere } from "../files.ts";
import { type DataFile, type DataFiles, folderFiles, singleFile } from "./_data_files.ts";

/** Files that annotations may be in. */
const ENDINGS = /\.(txt|tsv|csv|jsonl)$/i;

/** Larger ones are no annotations. */
const MAX_BYTES = 2 ** 28;

/** How files are read. */
export type AnnotationFilesOptions = Pick<ParseAnnotationsOptions, "labelColumn" | "onFault">;

/** What files of annotations say. */
export interface AnnotationFiles {
  /** The tables, in the order of their paths. */
  tables: AnnotationTable[];
  /** Files of a folder that are no annotations. */
  others: string[];
}

/**
 * Reads a file of annotations, or all there are in a folder, its text files that are none left out.
 *
 * @param path the file or the folder.
 * @param options the column of labels, and what to do with faulty rows.
 * @throws {DatasetError} where there is no such file, or none in the folder, or a row is not as it should be.
 * @throws {FileError} where one cannot be read.
 *
 * @example
 * ```ts
 * import { readAnnotations } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/yard.txt`, "1.5\t2\tdog\n");
 * const { tables } = await readAnnotations(folder);
 * deepEqual([...tables[0]!.recordings], [["yard", [{ start: 1.5, end: 2, label: "dog" }]]]);
 * ```
 */
export async function readAnnotations(
  path: string,
  options: AnnotationFilesOptions = {},
): Promise<AnnotationFiles> {
  const entry = await entryIfThere(path);
  if (entry === undefined) {
    throw new DatasetError(
      `Cannot read annotations from "${path}": expected a file or a folder, found none of that name`,
      { file: path },
    );
  }
  if (entry.isFile) {
    const file = await singleFile(path).file(basename(path));
    return {
      tables: [parseAnnotations(await textOf(file), { ...options, file: path })],
      others: [],
    };
  }
  return await folderAnnotations(await folderFiles(path), options);
}

async function folderAnnotations(
  files: DataFiles,
  options: AnnotationFilesOptions,
): Promise<AnnotationFiles> {
  const tables: AnnotationTable[] = [];
  const others: string[] = [];
  for (const path of files.paths.filter((path) => ENDINGS.test(path))) {
    const text = await textOf(await files.file(path));
    if (annotationKind(text, options) === undefined) {
      others.push(path);
      continue;
    }
    const table = parseAnnotations(text, { ...options, file: join(files.name, path) });
    tables.push(inFolder(table, { path, name: files.name }));
  }
  if (tables.length > 0) return { tables, others };
  throw new DatasetError(
    `Cannot read annotations from "${files.name}": expected text files of annotations, found none`,
    { file: files.name, hint: "They end in .txt, .tsv, .csv or .jsonl" },
  );
}

/** The same table, the names of recordings being relative to the folder of all tables. */
function inFolder(
  { kind, recordings }: AnnotationTable,
  { path, name }: { path: string; name: string },
): AnnotationTable {
  const own = join(name, path);
  const folder = dirname(path);
  const named = Array.from(recordings, ([recording, events]) => {
    const isOwn = own.startsWith(recording);
    const relative = isOwn ? recording.slice(own.length - path.length) : recording;
    // What a table names lies beside it, unless its path says more.
    const isBare = !isOwn && folder !== "." && !/[\\/]/.test(recording);
    return [isBare ? `${folder}/${relative}` : relative, events] as const;
  });
  return { kind, recordings: new Map(named) };
}

async function textOf(file: DataFile): Promise<string> {
  if (file.sizeBytes > MAX_BYTES) {
    throw new DatasetError(
      `Cannot read annotations from "${file.name}": expected at most ${MAX_BYTES} bytes, found ` +
        file.sizeBytes,
      { file: file.name },
    );
  }
  const source = await file.open();
  try {
    const bytes = await source.read(0, file.sizeBytes);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new DatasetError(
        `Cannot read annotations from "${file.name}": expected UTF-8, found other bytes`,
        { file: file.name, cause },
      );
    }
  } finally {
    source[Symbol.dispose]();
  }
}
