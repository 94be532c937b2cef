/**
 * The output directory of a run: held by one run at a time, cleared of what killed runs left, and given its new model
 * in one stroke.
 *
 * The lock is the operating system's, on a file in the directory: it ends with the process that holds it, however that
 * ends. A model is put down in a hidden folder first; once that has its name, the change is decided, and whoever holds
 * the directory next finishes it. Until then the old model is whole.
 *
 * @module
 */
import { FileError } from "../../errors.ts";
import {
  attempt,
  type FileToWrite,
  makeDirectory,
  writeDirectoryAtomic,
  writeFiles,
} from "../../files.ts";
import { jsonBytes } from "../../pretrained.ts";
import { system } from "../../system/mod.ts";

const LOCK = ".earshot.lock";

/** A decided change: files to move out of it, and a list of those to remove. */
const CHANGE = ".earshot-change";
const STALE = ".stale.json";

/** What makes a directory a model: gone first, back last. */
const CONFIG = "config.json";

/** Names of what is being written, and of what is being replaced. */
const TEMPORARY = /^\.(.+)\.(tmp|old)-[0-9a-f]{8}$/;

/** A directory that this run holds; disposing it lets go of it. */
export class OutputDirectory implements AsyncDisposable {
  /** The directory. */
  readonly path: string;
  readonly #lock: Deno.FsFile | undefined;

  private constructor(path: string, lock: Deno.FsFile | undefined) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Takes a directory, which is made where it is missing, finishes what a killed run had decided, and removes what it
   * left.
   *
   * @throws {FileError} with code "EBUSY" where another run holds it, saying which; or where it cannot be written.
   */
  static async take(path: string): Promise<OutputDirectory> {
    await makeDirectory(path);
    const directory = new OutputDirectory(path, await lockOf(path));
    try {
      await finishChange(path);
      await removeLeftovers(path);
      return directory;
    } catch (error) {
      await directory[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Puts a new model into the directory: until all of its files are on the disk, the old one stays whole.
   *
   * @param files of the model, and what belongs beside it.
   * @param stale names of files that belonged to the old one.
   * @throws {FileError} where they cannot be written; the directory is then as it was.
   */
  async replaceModel(files: readonly FileToWrite[], stale: readonly string[] = []): Promise<void> {
    await writeDirectoryAtomic(`${this.path}/${CHANGE}`, (folder) =>
      writeFiles(folder, [
        ...files,
        { name: STALE, chunks: () => [jsonBytes({ stale })] },
      ]), { replace: true });
    await finishChange(this.path);
  }

  /** Lets go of the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#lock) return;
    await system.remove(`${this.path}/${LOCK}`).catch(() => {});
    this.#lock.close();
  }
}

/** The lock, held; undefined where the file system has none. */
async function lockOf(path: string): Promise<Deno.FsFile | undefined> {
  const name = `${path}/${LOCK}`;
  for (;;) {
    const file = await attempt(
      "write",
      path,
      () => system.open(name, { read: true, write: true, create: true }),
    );
    const isHeld = await file.tryLock(true).catch(() => undefined);
    if (isHeld === undefined) {
      file.close();
      await system.remove(name).catch(() => {});
      return undefined;
    }
    if (!isHeld) {
      file.close();
      throw await busy(path);
    }
    // Who let go of it may have removed the very file that was opened and locked here.
    const there = await system.stat(name).catch(() => undefined);
    if (there?.ino === (await file.stat()).ino) {
      await signed(file);
      return file;
    }
    file.close();
  }
}

/** Writes into the lock who holds it. */
async function signed(file: Deno.FsFile): Promise<void> {
  const holder = { process: system.pid, host: hostName(), since: new Date().toISOString() };
  await file.truncate(0);
  await file.write(jsonBytes(holder));
}

/** Asked for only where that needs no question to the user. */
function hostName(): string | undefined {
  const mayAsk = system.permissions.querySync({ name: "sys", kind: "hostname" });
  return mayAsk.state === "granted" ? system.hostname() : undefined;
}

async function busy(path: string): Promise<FileError> {
  // Windows lets nobody read what is locked.
  const text = await system.readTextFile(`${path}/${LOCK}`).catch(() => "");
  const [, process] = text.match(/"process": (\d+)/) ?? [];
  const [, host] = text.match(/"host": "([^"]*)"/) ?? [];
  const [, since] = text.match(/"since": "([^"]*)"/) ?? [];
  const who = process
    ? `process ${process}${host ? ` on ${host}` : ""} in it since ${since}`
    : "another process in it";
  return new FileError(`Cannot train into "${path}": expected no other run in it, found ${who}`, {
    file: path,
    code: "EBUSY",
    hint: "Wait for its end, or give another `outputDir`",
  });
}

/** Moves the files of a decided change to their places; done again, it does what is left to do. */
async function finishChange(path: string): Promise<void> {
  const change = `${path}/${CHANGE}`;
  const names = await namesIn(change);
  if (names === undefined) return;
  await attempt("write", path, async () => {
    if (names.includes(STALE)) {
      const { stale } = JSON.parse(await system.readTextFile(`${change}/${STALE}`));
      for (const name of [CONFIG, ...stale]) await removeIfThere(`${path}/${name}`);
      await system.remove(`${change}/${STALE}`);
    }
    const others = names.filter((name) => name !== STALE && name !== CONFIG);
    for (const name of others) await system.rename(`${change}/${name}`, `${path}/${name}`);
    if (names.includes(CONFIG)) await system.rename(`${change}/${CONFIG}`, `${path}/${CONFIG}`);
    await system.remove(change);
  });
}

async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    return (await Array.fromAsync(system.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof system.errors.NotFound) return undefined;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  await system.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof system.errors.NotFound)) throw error;
  });
}

/** Removes what a killed run was writing; what it was replacing goes back where nothing has taken its place. */
async function removeLeftovers(path: string): Promise<void> {
  const names = await namesIn(path) ?? [];
  for (const name of names) {
    const [, final, kind] = name.match(TEMPORARY) ?? [];
    if (final === undefined) continue;
    const isOnlyOne = kind === "old" && !names.includes(final);
    await attempt(
      "write",
      path,
      () =>
        isOnlyOne
          ? system.rename(`${path}/${name}`, `${path}/${final}`)
          : system.remove(`${path}/${name}`, { recursive: true }),
    );
  }
}
