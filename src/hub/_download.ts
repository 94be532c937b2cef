/**
 * One file from the hub into the cache, whole or not at all.
 *
 * The client library accepts flipped bytes and half files, so that this is ours: bytes go to a temporary name while
 * they are hashed, and take their own name when size and hash are what the hub stated. A transfer that breaks goes
 * on where it broke, in a later process too. Processes wait for each other on the lock that Python uses; where a
 * file system has no locks, the hash still finds what two writers have mixed.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { dirname } from "node:path";
import { HubError } from "../errors.ts";
import { attempt, makeDirectory } from "../files.ts";
import { type CachedRepository, etagOf, type HubFile, sizeOf } from "./cache.ts";
import { described, type HubSubject } from "./names.ts";
import { bodyOf, type HubResponse, request } from "./request.ts";
import type { HubSettings } from "./settings.ts";
import { SEEK_START, system } from "../system/mod.ts";

/** A file to fetch. */
export interface Download {
  /** At the commit, so that what is behind it cannot change. */
  url: string;
  file: HubFile;
  subject: HubSubject;
}

const LOCK_POLL_MS = 100;
/** Transfers that break one after the other without a byte. */
const MAX_ATTEMPTS_WITHOUT_BYTES = 4;
const FIRST_PAUSE_MS = 250;

/**
 * Brings a file's content into the cache.
 *
 * @returns its path among the blobs.
 * @throws {HubError} when it cannot be had, or is not what the hub stated.
 * @throws {FileError} when it cannot be written.
 */
export async function downloadBlob(
  settings: HubSettings,
  cache: CachedRepository,
  download: Download,
): Promise<string> {
  const blob = cache.blob(download.file);
  if (await sizeOf(blob) === download.file.sizeBytes) return blob;
  await makeDirectory(dirname(blob));
  const lock = await lockFile(settings, cache.lock(download.file));
  try {
    // Another process may have finished it meanwhile.
    if (await sizeOf(blob) === download.file.sizeBytes) return blob;
    const partial = `${blob}.earshot.incomplete`;
    if (!await transfer(settings, partial, download)) {
      // What a broken process left behind may be at fault, or the way here: once more from the beginning.
      if (!await transfer(settings, partial, download)) throw damaged(settings, download);
    }
    await attempt("write", blob, () => system.rename(partial, blob));
    return blob;
  } finally {
    await lock[Symbol.asyncDispose]();
  }
}

/** Fills the temporary file; false, and it is gone, where it is not what the hub stated. */
async function transfer(
  settings: HubSettings,
  partial: string,
  download: Download,
): Promise<boolean> {
  try {
    const file = await attempt(
      "write",
      partial,
      () => system.open(partial, { read: true, write: true, create: true }),
    );
    try {
      const state = await begin(file, partial, download.file);
      await fill(settings, file, partial, state, download);
      await attempt("write", partial, () => file.sync());
      const hasSize = state.receivedBytes === download.file.sizeBytes;
      if (hasSize && state.hash.digest("hex") === etagOf(download.file)) return true;
    } finally {
      file.close();
    }
  } catch (error) {
    // What came over the network is worth keeping; after a full disk, its room is worth more.
    if (!(error instanceof HubError) && !settings.signal?.aborted) await remove(partial);
    throw error;
  }
  await remove(partial);
  return false;
}

interface Transfer {
  hash: Hash;
  receivedBytes: number;
  /** What the server called the body that broke. */
  etag?: string;
}

/** Takes up what an earlier process left, by hashing it again. */
async function begin(
  file: Deno.FsFile,
  path: string,
  { sizeBytes, sha256 }: HubFile,
): Promise<Transfer> {
  const state = fresh({ sizeBytes, sha256 });
  const { size } = await file.stat();
  if (size > sizeBytes) {
    await attempt("write", path, () => file.truncate(0));
    return state;
  }
  const buffer = new Uint8Array(2 ** 20);
  while (state.receivedBytes < size) {
    const count = await attempt("read", path, () => file.read(buffer));
    if (count === null) break;
    state.hash.update(buffer.subarray(0, count));
    state.receivedBytes += count;
  }
  return state;
}

function fresh({ sizeBytes, sha256 }: Pick<HubFile, "sizeBytes" | "sha256">): Transfer {
  return {
    hash: sha256 === undefined ? gitHash(sizeBytes) : createHash("sha256"),
    receivedBytes: 0,
  };
}

/** The hash that git knows a content by, before its bytes: git puts a header there. */
export function gitHash(sizeBytes: number): Hash {
  return createHash("sha1").update(`blob ${sizeBytes}\0`);
}

/**
 * Whether a file on the disk is what the hub stated.
 *
 * @throws {FileError} where it cannot be read.
 */
export async function holdsWhatWasStated(path: string, stated: HubFile): Promise<boolean> {
  const file = await attempt("read", path, () => system.open(path));
  try {
    const { hash, receivedBytes } = await begin(file, path, stated);
    return receivedBytes === stated.sizeBytes && hash.digest("hex") === etagOf(stated);
  } finally {
    file.close();
  }
}

