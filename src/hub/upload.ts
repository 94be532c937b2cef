/**
 * Files into a model repository, as one commit or not at all.
 *
 * The commit is made by the client library `@huggingface/hub`: small files in it, large ones before it through LFS.
 * Around it is what the library lacks: only what differs is sent, retries, a token that stays with the hub, a head
 * that must be the one that was looked at, and a look at what the hub holds in the end. Large files that have arrived
 * are known by their hash, and not sent again when a failed push is repeated. Xet is not used: its deduplication
 * would save little here, and it cannot be tested on loopback.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { HubError } from "../errors.ts";
import { type HubAccount, hubAccount, noToken } from "./account.ts";
import { type HubFile, isCommit } from "./cache.ts";
import { gitHash } from "./_download.ts";
import { described, expectRepositoryId, type HubSubject, pageUrl } from "./names.ts";
import { unexpectedAnswer } from "./_refusals.ts";
import { hubFiles, type HubRepository } from "./repository.ts";
import { clientFetch, understood } from "./request.ts";
import { type HubOptions, type HubSettings, hubSettings } from "./settings.ts";
import { type HubUploadProgress, uploadFetch } from "./upload_fetch.ts";

/** A file to push. */
export interface HubUpload {
  /** Its name in the repository, with `/` between folders. */
  readonly path: string;
  /** What is in it; see {@linkcode fileBlob} for one on this disk. */
  readonly content: Blob;
}

/** Where to, and how the hub is reached. */
export interface HubBranchOptions extends Omit<HubOptions, "onProgress"> {
  /** Whether a repository that has to be made is private. @default what its owner chose on the hub */
  private?: boolean;
  /** A branch, which is made where it is missing, or `refs/pr/1`. @default "main" */
  revision?: string;
}

/** What a push is called, and who watches it. */
export interface HubPushOptions {
  /** Title of the commit. @default "Upload model" */
  message?: string;
  /** Called for each part of a large file that has gone. */
  onUpload?: (progress: HubUploadProgress) => void;
}

/** What a push came to. */
export interface HubCommit {
  /** `org/name`. */
  readonly id: string;
  /** The commit that holds the files; the one before where nothing differed. */
  readonly commit: string;
  /** The repository's page. */
  readonly url: string;
  /** Whether the repository was made for it. */
  readonly created: boolean;
  /** Names of the files in the commit. */
  readonly sent: readonly string[];
  /** Names of the files that the hub had already. */
  readonly unchanged: readonly string[];
}

/** A branch of a repository that may be written. */
export interface HubBranch {
  /** `org/name`. */
  readonly id: string;
  /** The branch as it was when it was looked at. */
  readonly head: HubRepository;
  /** Whether the repository was made for it. */
  readonly created: boolean;
  /**
   * Puts files into the branch, in one commit on top of `head`.
   *
   * @throws {HubError} when another commit came between, or the hub does not take them; the branch is as before then.
   * @throws {FileError} when a file cannot be read.
   */
  push(files: readonly HubUpload[], options?: HubPushOptions): Promise<HubCommit>;
}

/** Storage may take its time with a large file before it answers. */
const TIMEOUT_SEC = 120;

/**
 * Finds the branch to push to, and makes repository and branch where they are missing.
 *
 * @param repo `org/name`; or `name`, for one of the token's owner.
 * @param options branch, visibility, token.
 * @throws {HubError} when there is no token, it may not write there, or the repository is public and must not be.
 *
 * @example
 * ```ts
 * import { hubBranch } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * // With a token it gives a branch: `await branch.push([{ path: "notes.txt", content: new Blob(["…"]) }])`.
 * await rejects(hubBranch("me/my-model", { token: false, private: true }), /expected a token/);
 * ```
 */
export async function hubBranch(repo: string, options: HubBranchOptions = {}): Promise<HubBranch> {
  const settings = await hubSettings({ timeoutSec: TIMEOUT_SEC, ...options });
  if (settings.token === undefined) throw noToken();
  const account = await hubAccount(options);
  const id = repo.includes("/") ? repo : `${account.name}/${repo}`;
  expectRepositoryId(id, "model");
  const subject: Subject = { type: "model", id, verb: "write" };
  expectWriter(account, subject);
  const { revision = "main" } = options;
  const found = await findHead(settings, subject, { ...options, revision });
  return { id, ...found, push: (files, how) => push({ settings, subject, ...found }, files, how) };
}

type Subject = HubSubject & { verb: "write" };

