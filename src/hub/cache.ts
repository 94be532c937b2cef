/**
 * The cache of files from the hub, in the layout of Python's `huggingface_hub`, so that each reads the other's:
 *
 *     models--org--name/blobs/<etag>                  contents, by SHA-256 or git's number
 *     models--org--name/snapshots/<commit>/<file>     links to them
 *     models--org--name/refs/<branch>                 the commit that a branch had last
 *     models--org--name/trees/<commit>.json           what a commit holds
 *     .locks/models--org--name/<etag>.lock            held while a content arrives
 *
 * @module
 */
import { dirname, join, relative } from "node:path";
import { attempt, makeDirectory, writeFileAtomic } from "../files.ts";
import type { HubRepositoryType } from "./names.ts";
import { system } from "../system/mod.ts";

/** A file of a repository as the hub states it. */
export interface HubFile {
  /** Its name, with `/` between folders. */
  readonly path: string;
  /** Of the content, not of LFS' pointer to it. */
  readonly sizeBytes: number;
  /** What LFS knows the content by; absent for small files, which git keeps. */
  readonly sha256?: string;
  /** What git knows the file by: of the content, or of LFS' pointer to it. */
  readonly gitSha1: string;
}

/** The paths of one repository in the cache. */
export interface CachedRepository {
  /** The folder of the repository. */
  folder: string;
  blob(file: HubFile): string;
  lock(file: HubFile): string;
  snapshot(commit: string, path: string): string;
  ref(revision: string): string;
  tree(commit: string): string;
}

/** Where a repository is kept; nothing is made yet. */
export function cachedRepository(
  directory: string,
  type: HubRepositoryType,
  id: string,
): CachedRepository {
  const name = [`${type}s`, ...id.split("/")].join("--");
  const folder = join(directory, name);
  return {
    folder,
    blob: (file) => join(folder, "blobs", etagOf(file)),
    lock: (file) => join(directory, ".locks", name, `${etagOf(file)}.lock`),
    snapshot: (commit, path) => join(folder, "snapshots", commit, path),
    ref: (revision) => join(folder, "refs", revision),
    tree: (commit) => join(folder, "trees", `${commit}.json`),
  };
}

/** The hash that a content is stored under. */
export function etagOf({ sha256, gitSha1 }: HubFile): string {
  return sha256 ?? gitSha1;
}

/** Whether this is the whole name of a commit, which can be in the cache and never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** The commit that a revision had when it was last asked for. */
export async function cachedCommit(
  cache: CachedRepository,
  revision: string,
): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const text = await readText(cache.ref(revision));
  return text && isCommit(text.trim()) ? text.trim() : undefined;
}

/** Notes the commit of a branch; a cache that may not be written keeps what it has. */
export async function keepCommit(
  cache: CachedRepository,
  revision: string,
  commit: string,
): Promise<void> {
  if (revision === commit || await cachedCommit(cache, revision) === commit) return;
  await keepText(cache.ref(revision), commit);
}

/** Of the entries of Python's listing. */
interface TreeEntry {
  size: number;
  blob_id: string;
  lfs_sha256?: string;
  lfs_size?: number;
}

const TREE_VERSION = 1;
const SHA1 = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** What a commit holds, if that was listed before. */
export async function cachedTree(
  cache: CachedRepository,
  commit: string,
): Promise<HubFile[] | undefined> {
  try {
    const { format_version, files } = JSON.parse(await readText(cache.tree(commit)) ?? "{}");
    if (format_version !== TREE_VERSION || typeof files !== "object") return undefined;
    return Object.entries<TreeEntry>(files).map(([path, entry]) => {
      const { lfs_sha256: sha256, lfs_size, size, blob_id } = entry;
      return hubFile({ path, sizeBytes: lfs_size ?? size, sha256, gitSha1: blob_id });
    });
  } catch {
    return undefined;
  }
}

/**
 * A file whose numbers are what they have to be: they become names in the cache.
 *
 * @throws {TypeError} when they are not.
 */
export function hubFile({ path, sizeBytes, sha256, gitSha1 }: HubFile): HubFile {
  const isSound = typeof path === "string" && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 &&
    SHA1.test(gitSha1) && (sha256 === undefined || SHA256.test(sha256));
  if (!isSound) throw new TypeError(`Cannot use file "${path}": expected its size and hash`);
  return sha256 === undefined ? { path, sizeBytes, gitSha1 } : { path, sizeBytes, sha256, gitSha1 };
}

/** Keeps a listing, with the fields that Python's has. */
export async function keepTree(
  cache: CachedRepository,
  commit: string,
  files: readonly HubFile[],
): Promise<void> {
  const sorted = files.toSorted((a, b) => a.path < b.path ? -1 : 1);
  const entries = sorted.map(({ path, sizeBytes, sha256, gitSha1 }): [string, TreeEntry] => {
    const lfs = sha256 === undefined ? {} : { lfs_sha256: sha256, lfs_size: sizeBytes };
    return [path, { size: sizeBytes, blob_id: gitSha1, ...lfs }];
  });
  const tree = { format_version: TREE_VERSION, files: Object.fromEntries(entries) };
  await keepText(cache.tree(commit), JSON.stringify(tree, null, 1));
}

/** The names in a snapshot, for a commit that was never listed. */
export async function snapshotFiles(
  cache: CachedRepository,
  commit: string,
  folder = "",
): Promise<HubFile[]> {
  const files: HubFile[] = [];
  try {
    for await (const { name, isDirectory } of system.readDir(cache.snapshot(commit, folder))) {
      const path = folder + name;
      if (isDirectory) files.push(...await snapshotFiles(cache, commit, `${path}/`));
      else {
        const { size } = await system.stat(cache.snapshot(commit, path));
        files.push({ path, sizeBytes: size, gitSha1: "" });
      }
    }
  } catch (error) {
    if (!(error instanceof system.errors.NotFound)) throw error;
  }
  return files;
}

/** The pull requests whose commits are in the cache, as revisions. */
export async function cachedPullRequests(cache: CachedRepository): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(system.readDir(cache.ref("refs/pr")));
    return entries.filter(({ isFile }) => isFile).map(({ name }) => `refs/pr/${name}`);
  } catch {
    return [];
  }
}

/** The size of a file, through its link; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const { isFile, size } = await system.stat(path);
    return isFile ? size : undefined;
  } catch (error) {
    if (error instanceof system.errors.NotFound) return undefined;
    return await attempt("open", path, () => Promise.reject(error));
  }
}

/** Lets a name of a snapshot stand for a content, by a relative link as Python makes it. */
export async function linkSnapshot(pointer: string, blob: string): Promise<void> {
  await makeDirectory(dirname(pointer));
  const temporary = `${pointer}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  await attempt("write", pointer, async () => {
    try {
      await system.symlink(relative(dirname(pointer), blob), temporary);
    } catch (error) {
      // Windows lets only some users make links.
      if (system.build.os !== "windows") throw error;
      await system.copyFile(blob, temporary);
    }
    await system.rename(temporary, pointer);
  });
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await system.readTextFile(path);
  } catch {
    return undefined;
  }
}

/** What only saves a request later is not worth failing for now. */
async function keepText(path: string, text: string): Promise<void> {
  try {
    await makeDirectory(dirname(path));
    await writeFileAtomic(path, [new TextEncoder().encode(text)]);
  } catch {
    return;
  }
}