/** Asks for what is missing until nothing is. */
async function fill(
  settings: HubSettings,
  file: Deno.FsFile,
  path: string,
  state: Transfer,
  download: Download,
): Promise<void> {
  const { sizeBytes } = download.file;
  let withoutBytes = 0;
  while (state.receivedBytes < sizeBytes) {
    const before = state.receivedBytes;
    try {
      const found = await askFor(settings, state, download);
      await startAt(found, file, path, state, download.file);
      await receive(settings, found, file, path, state, download);
      if (state.receivedBytes < sizeBytes) throw endedEarly(settings, state, download);
    } catch (error) {
      if (!(error instanceof HubError) || error.reason !== "unreachable") throw error;
      withoutBytes = state.receivedBytes > before ? 0 : withoutBytes + 1;
      if (withoutBytes >= MAX_ATTEMPTS_WITHOUT_BYTES) throw error;
      await settings.pause(FIRST_PAUSE_MS * 2 ** withoutBytes, settings.signal);
    }
  }
}

async function askFor(
  settings: HubSettings,
  { receivedBytes, etag }: Transfer,
  { url, subject }: Download,
): Promise<HubResponse> {
  const headers: Record<string, string> = { "Accept-Encoding": "identity" };
  if (receivedBytes > 0) headers.Range = `bytes=${receivedBytes}-`;
  // The storage's own number; the address names the commit, and the hash has the last word.
  if (receivedBytes > 0 && etag) headers["If-Range"] = etag;
  return await request(settings, url, subject, { headers });
}

/** Goes back to the beginning where the server sends all of it. */
async function startAt(
  { response }: HubResponse,
  file: Deno.FsFile,
  path: string,
  state: Transfer,
  about: HubFile,
): Promise<void> {
  const etag = response.headers.get("ETag") ?? "";
  state.etag = etag.startsWith('"') ? etag : undefined;
  const start = response.headers.get("Content-Range")?.match(/^bytes (\d+)-/)?.[1];
  if (response.status === 206 && Number(start) === state.receivedBytes) return;
  Object.assign(state, fresh(about));
  await attempt("write", path, async () => {
    await file.truncate(0);
    await file.seek(0, SEEK_START);
  });
}

async function receive(
  settings: HubSettings,
  found: HubResponse,
  file: Deno.FsFile,
  path: string,
  state: Transfer,
  { file: { sizeBytes }, subject }: Download,
): Promise<void> {
  for await (const part of bodyOf(settings, found)) {
    // One byte too many is enough to know.
    const wanted = part.subarray(0, sizeBytes + 1 - state.receivedBytes);
    await attempt("write", path, () => writeAll(file, wanted));
    state.hash.update(wanted);
    state.receivedBytes += wanted.length;
    settings.onProgress?.({
      repository: subject.id,
      file: subject.file ?? "",
      receivedBytes: Math.min(state.receivedBytes, sizeBytes),
      totalBytes: sizeBytes,
    });
    if (state.receivedBytes > sizeBytes) return;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += await file.write(bytes.subarray(written));
}

function endedEarly(
  { endpoint }: HubSettings,
  { receivedBytes }: Transfer,
  { file, subject }: Download,
): HubError {
  return new HubError(
    `Cannot download file "${file.path}" of ${described(subject)} from ${endpoint}: ` +
      `expected ${file.sizeBytes} bytes, found ${receivedBytes}`,
    {
      reason: "unreachable",
      repository: subject.id,
      file: file.path,
      hint: "Try again; what has arrived is kept",
    },
  );
}

function damaged({ endpoint }: HubSettings, { file, subject }: Download): HubError {
  const kind = file.sha256 === undefined ? "git hash" : "SHA-256";
  return new HubError(
    `Cannot download file "${file.path}" of ${described(subject)} from ${endpoint}: ` +
      `expected ${file.sizeBytes} bytes with ${kind} ${etagOf(file)}, found others twice`,
    {
      reason: "damaged",
      repository: subject.id,
      file: file.path,
      hint:
        "Something on the way changes the file, or the repository is damaged; nothing of it was kept",
    },
  );
}

async function remove(path: string): Promise<void> {
  await system.remove(path).catch(() => {});
}

/** Waits for another process that downloads the same content, where the file system has locks. */
async function lockFile(settings: HubSettings, path: string): Promise<AsyncDisposable> {
  await makeDirectory(dirname(path));
  const file = await attempt(
    "write",
    path,
    () => system.open(path, { read: true, write: true, create: true }),
  );
  try {
    while (!await tryLock(file)) await settings.pause(LOCK_POLL_MS, settings.signal);
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    [Symbol.asyncDispose]: () => {
      file.close();
      return Promise.resolve();
    },
  };
}

async function tryLock(file: Deno.FsFile): Promise<boolean> {
  try {
    return await file.tryLock(true);
  } catch {
    return true;
  }
}
