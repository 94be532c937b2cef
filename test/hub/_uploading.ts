/**
 * The half of the loopback hub that writes: repositories, large files and commits.
 *
 * @module
 */
import { Buffer } from "node:buffer";

import { commitOf, repositoryPath, revisionAndPath, writerOf } from "./_access.ts";
import type { HubState } from "./hub.ts";
import { json, Refusal } from "./_responses.ts";
import { isLargeFile, Repository, type RepositoryType, sha256Of } from "./store.ts";

/** Answers what changes the hub; undefined where the request is not of that kind. */
export async function uploadingRoute(
  state: HubState,
  request: Request,
): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  if (request.method === "GET" || request.method === "HEAD") return undefined;
  if (pathname === "/api/repos/create") return await createRepository(state, request);
  if (pathname === "/api/repos/delete") return await deleteRepository(state, request);
  if (pathname === "/api/validate-yaml") return json({ errors: [], warnings: [] });
  const lfs = pathname.match(/^\/(datasets\/)?(.+)\.git\/info\/lfs\/objects\/batch$/);
  if (lfs) {
    const path = [lfs[1] ? "datasets" : "models", ...lfs[2]!.split("/")];
    return await lfsBatch(state, request, repositoryPath(state, request, path).repository);
  }
  if (pathname.startsWith("/uploaded/")) return await finishUpload(state, request, pathname);
  return await writeToRepository(state, request, pathname);
}

async function writeToRepository(
  state: HubState,
  request: Request,
  pathname: string,
): Promise<Response | undefined> {
  const parts = pathname.slice(1).split("/").map(decodeURIComponent)
    .flatMap((part) => part.startsWith("refs/pr/") ? part.split("/") : [part]);
  const writes = ["preupload", "commit", "branch"].some((verb) => parts.includes(verb));
  if (parts[0] !== "api" || !writes) return undefined;
  const { repository, verb, rest } = repositoryPath(state, request, parts.slice(1));
  const [revision] = revisionAndPath(rest);
  const { name } = writerOf(state, request, repository.namespace);
  if (verb === "branch") {
    repository.refs.set(revision, commitOf(repository, "main").sha);
    return json({});
  }
  if (verb === "preupload") return await preupload(request, repository, revision);
  return await commit(state, request, repository, revision, name);
}

async function createRepository(state: HubState, request: Request): Promise<Response> {
  const body: {
    name: string;
    organization?: string;
    type?: RepositoryType;
    private?: boolean;
    visibility?: string;
  } = await request.json();
  const token = request.headers.get("Authorization")?.replace(/^Bearer /, "") ?? "";
  const owner = body.organization ?? state.users.get(token)?.name ?? "";
  writerOf(state, request, owner);
  const { type = "model" } = body;
  const id = `${owner}/${body.name}`;
  const key = `${type}s/${id}`;
  const url = `${state.url}/${type === "model" ? "" : "datasets/"}${id}`;
  if (state.repositories.has(key)) {
    const error = `You already created this ${type} repo: ${id}`;
    return Response.json({ error, url }, { status: 409 });
  }
  const isPrivate = body.private ?? body.visibility === "private";
  state.repositories.set(key, new Repository(id, { type, isPrivate }));
  return json({ url, id, name: id });
}

async function deleteRepository(state: HubState, request: Request): Promise<Response> {
  const body: { name: string; organization?: string; type?: string } = await request.json();
  const { type = "model", organization, name } = body;
  const id = organization ? `${organization}/${name}` : name;
  writerOf(state, request, id.split("/")[0]!);
  if (state.repositories.delete(`${type}s/${id}`)) return json({});
  throw new Refusal(404, "Repository not found", "RepoNotFound");
}

async function preupload(
  request: Request,
  repository: Repository,
  revision: string,
): Promise<Response> {
  const commit = commitOf(repository, revision);
  const { files }: { files: { path: string; size: number }[] } = await request.json();
  const modes = files.map(({ path, size }) => {
    const known = commit.files.get(path);
    const uploadMode = isLargeFile(path, size) ? "lfs" : "regular";
    return { path, uploadMode, shouldIgnore: false, oid: known?.sha256 ?? known?.oid };
  });
  return json({ files: modes, commitOid: commit.sha });
}

interface LfsObject {
  oid: string;
  size: number;
}

async function lfsBatch(
  state: HubState,
  request: Request,
  repository: Repository,
): Promise<Response> {
  writerOf(state, request, repository.namespace);
  const { objects }: { objects: LfsObject[] } = await request.json();
  return json({ transfer: "basic", objects: objects.map((each) => uploadActions(state, each)) });
}

