/**
 * The files of a model or data-set repository: what there is, and each on this disk when it is asked for.
 *
 * The description and the listing come through the client library `@huggingface/hub`; what it lacks (verified and
 * resumed downloads, retries, the token's safety, the errors of the hub) is here and in the files beside.
 *
 * @module
 */
import { HubError } from "../errors.ts";
import { fileSource } from "../files.ts";
import type { ByteSource, FileReader } from "../weights/byte_source.ts";
import {
  cachedCommit,
  type CachedRepository,
  cachedRepository,
  cachedTree,
  type HubFile,
  hubFile,
  isCommit,
  keepCommit,
  keepTree,
  linkSnapshot,
  sizeOf,
  snapshotFiles,
} from "./cache.ts";
import { downloadBlob, holdsWhatWasStated } from "./_download.ts";
import {
  described,
  expectFileName,
  expectRepositoryId,
  expectRevision,
  fileUrl,
  type HubRepositoryType,
  type HubSubject,
} from "./names.ts";
import { unexpectedAnswer } from "./_refusals.ts";
import { clientFetch, understood } from "./request.ts";
import { type HubOptions, type HubSettings, hubSettings } from "./settings.ts";
import { system } from "../system/mod.ts";

/** Which repository, and how it is reached. */
export interface HubFilesOptions extends HubOptions {
  /** What the repository holds; both kinds may have one of the same id. @default "model" */
  type?: HubRepositoryType;
  /** A branch, a tag, a commit or `refs/pr/1`. @default "main" */
  revision?: string;
}

/** One commit of a repository. */
export interface HubRepository extends FileReader {
  /** `org/name`. */
  readonly id: string;
  /** What it holds. */
  readonly type: HubRepositoryType;
  /** What was asked for. */
  readonly revision: string;
  /** The commit that it stood for, whose files these are. */
  readonly commit: string;
  /** All files, in the hub's order; offline and never listed, those in the cache. */
  readonly files: readonly HubFile[];
  /** What error messages call it. */
  readonly name: string;
  /**
   * The path of a file on this disk, downloaded and verified if it is not there yet.
   *
   * @throws {HubError} when there is no such file, or it cannot be had.
   */
  path(name: string): Promise<string>;
  /** The open file, which the caller closes, or undefined where the repository has none of that name. */
  open(name: string): Promise<ByteSource | undefined>;
}

/**
 * Looks a repository up; files come when they are asked for.
 *
 * Where nothing answers, the commit that the cache knows is taken.
 *
 * @param repo its id, `org/name`.
 * @param options its kind and revision, the token, the cache.
 * @throws {HubError} when there is no such repository or revision, it may not be read, or nothing answers and the
 * cache does not hold it.
 *
 * @example
 * ```ts
 * import { hubFiles } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * const cache = { offline: true, cacheDirectory: await Deno.makeTempDir() };
 * // Online, or once it is in the cache: `(await files).path("README.md")` is the path of a verified copy.
 * const files = hubFiles("PolyAI/minds14", { type: "dataset", ...cache });
 * await rejects(files, { name: "HubError", reason: "offline" });
 * ```
 */
export async function hubFiles(
  repo: string,
  options: HubFilesOptions = {},
): Promise<HubRepository> {
  const { type = "model", revision = "main" } = options;
  expectRepositoryId(repo, type);
  const subject = { type, id: repo, revision };
  expectRevision(revision, subject);
  const settings = await hubSettings(options);
  const cache = cachedRepository(settings.cacheDirectory, type, repo);
  const commit = await findCommit(settings, cache, subject);
  const found = await findFiles(settings, cache, { ...subject, revision: commit });
  return openRepository({ settings, cache, subject, commit, ...found });
}

/** A repository at a revision. */
type RevisionSubject = Required<Pick<HubSubject, "type" | "id" | "revision">>;

/** Where the cache has an answer, a hub that does not give one is not waited for. */
const FEW_RETRIES = 1;

/** Asks which commit a revision stands for; where nothing answers, what the cache knows has to do. */
async function findCommit(
  settings: HubSettings,
  cache: CachedRepository,
  subject: RevisionSubject,
): Promise<string> {
  const { revision } = subject;
  const known = await cachedCommit(cache, revision);
  if (isCommit(revision) && await cachedTree(cache, revision)) return revision;
  if (settings.isOffline) {
    if (known) return known;
    throw notCached(subject, `revision "${revision}"`, cache.folder);
  }
  try {
    const commit = await askCommit(settings, subject, known ? FEW_RETRIES : undefined);
    await keepCommit(cache, revision, commit);
    return commit;
  } catch (error) {
    if (known && isDown(error)) return known;
    throw error;
  }
}

/** Whether the hub gave no answer, of which the cache may have one. */
function isDown(error: unknown): boolean {
  return error instanceof HubError && ["unreachable", "busy"].includes(error.reason);
}

async function askCommit(
  settings: HubSettings,
  subject: RevisionSubject,
  retries?: number,
): Promise<string> {
  const { modelInfo, datasetInfo } = await import("@huggingface/hub");
  const about: Parameters<typeof modelInfo<"sha">>[0] & Parameters<typeof datasetInfo<"sha">>[0] = {
    name: subject.id,
    revision: subject.revision,
    additionalFields: ["sha"],
    hubUrl: settings.endpoint,
    fetch: clientFetch(settings, subject, retries),
  };
  const { sha } = await understood<{ sha?: unknown }>(
    settings,
    subject,
    () => subject.type === "model" ? modelInfo(about) : datasetInfo(about),
  );
  if (typeof sha === "string" && isCommit(sha)) return sha;
  throw unexpectedAnswer(settings, subject);
}

