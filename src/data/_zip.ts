/**
 * Zip archives as folders of files.
 *
 * The list of files is read when an archive is opened (`weights/zip.ts`), a file when its turn comes.
 * `train.zip` is the folder `train`, and `yes.zip` with recordings right in it the folder `yes`; of any
 * other name, an archive of folders with recordings is these folders. A folder around everything in it
 * does not count. What a file unpacks to is held to its stated size, and that to a limit.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import { crc32, inflateRawSync } from "node:zlib";
import { CheckpointError, DatasetError, FileError } from "../errors.ts";
import { readExactly } from "../weights/byte_source.ts";
import { DEFLATED, locateZipData, readZipEntries, STORED, type ZipEntry } from "../weights/zip.ts";
import { type DataFile, type DataFiles, inFolder, isArchive, openBytes } from "./_data_files.ts";
import { isAudio, splitOf } from "./folder_layout.ts";
import type { OpenFile } from "./_table.ts";

/** Largest file that is taken out of an archive. */
const MAX_ENTRY_BYTES = 2 ** 30;
/** A file may be as large as this, or as so many times its bytes in the archive. */
const MAX_UNPACKED_BYTES = 2 ** 26;
const MAX_UNPACKED_PER_BYTE = 100;

/** Some millions of files. */
const MAX_DIRECTORY_BYTES = 2 ** 28;

/** A file and the archive that it is in. */
interface Packed {
  archive: DataFile;
  entry: ZipEntry;
}

/**
 * The same files, with those inside zip archives in the place of the archives.
 *
 * @param files the files.
 * @param archives the paths of the archives among them. @default those of which the names say it
 * @throws {DatasetError} naming an archive that cannot be read.
 */
export async function withoutArchives(
  files: DataFiles,
  archives: readonly string[] = files.paths.filter(isArchive),
): Promise<DataFiles> {
  const inside = new Map<string, Packed>();
  for (const path of archives) {
    const archive = await files.file(path);
    const entries = await zipEntries(archive);
    const folder = folderFor(path, [...entries.keys()]);
    for (const [name, entry] of entries) {
      inside.set(freePath(folder + name, path, inside), { archive, entry });
    }
  }
  const others = files.paths.filter((path) => !archives.includes(path));
  return {
    name: files.name,
    paths: [...others, ...inside.keys()].sort(),
    file: (path) => {
      const found = inside.get(path);
      return found ? Promise.resolve(dataFile(path, found, inside)) : files.file(path);
    },
  };
}

/** The archive's name without its ending. */
function stemOf(path: string): string {
  return basename(path).replace(/\.[^.]+$/, "");
}

/** The folder that an archive stands for: the one that it lies in, where neither a split nor a label is in its name. */
function folderFor(archive: string, names: readonly string[]): string {
  const place = dirname(archive) === "." ? "" : `${dirname(archive)}/`;
  const stem = stemOf(archive);
  const recordings = names.filter(isAudio);
  const holdsLabels = recordings.length > 0 && recordings.every((name) => name.includes("/"));
  return holdsLabels && splitOf(stem) === undefined ? place : `${place}${stem}/`;
}

/** The path of a file; with the archive's name in its own, where another archive has one of that path. */
function freePath(path: string, archive: string, taken: ReadonlyMap<string, Packed>): string {
  if (!taken.has(path)) return path;
  return path.replace(/[^/]*$/, (file) => `${stemOf(archive)}-${file}`);
}

/** Files by their paths without a folder around all of them. */
async function zipEntries(archive: DataFile): Promise<Map<string, ZipEntry>> {
  const source = await archive.open();
  try {
    const entries = await readZipEntries(source, { maxDirectoryBytes: MAX_DIRECTORY_BYTES })
      .catch((cause) => {
        if (!(cause instanceof CheckpointError)) throw cause;
        const message = `Cannot open "${archive.name}": expected a zip archive (${cause.message})`;
        throw new DatasetError(message, { cause, file: archive.name });
      });
    const files = Array.from(entries.values()).filter(({ name }) => isPlain(name));
    const cut = wrapperLength(stemOf(archive.path), files.map(({ name }) => name));
    return new Map(files.map((entry) => [entry.name.slice(cut), entry]));
  } finally {
    source[Symbol.dispose]();
  }
}

