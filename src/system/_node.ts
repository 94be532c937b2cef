/**
 * The operating system through Node's modules, with Deno's names: as much of it as this package uses.
 *
 * @module
 */
import * as fs from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { NodeFile, nodeInfo } from "./_node_file.ts";

/** Known by Node's codes. */
class NotFound extends Error {
  static override [Symbol.hasInstance](error: unknown): boolean {
    return error instanceof Error && (error as { code?: string }).code === "ENOENT";
  }
}

/** Known by Node's codes. */
class AlreadyExists extends Error {
  static override [Symbol.hasInstance](error: unknown): boolean {
    return error instanceof Error && (error as { code?: string }).code === "EEXIST";
  }
}

/** Nothing but Deno has it. */
class NotCapable extends Error {}

interface OpenOptions {
  read?: boolean;
  write?: boolean;
  create?: boolean;
  createNew?: boolean;
  mode?: number;
}

/** Files are open for reading unless something is said. */
async function open(path: string | URL, options: OpenOptions = { read: true }): Promise<NodeFile> {
  const { read = false, write = false, create = false, createNew = false, mode = 0o666 } = options;
  const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;
  const access = read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY;
  const making = createNew ? O_CREAT | O_EXCL : create ? O_CREAT : 0;
  const handle = await fs.promises.open(path, access | making, mode);
  return new NodeFile(handle);
}

interface WriteOptions {
  append?: boolean;
  createNew?: boolean;
  mode?: number;
}

type Content = Uint8Array | ReadableStream<Uint8Array>;

async function writeFile(
  path: string | URL,
  content: Content,
  options: WriteOptions = {},
): Promise<void> {
  const flag = `${options.append ? "a" : "w"}${options.createNew ? "x" : ""}`;
  const { mode } = options;
  const data = content instanceof Uint8Array ? content : content as AsyncIterable<Uint8Array>;
  await fs.promises.writeFile(path, data, { flag, mode });
}

interface TemporaryOptions {
  dir?: string;
  prefix?: string;
  suffix?: string;
}

async function makeTempDir({ dir = tmpdir(), prefix = "" }: TemporaryOptions = {}) {
  return await fs.promises.mkdtemp(join(dir, prefix));
}

async function makeTempFile(): Promise<string> {
  const path = join(await makeTempDir(), "file");
  await writeFile(path, new Uint8Array());
  return path;
}

function entryOf(entry: fs.Dirent) {
  return {
    name: entry.name,
    isFile: entry.isFile(),
    isDirectory: entry.isDirectory(),
    isSymlink: entry.isSymbolicLink(),
  };
}

async function* readDir(path: string | URL) {
  for (const entry of await fs.promises.readdir(path, { withFileTypes: true })) {
    yield entryOf(entry);
  }
}

/** Deno removes folders with the same word as files. */
async function remove(path: string | URL, { recursive = false } = {}): Promise<void> {
  const isFolder = (await fs.promises.lstat(path)).isDirectory();
  if (isFolder && !recursive) await fs.promises.rmdir(path);
  else await fs.promises.rm(path, { recursive });
}

/** What `system` is where there is no Deno. */
export const nodeSystem = {
  build: { os: process.platform === "win32" ? "windows" : process.platform },
  consoleSize: () => ({ columns: process.stderr.columns ?? 80, rows: process.stderr.rows ?? 24 }),
  copyFile: fs.promises.copyFile,
  env: {
    get: (name: string) => process.env[name],
    set: (name: string, value: string) => void (process.env[name] = value),
    delete: (name: string) => void delete process.env[name],
  },
  errors: { AlreadyExists, NotCapable, NotFound },
  hostname,
  link: fs.promises.link,
  lstat: async (path: string | URL) => nodeInfo(await fs.promises.lstat(path)),
  makeTempDir,
  makeTempFile,
  mkdir: async (path: string | URL, options?: fs.MakeDirectoryOptions) => {
    await fs.promises.mkdir(path, options);
  },
  open,
  permissions: { querySync: () => ({ state: "granted" }) },
  pid: process.pid,
  readDir,
  readDirSync: (path: string | URL) =>
    fs.readdirSync(path, { withFileTypes: true }).map(entryOf).values(),
  readTextFile: (path: string | URL) => fs.promises.readFile(path, "utf8"),
  remove,
  removeSync: (path: string | URL) => fs.rmSync(path),
  rename: fs.promises.rename,
  stat: async (path: string | URL) => nodeInfo(await fs.promises.stat(path)),
  stderr: {
    isTerminal: () => process.stderr.isTTY === true,
    writeSync: (bytes: Uint8Array) => fs.writeSync(process.stderr.fd, bytes),
  },
  stdin: { isTerminal: () => process.stdin.isTTY === true },
  symlink: (target: string | URL, path: string | URL, options?: { type: "file" | "dir" }) =>
    fs.promises.symlink(target, path, options?.type),
  truncate: fs.promises.truncate,
  writeFile,
  writeTextFile: (path: string | URL, text: string, options?: WriteOptions) =>
    writeFile(path, new TextEncoder().encode(text), options),
};

/** What runs this program. */
export const nodeEngine: { name: string; version: string } = process.versions.bun
  ? { name: "Bun", version: process.versions.bun }
  : { name: "Node", version: process.versions.node! };
