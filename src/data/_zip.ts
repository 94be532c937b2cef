/**
 * Zip archives as folders of files, through `@zip.js/zip.js`.
 *
 * The list of files is read when an archive is opened, a file when its turn comes. `train.zip` is
 * the folder `train`; a folder of that name inside it does not count twice.
 *
 * @module
 */

import { configure, type FileEntry, Reader, Uint8ArrayWriter, ZipReader } from "@zip.js/zip.js";
import { basename, dirname } from "node:path";
import { DatasetError } from "../errors.ts";
import { type DataFile, type DataFiles, inFolder, isArchive, openBytes } from "./_data_files.ts";
import type { OpenFile } from "./table.ts";

/** Largest file that is taken out of an archive. */
const MAX_ENTRY_BYTES = 2 ** 30;

configure({ useWebWorkers: false });

/** Reads a file in pieces, opening it for each. */
class FileReader extends Reader<DataFile> {
  readonly #file: DataFile;

  constructor(file: DataFile) {
    super(file);
    this.#file = file;
    this.size = file.sizeBytes;
  }

  override async readUint8Array(start: number, length: number): Promise<Uint8Array> {
    using source = await this.#file.open();
    return await source.read(start, Math.min(start + length, this.#file.sizeBytes));
  }
}

/**
 * The same files, with those inside zip archives in the place of the archives.
 *
 * @throws {DatasetError} naming an archive that cannot be read.
 */
export async function withoutArchives(files: DataFiles): Promise<DataFiles> {
  const archives = files.paths.filter(isArchive);
  const inside = new Map<string, () => Promise<DataFile>>();
  for (const path of archives) {
    const archive = await files.file(path);
    const folder = path.slice(0, -".zip".length);
    for (const [name, file] of await zipEntries(archive)) {
      const entryPath = `${folder}/${name}`;
      const open = (other: string) => {
        const found = inside.get(other);
        return found ? found().then((entry) => entry.open()) : missing(archive, other);
      };
      inside.set(entryPath, () => Promise.resolve(dataFile(archive, entryPath, file, open)));
    }
  }
  const others = files.paths.filter((path) => !isArchive(path));
  return {
    name: files.name,
    paths: [...others, ...inside.keys()].sort(),
    file: (path) => inside.get(path)?.() ?? files.file(path),
  };
}

function missing(archive: DataFile, path: string): Promise<OpenFile> {
  const message = `Cannot open "${path}": expected a file of "${archive.name}", found none`;
  return Promise.reject(new DatasetError(message, { file: archive.name }));
}

/** Files by their paths without the folder that all of them share. */
async function zipEntries(archive: DataFile): Promise<Map<string, FileEntry>> {
  const reader = new ZipReader(new FileReader(archive));
  const entries = await reader.getEntries().catch((cause) => {
    const message = `Cannot open "${archive.name}": expected a zip archive (${cause.message})`;
    throw new DatasetError(message, { cause, file: archive.name });
  });
  const files = entries.filter((entry): entry is FileEntry =>
    !entry.directory && isPlain(entry.filename)
  );
  const stem = basename(archive.path).replace(/\.zip$/i, "");
  const isNested = files.every(({ filename }) => filename.startsWith(`${stem}/`));
  const cut = isNested ? stem.length + 1 : 0;
  return new Map(files.map((entry) => [entry.filename.slice(cut), entry]));
}

/** Neither hidden, nor out of the archive. */
function isPlain(path: string): boolean {
  return !path.includes("\\") && !path.startsWith("__MACOSX/") &&
    path.split("/").every((part) => part !== "" && !part.startsWith("."));
}

function dataFile(
  archive: DataFile,
  path: string,
  entry: FileEntry,
  openOther: (path: string) => Promise<OpenFile>,
): DataFile {
  const name = `${archive.name}/${entry.filename}`;
  return {
    path,
    name,
    sizeBytes: entry.uncompressedSize,
    open: async () => openBytes(name, await bytesOf(entry, name)),
    sibling: (other) => openOther(inFolder(dirname(path), other)),
  };
}

async function bytesOf(entry: FileEntry, name: string): Promise<Uint8Array> {
  if (entry.uncompressedSize > MAX_ENTRY_BYTES) {
    const expected = `at most ${MAX_ENTRY_BYTES} bytes`;
    const message = `Cannot open "${name}": expected ${expected}, found ${entry.uncompressedSize}`;
    throw new DatasetError(message, { file: name });
  }
  try {
    return await entry.getData(new Uint8ArrayWriter(), { checkSignature: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot open "${name}": expected a sound zip archive (${reason})`;
    throw new DatasetError(message, { cause, file: name });
  }
}
