/**
 * The names of the hub: ids of repositories, revisions, and files, which are untrusted and become paths.
 *
 * @module
 */
import { HubError } from "../errors.ts";

/** What a repository holds. */
export type HubRepositoryType = "model" | "dataset";

/** What a request is about, for its messages. */
export interface HubSubject {
  type: HubRepositoryType;
  id: string;
  revision?: string;
  file?: string;
  /** What it is called in place of its kind and id. */
  called?: string;
  /** What is done to it. @default "read" */
  verb?: "read" | "write";
}

/** A name of a model on the command line and in `fromPretrained`: `org/name` or `org/name@revision`. */
export interface HubName {
  /** `org/name`. */
  id: string;
  /** Absent where the name has none. */
  revision?: string;
}

/**
 * Takes `org/name@revision` apart; undefined for what cannot be on the hub.
 *
 * @example
 * ```ts
 * import { parseHubName } from "./names.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseHubName("acme/tiny@v1"), { id: "acme/tiny", revision: "v1" });
 * assert.equal(parseHubName("./models/tiny"), undefined);
 * ```
 */
export function parseHubName(name: string): HubName | undefined {
  const [, id = "", revision] = name.match(/^([^/@]+\/[^/@]+)(?:@(.+))?$/) ?? [];
  if (!isRepositoryId(id) || revision !== undefined && !isPlainPath(revision)) return undefined;
  return revision === undefined ? { id } : { id, revision };
}

/** @throws {HubError} when no repository can have that id. */
export function expectRepositoryId(id: string, type: HubRepositoryType): void {
  if (isRepositoryId(id)) return;
  throw new HubError(`Cannot use ${type} "${id}": expected an id like "org/name"`, {
    reason: "name",
    repository: id,
  });
}

/** @throws {HubError} when the name would lead out of the folder of revisions. */
export function expectRevision(revision: string, subject: HubSubject): void {
  if (isPlainPath(revision)) return;
  throw new HubError(
    `Cannot use revision "${revision}" of ${
      described(subject)
    }: expected a branch, a tag or a commit`,
    { reason: "name", repository: subject.id },
  );
}

/** @throws {HubError} when the name would lead out of the folder of the repository. */
export function expectFileName(file: string, subject: HubSubject): void {
  if (isPlainPath(file)) return;
  throw new HubError(
    `Cannot use file "${file}" of ${described(subject)}: expected a name inside the repository`,
    { reason: "name", repository: subject.id, file },
  );
}

/** `model "acme/tiny"`, as messages call it. */
export function described({ type, id, called }: HubSubject): string {
  return called ?? `${type === "dataset" ? "data set" : "model"} "${id}"`;
}

/** The page of a repository on the hub. */
export function pageUrl(endpoint: string, { type, id }: Pick<HubSubject, "type" | "id">): string {
  return `${endpoint}/${type === "dataset" ? "datasets/" : ""}${id}`;
}

/** Where the hub gives the bytes of a file. */
export function fileUrl(
  { endpoint }: { endpoint: string },
  { revision, file, ...repository }: Required<
    Pick<HubSubject, "type" | "id" | "revision" | "file">
  >,
): string {
  const path = file.split("/").map(encodeURIComponent).join("/");
  return `${pageUrl(endpoint, repository)}/resolve/${revision}/${path}`;
}

/** As the hub has them, `--` standing for the slash in folder names. */
function isRepositoryId(id: string): boolean {
  return /^([\w][\w.-]*\/)?[\w][\w.-]*$/.test(id) && !/--|\.\.|\.git$/.test(id);
}

/** Whether a path stays below the folder that it is put into, on Windows too. */
function isPlainPath(path: string): boolean {
  // deno-lint-ignore no-control-regex
  const isClean = !/[\\\x00-\x1f]|^[a-z]:/i.test(path);
  return isClean && path.split("/").every((part) => !["", ".", ".."].includes(part));
}
