/**
 * The local file system, for data sets, training and loading.
 *
 * Reading gives the sources that `weights/` reads from. Writing is atomic: under a temporary name
 * in the same folder, flushed to the disk, then renamed, so that a full disk or a lost process
 * leaves the old state or the new one, and never a file that only looks whole. Nothing here knows
 * what the bytes mean. Every failure of the operating system comes out as a `FileError`.
 *
 * @module
 */

import { basename, dirname, join, normalize } from "node:path";
import { FileError } from "./errors.ts";
import type { ByteSource, FileReader } from "./weights/byte_source.ts";
import { SEEK_START, system } from "./system/mod.ts";

/** A file on disk that is open for reading. */
export interface FileSource extends ByteSource {
  /** Closes the file; a second call does nothing. */
  close(): void;
}

/** The names in a folder, sorted, without hidden ones. */
export interface FolderListing {
  /** Files, and links to files or to nothing. */
  files: string[];
  /** Folders, and links to folders. */
  folders: string[];
}

/** How a directory is written. */
export interface WriteDirectoryOptions {
  /** Whether a directory that is there already may be replaced. @default false */
  replace?: boolean;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "access is denied",
  EPERM: "access is denied",
  EISDIR: "it is a folder",
  ENOTDIR: "part of the path is not a folder",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than allowed here",
  EROFS: "the file system is read-only",
  EEXIST: "it is there already",
  ENOTEMPTY: "it is there already and not empty",
  EMFILE: "too many files are open",
};

/**
 * Opens a file for reading ranges of it.
 *
 * Each read is done in one piece, so readers that share a source do not disturb each other, and the
 * source keeps to the file that it opened even if another takes over its name.
 *
 * @returns a source that the caller closes.
 * @throws {FileError} where the file cannot be opened, or is a folder.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "earshot");
 * using source = await fileSource(path);
 * equal(new TextDecoder().decode(await source.read(0, 3)), "ear");
 * ```
 */
export async function fileSource(path: string): Promise<FileSource & Disposable> {
  // Before it is opened, because opening a pipe waits for its writer.
  const { isFile, isDirectory, isFifo } = await attempt("open", path, () => system.stat(path));
  if (!isFile) {
    const found = isDirectory ? "a folder" : isFifo ? "a pipe" : "something else";
    throw new FileError(`Cannot open "${path}": expected a file, found ${found}`, { file: path });
  }
  const file = await attempt("open", path, () => system.open(path, { read: true }));
  let open = true;
  const close = () => {
    if (open) file.close();
    open = false;
  };
  return {
    name: path,
    sizeBytes: file.statSync().size,
    read: (start, end) => attempt("read", path, () => readRange(file, path, start, end)),
    close,
    [Symbol.dispose]: close,
  };
}

/** Seeks and reads without a pause between the two; a file that has shrunk gives an error. */
function readRange(file: Deno.FsFile, path: string, start: number, end: number): Uint8Array {
  if (!(start >= 0 && start <= end)) {
    throw new RangeError(
      `Cannot read "${path}": expected a range of bytes, found ${start}..${end}`,
    );
  }
  const bytes = new Uint8Array(end - start);
  file.seekSync(start, SEEK_START);
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) {
      const expected = `bytes ${start} to ${end}, found ${filled} of them`;
      throw new FileError(`Cannot read "${path}": expected ${expected}`, { file: path });
    }
    filled += count;
  }
  return bytes;
}

/**
 * The files of a directory by name, for the loading of a model.
 *
 * A name may lead into a folder inside, and never out of the directory; links are followed.
 *
 * @param path the directory.
 * @returns a reader that holds nothing open itself; the caller closes what it opens.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const files = directoryFiles(await Deno.makeTempDir());
 * equal(await files.open("config.json"), undefined);
 * ```
 */