/** The token says what it may do, and the hub only when it is too late: after a training, for one. */
function expectWriter({ name, role, organizations }: HubAccount, subject: Subject): void {
  const [namespace = ""] = subject.id.split("/");
  const facts = { reason: "forbidden", repository: subject.id } as const;
  if (role === "read") {
    throw new HubError(
      `Cannot write ${
        described(subject)
      }: expected a token that may write, found one that may read`,
      { ...facts, hint: "Make another on the page of settings/tokens, and log in with it" },
    );
  }
  if (namespace === name || organizations.includes(namespace) || role === "fineGrained") return;
  throw new HubError(
    `Cannot write ${described(subject)}: expected a name under ` +
      `${[name, ...organizations].map((each) => `"${each}"`).join(", ")}, found "${namespace}"`,
    { ...facts, hint: "The token is of another account, or its owner is not in that organization" },
  );
}

type Found = Pick<HubBranch, "head" | "created">;

async function findHead(
  settings: HubSettings,
  subject: Subject,
  options: HubBranchOptions & { revision: string },
): Promise<Found> {
  const head = await existing(subject, options);
  if (typeof head !== "string") {
    if (options.private) await expectPrivate(settings, subject);
    return { head, created: false };
  }
  if (head === "repository") await createRepository(settings, subject, options.private);
  if (options.revision !== "main") await createBranch(settings, subject, options.revision);
  return { head: await hubFiles(subject.id, options), created: head === "repository" };
}

/** The branch, or which part of it is missing. */
async function existing(
  { id }: Subject,
  options: HubBranchOptions,
): Promise<HubRepository | "repository" | "revision"> {
  try {
    return await hubFiles(id, options);
  } catch (error) {
    const { reason } = error as HubError;
    if (reason === "repository") return reason;
    if (reason === "revision" && !options.revision?.startsWith("refs/")) return reason;
    throw error;
  }
}

/** The fetch puts the token in; the library only wants to see one. */
const NO_TOKEN = "hf_";

async function createRepository(
  settings: HubSettings,
  subject: Subject,
  isPrivate: boolean | undefined,
): Promise<void> {
  const { createRepo } = await import("@huggingface/hub");
  try {
    await createRepo({
      repo: { type: "model", name: subject.id },
      visibility: isPrivate === undefined ? undefined : isPrivate ? "private" : "public",
      accessToken: NO_TOKEN,
      hubUrl: settings.endpoint,
      fetch: clientFetch(settings, subject),
    });
  } catch (error) {
    // Made by an attempt whose answer got lost, or by another process.
    if (error instanceof HubError && error.status === 409) return;
    throw error;
  }
}

async function createBranch(
  settings: HubSettings,
  subject: Subject,
  branch: string,
): Promise<void> {
  const { createBranch } = await import("@huggingface/hub");
  await createBranch({
    repo: { type: "model", name: subject.id },
    branch,
    overwrite: true,
    hubUrl: settings.endpoint,
    fetch: clientFetch(settings, { ...subject, revision: branch }),
  });
}

async function expectPrivate(settings: HubSettings, subject: Subject): Promise<void> {
  const { modelInfo } = await import("@huggingface/hub");
  const { private: isPrivate } = await understood(settings, subject, () =>
    modelInfo({
      name: subject.id,
      revision: "main",
      hubUrl: settings.endpoint,
      fetch: clientFetch(settings, subject),
    }));
  if (isPrivate) return;
  throw new HubError(
    `Cannot write ${described(subject)}: expected a private repository, found a public one`,
    {
      reason: "refused",
      repository: subject.id,
      hint: "Make it private in its settings on the hub, or push without asking for a private one",
    },
  );
}

interface Target extends Found {
  settings: HubSettings;
  subject: Subject;
}

async function push(
  target: Target,
  files: readonly HubUpload[],
  options: HubPushOptions = {},
): Promise<HubCommit> {
  const { settings, subject, head, created } = target;
  const local = await Promise.all(
    files.map(async (file) => ({ file, hashes: await hashesOf(file) })),
  );
  const held = new Map(head.files.map((file) => [file.path, file]));
  const changed = local.filter(({ hashes }) => !isSame(held.get(hashes.path), hashes));
  const names = changed.map(({ file }) => file.path);
  const result = {
    id: subject.id,
    url: pageUrl(settings.endpoint, subject),
    created,
    sent: names,
    unchanged: files.map(({ path }) => path).filter((path) => !names.includes(path)),
  };
  if (changed.length === 0) return { ...result, commit: head.commit };
  const hashes = changed.map((each) => each.hashes);
  const commit = await commitFiles(target, changed.map(({ file }) => file), hashes, options);
  return { ...result, commit };
}