/** Where an object goes to; nothing for one that is there. */
function uploadActions(state: HubState, { oid, size }: LfsObject): Record<string, unknown> {
  if (state.objects.has(oid)) return { oid, size };
  const verify = { href: `${state.url}/uploaded/${oid}/verify` };
  const to = `${state.storageUrl}/uploads/${oid}`;
  const { partBytes } = state.settings;
  if (size <= partBytes) {
    return { oid, size, actions: { upload: { href: `${to}?signature=of-the-address` }, verify } };
  }
  const header: Record<string, string> = { chunk_size: String(partBytes) };
  for (let part = 1; (part - 1) * partBytes < size; part++) {
    const number = String(part).padStart(5, "0");
    header[number] = `${to}/${number}?signature=of-the-address`;
  }
  const upload = { href: `${state.url}/uploaded/${oid}/complete`, header };
  return { oid, size, actions: { upload, verify } };
}

/** Puts parts together, or looks whether all of an object arrived. */
async function finishUpload(
  state: HubState,
  request: Request,
  pathname: string,
): Promise<Response> {
  const [, , oid = "", step] = pathname.split("/");
  const body: { parts?: { partNumber: number; etag: string }[]; size?: number } = await request
    .json();
  if (step === "verify") {
    if (state.objects.get(oid)?.length !== body.size) throw new Refusal(400, "Size mismatch");
    return json({});
  }
  const parts = (body.parts ?? []).map(({ partNumber, etag }) => {
    const bytes = state.parts.get(`${oid}/${String(partNumber).padStart(5, "0")}`);
    if (!bytes || etag !== `"${sha256Of(bytes)}"`) throw new Refusal(400, "InvalidPart");
    return bytes;
  });
  const whole = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  if (sha256Of(whole) !== oid) throw new Refusal(400, "BadDigest");
  state.objects.set(oid, whole);
  return json({});
}

interface CommitLine {
  key: "header" | "file" | "lfsFile" | "deletedFile" | "deletedFolder";
  value: {
    summary?: string;
    parentCommit?: string;
    path?: string;
    content?: string;
    encoding?: string;
    oid?: string;
  };
}

async function commit(
  state: HubState,
  request: Request,
  repository: Repository,
  revision: string,
  author: string,
): Promise<Response> {
  const text = await request.text();
  const lines: CommitLine[] = text.trim().split("\n").map((line) => JSON.parse(line));
  const files: Record<string, Uint8Array> = {};
  const removed: string[] = [];
  let title = "";
  for (const { key, value } of lines) {
    const path = value.path ?? "";
    if (key === "header") {
      title = value.summary ?? "";
      expectParent(repository, revision, value.parentCommit);
    } else if (key === "file") files[path] = Buffer.from(value.content ?? "", "base64");
    else if (key === "lfsFile") files[path] = uploadedObject(state, value.oid ?? "");
    else removed.push(path);
  }
  if (title === "") throw new Refusal(400, '"header.summary" is required');
  return json(committed(state, request, repository, { files, removed, title, author, revision }));
}

interface NewCommit {
  files: Record<string, Uint8Array>;
  removed: string[];
  title: string;
  author: string;
  revision: string;
}

function committed(
  state: HubState,
  request: Request,
  repository: Repository,
  { files, removed, title, author, revision }: NewCommit,
): Record<string, unknown> {
  const url = `${state.url}/${repository.type === "model" ? "" : "datasets/"}${repository.id}`;
  if (new URL(request.url).searchParams.get("create_pr") === "1") {
    const { num } = repository.openPullRequest(files, { title, author });
    const commitOid = repository.refs.get(`refs/pr/${num}`)!;
    const pullRequestUrl = `${url}/discussions/${num}`;
    const commitUrl = `${url}/commit/${commitOid}`;
    return { success: true, commitOid, commitUrl, pullRequestUrl, hookOutput: "" };
  }
  commitOf(repository, revision);
  const commitOid = repository.commit(files, { branch: revision, title, author, removed });
  return { success: true, commitOid, commitUrl: `${url}/commit/${commitOid}`, hookOutput: "" };
}

function expectParent(repository: Repository, revision: string, parent?: string): void {
  if (!parent || commitOf(repository, revision).sha === parent) return;
  throw new Refusal(412, "A commit has happened since. Please refresh and try again.");
}

function uploadedObject(state: HubState, oid: string): Uint8Array {
  const bytes = state.objects.get(oid);
  if (!bytes) throw new Refusal(400, `LFS pointer pointed to a file that does not exist: ${oid}`);
  return bytes;
}