export function directoryFiles(path: string): FileReader {
  return {
    name: path,
    async open(name: string): Promise<FileSource | undefined> {
      if (!isInside(name)) {
        throw new RangeError(`Cannot open "${name}": expected a name inside "${path}"`);
      }
      try {
        return await fileSource(join(path, name));
      } catch (error) {
        if (error instanceof FileError && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
  };
}

function isInside(name: string): boolean {
  const parts = name.split(/[/\\]/);
  return !/^[a-z]:/i.test(name) && parts.every((part) => part !== "" && part !== "..");
}

/**
 * Lists a folder: names sorted as strings are compared, hidden ones left out, links followed.
 *
 * A link that leads nowhere is listed as a file, so that whoever reads it says which one it is.
 *
 * @throws {FileError} where there is no such folder, or it cannot be read.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * const path = await Deno.makeTempDir();
 * await Deno.mkdir(`${path}/yes`);
 * await Deno.writeTextFile(`${path}/README.md`, "");
 * deepEqual(await listFolder(path), { files: ["README.md"], folders: ["yes"] });
 * ```
 */
export async function listFolder(path: string): Promise<FolderListing> {
  const listing: FolderListing = { files: [], folders: [] };
  await attempt("list", path, async () => {
    for await (const entry of system.readDir(path)) {
      if (entry.name.startsWith(".")) continue;
      const isFolder = entry.isDirectory ||
        entry.isSymlink && await leadsToFolder(join(path, entry.name));
      (isFolder ? listing.folders : listing.files).push(entry.name);
    }
  });
  listing.files.sort();
  listing.folders.sort();
  return listing;
}

/**
 * The same; of a folder that is not there, nothing.
 *
 * @throws {FileError} where there is one that cannot be listed.
 */
export async function listFolderIfThere(path: string): Promise<FolderListing> {
  try {
    return await listFolder(path);
  } catch (error) {
    if (error instanceof FileError && error.code === "ENOENT") return { files: [], folders: [] };
    throw error;
  }
}

async function leadsToFolder(link: string): Promise<boolean> {
  try {
    return (await system.stat(link)).isDirectory;
  } catch {
    return false;
  }
}

/**
 * What lies at a path, links followed; undefined where nothing does, so that the name may mean something else.
 *
 * @throws {FileError} where something may lie there and cannot be looked at: no permission, a link to nowhere.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal((await entryIfThere(await Deno.makeTempDir()))?.isDirectory, true);
 * equal(await entryIfThere("no/such/place"), undefined);
 * ```
 */
export async function entryIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await attempt("open", path, () => system.stat(path));
  } catch (error) {
    const isMissing = error instanceof FileError && /^(ENOENT|ENOTDIR)$/.test(error.code ?? "");
    if (!isMissing) throw error;
    const link = await system.lstat(path).catch(() => undefined);
    if (!link) return undefined;
    // It has come since, or it is a link to nothing, which is an error.
    return link.isSymlink
      ? await attempt("open", path, () => system.stat(path))
      : await entryIfThere(path);
  }
}

/** How a file is written. */
export interface WriteFileOptions {
  /** Who may read and write it, as `0o600` for its owner alone; Windows has no such thing. @default 0o666, less the umask */
  mode?: number;
}

/**
 * Writes a file so that its name stands for all of the bytes or for what it stood for before.
 *
 * @param path the file; its folder must be there.
 * @param chunks the bytes in order, taken one chunk at a time.
 * @param options who may read it.
 * @throws {FileError} where it cannot be written, the disk being full for one; what `chunks` throws
 * passes through. The temporary file is gone in either case.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const path = `${await Deno.makeTempDir()}/state.json`;
 * await writeFileAtomic(path, [new TextEncoder().encode('{"step":3}')]);
 * equal(await Deno.readTextFile(path), '{"step":3}');
 * ```
 */
export async function writeFileAtomic(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: WriteFileOptions = {},
): Promise<void> {
  const temporary = siblingOf(path, "tmp");
  try {
    await writeNew(temporary, path, { chunks, ...options });
    await attempt("write", path, () => system.rename(temporary, path));
  } catch (error) {
    await removeLeftover(temporary);
    throw error;
  }
  await flush(dirname(path));
}

/**
 * Writes a file where there is none of its name: of several processes that do so at a time, one has written it.
 *
 * @param path the file; its folder must be there.
 * @param chunks the bytes in order.
 * @returns false where there is one already, which is left as it is.
 * @throws {FileError} where it cannot be written. The temporary file is gone in any case.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const path = `${await Deno.makeTempDir()}/claim.txt`;
 * const write = (text: string) => createFileAtomic(path, [new TextEncoder().encode(text)]);
 * equal(await write("first"), true);
 * equal(await write("second"), false);
 * equal(await Deno.readTextFile(path), "first");
 * ```
 */
export async function createFileAtomic(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const temporary = siblingOf(path, "tmp");
  try {
    await writeNew(temporary, path, { chunks });
    // A second name does not take the place of a file, as a rename does.
    await system.link(temporary, path);
  } catch (error) {
    if (error instanceof system.errors.AlreadyExists) return false;
    const hasNoLinks = /^(EPERM|ENOTSUP|EOPNOTSUPP|EMLINK|ENOSYS)$/.test(codeOf(error) ?? "");
    if (!hasNoLinks) throw error instanceof FileError ? error : fileError("write", path, error);
    await attempt("write", path, () => system.rename(temporary, path));
  } finally {
    await removeLeftover(temporary);
  }
  await flush(dirname(path));
  return true;
}

/**
 * Tries whether a file could be written, and leaves nothing; for what takes minutes before it writes.
 *
 * @param path a file that is there or not, in a folder that is.
 * @throws {FileError} where there is no such folder, the path is one, or it may not be written.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 *
 * const folder = await Deno.makeTempDir();
 * await expectWritable(`${folder}/report.html`);
 * await rejects(expectWritable(`${folder}/none/report.html`), { name: "FileError" });
 * ```
 */
export async function expectWritable(path: string): Promise<void> {
  if ((await system.stat(path).catch(() => undefined))?.isDirectory) {
    throw new FileError(`Cannot write "${path}": it is a directory`, {
      file: path,
      code: "EISDIR",
    });
  }
  await attempt("write", path, async () => {
    const temporary = siblingOf(path, "tmp");
    await system.writeFile(temporary, new Uint8Array(), { createNew: true });
    await system.remove(temporary);
  });
}

/** A file to write: its name inside the folder, and its bytes when their turn comes. */
export interface FileToWrite {
  name: string;
  chunks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes files into a folder one after the other, each as {@linkcode writeFileAtomic} does.
 *
 * @throws {FileError} where one cannot be written; those before it stay.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const folder = await Deno.makeTempDir();
 * await writeFiles(folder, [{ name: "a.txt", chunks: () => [Uint8Array.of(104, 105)] }]);
 * equal(await Deno.readTextFile(`${folder}/a.txt`), "hi");
 * ```
 */
export async function writeFiles(folder: string, files: Iterable<FileToWrite>): Promise<void> {
  for (const { name, chunks } of files) await writeFileAtomic(`${folder}/${name}`, chunks());
}

async function writeNew(
  temporary: string,
  path: string,
  { chunks, mode }: WriteFileOptions & { chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array> },
): Promise<void> {
  const options = { write: true, createNew: true, mode };
  const file = await attempt("write", path, () => system.open(temporary, options));
  try {
    for await (const chunk of chunks) await attempt("write", path, () => writeAll(file, chunk));
    await attempt("write", path, () => file.sync());
  } finally {
    file.close();
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += await file.write(bytes.subarray(written));
}

/**
 * Makes a directory and those above it, where they are missing.
 *
 * @throws {FileError} where it cannot be made, or a file is in its place.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 *
 * const path = `${await Deno.makeTempDir()}/runs/first`;
 * await makeDirectory(path);
 * ok((await Deno.stat(path)).isDirectory);
 * ```
 */
export async function makeDirectory(path: string): Promise<void> {
  await attempt("make directory", path, () => system.mkdir(path, { recursive: true }));
}

/**
 * Writes a directory so that its name stands for all of the files or is not there.
 *
 * Replacing one renames the old directory away first: a process lost between the two renames leaves
 * it whole beside the place, as `.<name>.old-<random>`.
 *
 * @param path the directory to make; folders above it are made where they are missing.
 * @param fill writes the files into the folder that it is given; nothing in it needs to be atomic.
 * @param options whether a directory that is there already may go. An empty one always may.
 * @throws {FileError} where the directory is there already (before `fill` is called) or cannot be
 * written; what `fill` throws passes through. The temporary directory is gone in either case.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const path = `${await Deno.makeTempDir()}/model`;
 * await writeDirectoryAtomic(path, (folder) => Deno.writeTextFile(`${folder}/config.json`, "{}"));
 * equal(await Deno.readTextFile(`${path}/config.json`), "{}");
 * ```
 */
export async function writeDirectoryAtomic(
  path: string,
  fill: (folder: string) => Promise<void>,
  options: WriteDirectoryOptions = {},
): Promise<void> {
  const target = normalize(path).replace(/(?<=.)[/\\]$/, "");
  const isThere = await hasContent(target);
  if (isThere && !options.replace) throw fileError("write", target, { code: "EEXIST" });
  await attempt("write", target, () => system.mkdir(dirname(target), { recursive: true }));
  const temporary = siblingOf(target, "tmp");
  try {
    await attempt("write", target, () => system.mkdir(temporary));
    await attempt("write", target, () => fill(temporary));
    await attempt("write", target, () => flushTree(temporary));
    await (isThere ? exchange(temporary, target) : moveTo(temporary, target));
  } catch (error) {
    await removeLeftover(temporary);
    throw namingFinal(error, temporary, target);
  }
  await flush(dirname(target));
}

/** Whether a directory is there with something in it. */
async function hasContent(path: string): Promise<boolean> {
  try {
    for await (const _ of system.readDir(path)) return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return false;
    throw fileError("write", path, code === "ENOTDIR" ? { code: "EEXIST" } : error);
  }
  return false;
}

function moveTo(temporary: string, path: string): Promise<void> {
  return attempt("write", path, () => system.rename(temporary, path));
}

/** The same error about the name that the user gave. */
function namingFinal(error: unknown, temporary: string, path: string): unknown {
  if (!(error instanceof FileError) || !error.file.startsWith(temporary)) return error;
  const file = error.file.replace(temporary, path);
  const message = error.message.replaceAll(temporary, path);
  return new FileError(message, { cause: error, file, code: error.code, hint: error.hint });
}

/** Puts the new directory into the old one's place, and the old one back if that fails. */
async function exchange(temporary: string, path: string): Promise<void> {
  const old = siblingOf(path, "old");
  await attempt("replace", path, () => system.rename(path, old));
  try {
    await moveTo(temporary, path);
  } catch (error) {
    await system.rename(old, path);
    throw error;
  }
  await attempt("remove", old, () => system.remove(old, { recursive: true }));
}

/** Flushes the files of a folder first, then the folder that names them. */
async function flushTree(folder: string): Promise<void> {
  for await (const entry of system.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) await flushTree(path);
    else if (entry.isFile) await flush(path);
  }
  await flush(folder);
}

async function flush(path: string): Promise<void> {
  // Windows cannot open a folder, and flushes only what is open for writing.
  const onWindows = system.build.os === "windows";
  if (onWindows && (await system.stat(path)).isDirectory) return;
  await attempt("write", path, async () => {
    const file = await system.open(path, { read: true, write: onWindows });
    try {
      await file.sync();
    } finally {
      file.close();
    }
  });
}

/** Removes what a failure left; the failure itself is what the user is shown. */
async function removeLeftover(path: string): Promise<void> {
  await system.remove(path, { recursive: true }).catch(() => {});
}

/** A hidden name beside the file, in the same folder, so that a rename can reach it. */
function siblingOf(path: string, kind: "tmp" | "old"): string {
  return join(dirname(path), `.${basename(path)}.${kind}-${crypto.randomUUID().slice(0, 8)}`);
}

/**
 * Runs one step on the file system; its failure names the file that the user knows.
 *
 * @throws {FileError} where the operating system refuses; what else `step` throws passes through.
 */
export async function attempt<T>(
  verb: string,
  path: string,
  step: () => T | Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw fileError(verb, path, error);
  }
}

/** What the operating system said about a file, as a `FileError`; anything else as it is. */
export function fileError(verb: string, file: string, cause: unknown): unknown {
  if (cause instanceof system.errors.NotCapable) {
    const hint = `Allow it with --allow-${/write access/.test(cause.message) ? "write" : "read"}`;
    const message = `Cannot ${verb} "${file}": Deno was not given access`;
    return new FileError(message, { cause, file, hint });
  }
  const code = codeOf(cause);
  if (code === undefined || cause instanceof FileError) return cause;
  const reason = REASONS[code] ?? code;
  return new FileError(`Cannot ${verb} "${file}": ${reason}`, { cause, file, code });
}

/** The disk, or what a user may take of it, is full. */
const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** Whether an error says that there is no room on the disk. */
export function isDiskFull(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && FULL.has(code);
}

/**
 * The operating system's name for the reason, such as ENOENT; other libraries' codes hold a `_`.
 */
function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}