/** A file by both of its names: which one counts, LFS' or git's, is up to the hub. */
type FileHashes = Required<HubFile>;

async function hashesOf({ path, content }: HubUpload): Promise<FileHashes> {
  const sha256 = createHash("sha256");
  const git = gitHash(content.size);
  for await (const part of content.stream()) {
    sha256.update(part);
    git.update(part);
  }
  const sizeBytes = content.size;
  return { path, sizeBytes, sha256: sha256.digest("hex"), gitSha1: git.digest("hex") };
}

function isSame(held: HubFile | undefined, local: FileHashes): boolean {
  if (held?.sizeBytes !== local.sizeBytes) return false;
  return held.sha256 === undefined ? held.gitSha1 === local.gitSha1 : held.sha256 === local.sha256;
}

async function commitFiles(
  target: Target,
  files: readonly HubUpload[],
  hashes: readonly FileHashes[],
  { message = "Upload model", onUpload }: HubPushOptions,
): Promise<string> {
  const { settings, subject, head } = target;
  const { commitIter } = await import("@huggingface/hub");
  const steps = commitIter({
    title: message,
    repo: { type: "model", name: subject.id },
    operations: files.map(({ path, content }) => ({ operation: "addOrUpdate", path, content })),
    branch: head.revision,
    parentCommit: head.commit,
    hubUrl: settings.endpoint,
    useXet: false,
    fetch: uploadFetch(settings, subject, files, onUpload),
  });
  let isCommitting = false;
  try {
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return await expectArrived(target, value?.commit.oid, hashes);
      isCommitting ||= value.event === "phase" && value.phase === "committing";
    }
  } catch (error) {
    const commit = isCommitting ? await commitOfLostAnswer(target, hashes) : undefined;
    if (commit !== undefined) return commit;
    if (error instanceof TypeError) throw unexpectedAnswer(settings, subject, { cause: error });
    throw error instanceof HubError && error.status === 412 ? outrun(target, error) : error;
  }
}

/** What the hub lists under the new commit has to be what was sent. */
async function expectArrived(
  { settings, subject }: Target,
  commit: string | undefined,
  hashes: readonly FileHashes[],
): Promise<string> {
  if (commit !== undefined && isCommit(commit)) {
    const { files } = await hubFiles(subject.id, { ...clientOptions(settings), revision: commit });
    const wrong = wrongFile(files, hashes);
    if (wrong === undefined) return commit;
    throw new HubError(
      `Cannot vouch for file "${wrong}" of ${described(subject)}: ` +
        "expected what was sent on the hub, found something else",
      { reason: "damaged", repository: subject.id, file: wrong, hint: "Push it once more" },
    );
  }
  throw new HubError(`Cannot write ${described(subject)}: expected a commit, found none`, {
    reason: "refused",
    repository: subject.id,
    hint: "Check HF_ENDPOINT",
  });
}

/** The commit of a push whose answer got lost; undefined where there is none. */
async function commitOfLostAnswer(
  { settings, subject, head }: Target,
  hashes: readonly FileHashes[],
): Promise<string | undefined> {
  const options = { ...clientOptions(settings), revision: head.revision };
  const now = await hubFiles(subject.id, options).catch(() => undefined);
  if (!now || now.commit === head.commit || wrongFile(now.files, hashes)) return undefined;
  return now.commit;
}

function wrongFile(files: readonly HubFile[], hashes: readonly FileHashes[]): string | undefined {
  const held = new Map(files.map((file) => [file.path, file]));
  return hashes.find((local) => !isSame(held.get(local.path), local))?.path;
}

function clientOptions(
  { endpoint, token, cacheDirectory, fetch, signal, timeoutSec }: HubSettings,
): HubOptions {
  return { endpoint, token, cacheDirectory, fetch, signal, timeoutSec };
}

function outrun({ subject, head }: Target, cause: HubError): HubError {
  return new HubError(
    `Cannot write ${described(subject)}: expected "${head.revision}" at ${head.commit}, ` +
      "found a commit that came between",
    {
      reason: "refused",
      repository: subject.id,
      status: cause.status,
      cause,
      hint: "Push again: what is there now will be looked at first",
    },
  );
}