/** How many letters of all paths are a folder around them: of the archive's name, or one that is no label or split. */
function wrapperLength(stem: string, names: readonly string[]): number {
  const [first = ""] = names;
  const top = first.slice(0, first.indexOf("/") + 1);
  if (top === "" || !names.every((name) => name.startsWith(top))) return 0;
  if (top === `${stem}/`) return top.length;
  const recordings = names.filter(isAudio);
  const holdsLabels = recordings.every((name) => name.slice(top.length).includes("/"));
  const isWrapper = recordings.length > 0 && holdsLabels && splitOf(top.slice(0, -1)) === undefined;
  return isWrapper ? top.length : 0;
}

/** A file, neither hidden nor out of the archive. */
function isPlain(path: string): boolean {
  return !path.includes("\\") && !path.startsWith("__MACOSX/") &&
    path.split("/").every((part) => part !== "" && !part.startsWith("."));
}

function dataFile(
  path: string,
  { archive, entry }: Packed,
  inside: ReadonlyMap<string, Packed>,
): DataFile {
  const name = `${archive.name}/${entry.name}`;
  return {
    path,
    name,
    sizeBytes: entry.sizeBytes,
    open: async () => openBytes(name, await bytesOf({ archive, entry }, name)),
    sibling: (other) => {
      const otherPath = inFolder(dirname(path), other);
      const found = inside.get(otherPath);
      if (found) return dataFile(otherPath, found, inside).open();
      return missing(archive, otherPath);
    },
  };
}

function missing(archive: DataFile, path: string): Promise<OpenFile> {
  const message = `Cannot open "${path}": expected a file of "${archive.name}", found none`;
  return Promise.reject(new DatasetError(message, { file: archive.name }));
}

/** @throws {FileError} as for any file that cannot be read: the others of the archive are sound. */
async function bytesOf({ archive, entry }: Packed, name: string): Promise<Uint8Array> {
  const { sizeBytes, storedBytes } = entry;
  const most = Math.min(
    MAX_ENTRY_BYTES,
    Math.max(MAX_UNPACKED_BYTES, storedBytes * MAX_UNPACKED_PER_BYTE),
  );
  if (sizeBytes > most) {
    const expected = `at most ${most} bytes from ${storedBytes} packed ones`;
    const message = `Cannot open "${name}": expected ${expected}, found ${sizeBytes}`;
    throw new FileError(message, { file: name });
  }
  const source = await archive.open();
  try {
    try {
      const start = await locateZipData(source, entry);
      return unpacked(await readExactly(source, start, start + storedBytes), entry);
    } catch (cause) {
      if (!(cause instanceof SyntaxError || cause instanceof RangeError || isZlib(cause))) {
        throw cause;
      }
      const message = `Cannot open "${name}": expected a sound zip archive (${cause.message})`;
      throw new FileError(message, { cause, file: name });
    }
  } finally {
    source[Symbol.dispose]();
  }
}

/** The errors of `node:zlib` are plain ones with a code. */
function isZlib(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
}

function unpacked(bytes: Uint8Array, entry: ZipEntry): Uint8Array {
  const { sizeBytes, method, isEncrypted, checksum } = entry;
  if (isEncrypted) throw new SyntaxError("it is encrypted");
  if (method !== STORED && method !== DEFLATED) throw new SyntaxError(`compressed by ${method}`);
  const data = method === STORED
    ? bytes
    : inflateRawSync(bytes, { maxOutputLength: Math.max(1, sizeBytes) });
  if (data.length !== sizeBytes) {
    throw new SyntaxError(`${data.length} bytes, stated as ${sizeBytes}`);
  }
  if (crc32(data) !== checksum) throw new SyntaxError("a checksum that differs");
  return data;
}
