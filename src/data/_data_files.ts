/**
 * The files of a data set, wherever they lie: in a folder, inside a zip archive, on the hub.
 *
 * Paths are relative and have forward slashes. Nothing is open between two reads.
 *
 * @module
 */

import { basename, dirname, isAbsolute, join } from "node:path";
import { DatasetError, FileError } from "../errors.ts";
import { fileSource, listFolder } from "../files.ts";
import type { OpenFile } from "./_table.ts";

/** One file. */
export interface DataFile {
  /** Its path inside the data set. */
  readonly path: string;
  /** What messages call it. */
  readonly name: string;
  /** Its length. */
  readonly sizeBytes: number;
  /** Opens it. */
  open(): Promise<OpenFile>;
  /** Opens a file by its path relative to the folder of this one. */
  sibling(path: string): Promise<OpenFile>;
}

/** A set of files. */
export interface DataFiles {
  /** What messages call it. */
  readonly name: string;
  /** Whether the name of a file is its path on this disk. @default false */
  readonly isOnDisk?: boolean;
  /** The paths of all files, sorted. */
  readonly paths: readonly string[];
  /** The folders at the top that are known apart from files, since they may hold none. */
  readonly folders?: readonly string[];
  /** One of them. */
  file(path: string): Promise<DataFile>;
}

/** Folders inside each other that are looked into. */
const MAX_DEPTH = 8;

/**
 * The files of a folder, hidden ones left out.
 *
 * @throws {DatasetError} where there is no such folder.
 */
export async function folderFiles(dir: string): Promise<DataFiles> {
  const paths: string[] = [];
  let top: readonly string[] = [];
  const visit = async (prefix: string, depth: number): Promise<void> => {
    const { files, folders } = await listFolder(join(dir, prefix));
    paths.push(...files.map((name) => prefix + name));
    if (depth === 1) top = folders;
    if (depth === MAX_DEPTH) return;
    for (const name of folders) await visit(`${prefix}${name}/`, depth + 1);
  };
  try {
    await visit("", 1);
  } catch (error) {
    const code = error instanceof FileError ? error.code : undefined;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    const found = code === "ENOENT" ? "none of that name" : "a file";
    const message = `Cannot load data set "${dir}": expected a folder, found ${found}`;
    throw new DatasetError(message, { cause: error, file: dir });
  }
  return {
    name: dir,
    isOnDisk: true,
    paths: paths.sort(),
    folders: top,
    file: (path) => localFile(dir, path),
  };
}

/** A file on the disk, as the only one of its folder that counts. */
export function singleFile(path: string): DataFiles {
  const [dir, name] = [dirname(path), basename(path)];
  return { name: path, paths: [name], file: () => localFile(dir, name) };
}

async function localFile(dir: string, path: string): Promise<DataFile> {
  const name = join(dir, path);
  const source = await fileSource(name);
  try {
    const { sizeBytes } = source;
    return {
      path,
      name,
      sizeBytes,
      open: () => fileSource(name),
      sibling: (other) => fileSource(isAbsolute(other) ? other : join(dirname(name), other)),
    };
  } finally {
    source[Symbol.dispose]();
  }
}

/** Bytes in memory as an open file. */
export function openBytes(name: string, bytes: Uint8Array): OpenFile {
  return {
    name,
    sizeBytes: bytes.byteLength,
    read: (start, end) => Promise.resolve(bytes.slice(start, end)),
    [Symbol.dispose]: () => {},
  };
}

/** A path beside another one, `..` and `.` taken out. */
export function inFolder(folder: string, path: string): string {
  const parts: string[] = folder === "." ? [] : folder.split("/");
  for (const part of path.replaceAll("\\", "/").split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

/** Whether a file is a zip archive, by its name. */
export function isArchive(path: string): boolean {
  return /\.zip$/i.test(path);
}

/** The beginning of a zip archive. */
const ZIP = [0x50, 0x4b, 0x03, 0x04] as const;

/** Whether a file is a zip archive, by its content. */
export async function holdsArchive(file: Pick<DataFile, "open">): Promise<boolean> {
  const source = await file.open();
  try {
    const head = await source.read(0, Math.min(ZIP.length, source.sizeBytes));
    return ZIP.every((byte, i) => head[i] === byte);
  } finally {
    source[Symbol.dispose]();
  }
}