/** The files of a commit, and whether these are all that it has. */
interface FoundFiles {
  files: readonly HubFile[];
  isWhole: boolean;
}

async function findFiles(
  settings: HubSettings,
  cache: CachedRepository,
  subject: RevisionSubject,
): Promise<FoundFiles> {
  const known = await cachedTree(cache, subject.revision);
  if (known) return { files: known, isWhole: true };
  const snapshot = async () => {
    return { files: await snapshotFiles(cache, subject.revision), isWhole: false };
  };
  if (settings.isOffline) return await snapshot();
  try {
    const files = await understood(settings, subject, () => listedFiles(settings, subject));
    await keepTree(cache, subject.revision, files);
    return { files, isWhole: true };
  } catch (error) {
    const held = isDown(error) ? await snapshot() : undefined;
    if (held && held.files.length > 0) return held;
    throw error;
  }
}

/** Files of a repository; one of the hub has at most a tenth of them. */
const MAX_FILES = 1_000_000;
/** Pages of a listing, each of which names the next. */
const MAX_PAGES = 2_000;

async function listedFiles(settings: HubSettings, subject: RevisionSubject): Promise<HubFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const files: HubFile[] = [];
  const entries = listFiles({
    repo: { type: subject.type, name: subject.id },
    revision: subject.revision,
    recursive: true,
    hubUrl: settings.endpoint,
    fetch: pagesFetch(settings, subject),
  });
  for await (const { type, path, size, oid = "", lfs } of entries) {
    if (type !== "file") continue;
    if (files.length === MAX_FILES) throw endless(settings, subject, `${MAX_FILES} files`);
    files.push(hubFile({ path, sizeBytes: lfs?.size ?? size, sha256: lfs?.oid, gitSha1: oid }));
  }
  return files;
}

/** A listing's pages: each but once, on the hub itself, and not without end. */
function pagesFetch(settings: HubSettings, subject: RevisionSubject): typeof fetch {
  const fetchPage = clientFetch(settings, subject);
  const { origin } = new URL(settings.endpoint);
  const seen = new Set<string>();
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (seen.has(url) || seen.size === MAX_PAGES) {
      throw endless(settings, subject, seen.has(url) ? "pages in a circle" : `${MAX_PAGES} pages`);
    }
    if (new URL(url).origin !== origin) throw unexpectedAnswer(settings, subject);
    seen.add(url);
    return await fetchPage(input, init as RequestInit & { body?: null });
  };
}

function endless(settings: HubSettings, subject: RevisionSubject, found: string): HubError {
  return unexpectedAnswer(settings, subject, { found: `a list of files without end (${found})` });
}

interface Opened extends FoundFiles {
  settings: HubSettings;
  cache: CachedRepository;
  subject: RevisionSubject;
  commit: string;
}

function openRepository(opened: Opened): HubRepository {
  const { subject, commit, files } = opened;
  const { id, type, revision } = subject;
  const shown = revision === "main" ? id : `${id}@${revision}`;
  const byName = new Map(files.map((file) => [file.path, file]));
  const path = async (name: string): Promise<string> => {
    expectFileName(name, subject);
    const file = byName.get(name);
    if (file) return await fetchFile(opened, file);
    const mayBeThere = !opened.isWhole && opened.settings.isOffline;
    if (!mayBeThere) throw noSuchFile(opened, name);
    throw notCached(subject, `file "${name}"`, opened.cache.snapshot(commit, name));
  };
  return {
    id,
    type,
    revision,
    commit,
    files,
    name: shown,
    path,
    open: async (name) => {
      expectFileName(name, subject);
      if (!byName.has(name)) return undefined;
      return { ...await fileSource(await path(name)), name: `${shown}/${name}` };
    },
  };
}

/** The path in the snapshot; what lies there with another size is not the file. */
async function fetchFile(opened: Opened, file: HubFile): Promise<string> {
  const { settings, cache, subject, commit } = opened;
  const pointer = cache.snapshot(commit, file.path);
  const isThere = await sizeOf(pointer) === file.sizeBytes;
  if (
    isThere && (!settings.verifies || file.gitSha1 === "" ||
      await holdsWhatWasStated(pointer, file))
  ) return pointer;
  if (isThere) {
    settings.onDamaged?.(file.path);
    await system.remove(cache.blob(file)).catch(() => {});
    // Where there are no links, the name in the snapshot is a copy.
    await system.remove(pointer).catch(() => {});
  }
  if (settings.isOffline || file.gitSha1 === "") {
    throw notCached(subject, `file "${file.path}"`, pointer);
  }
  const about = { ...subject, revision: commit, file: file.path };
  const url = fileUrl(settings, about);
  const blob = await downloadBlob(settings, cache, { url, file, subject: about });
  await linkSnapshot(pointer, blob);
  return pointer;
}

function noSuchFile({ subject, files, commit }: Opened, file: string): HubError {
  return new HubError(
    `Cannot find file "${file}" of ${described(subject)}: expected it at revision ` +
      `"${subject.revision}", found ${files.length} other files`,
    { reason: "file", repository: subject.id, file, hint: `The commit is ${commit}` },
  );
}

function notCached(subject: HubSubject, what: string, place: string): HubError {
  return new HubError(
    `Cannot open ${what} of ${described(subject)} offline: expected it in the cache, ` +
      `found nothing at "${place}"`,
    {
      reason: "offline",
      repository: subject.id,
      hint: "Download it once without HF_HUB_OFFLINE and the option offline",
    },
  );
}
