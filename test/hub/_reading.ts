/**
 * The half of the loopback hub that reads: descriptions, listings, files, discussions.
 *
 * @module
 */
import {
  commitOf,
  expectAccess,
  type RepositoryPath,
  repositoryPath,
  revisionAndPath,
  userOf,
} from "./_access.ts";
import type { HubState } from "./hub.ts";
import { fileResponse, json, Refusal } from "./_responses.ts";
import { type Commit, lfsPointer, type Repository, type StoredFile } from "./store.ts";

/** When everything here was done. */
const DATE = "2026-01-02T03:04:05.000Z";

/** Answers what the hub is asked without changing it. */
export async function readingRoute(state: HubState, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const parts = url.pathname.slice(1).split("/").map(decodeURIComponent)
    .flatMap((part) => /^refs\/(pr|convert)\//.test(part) ? part.split("/") : [part]);
  if (url.pathname === "/api/whoami-v2") return whoAmI(state, request);
  if (parts[0] === "api" && parts[1] === "resolve-cache") {
    const [, , type, owner, name, sha, ...path] = parts;
    const found = repositoryPath(state, request, [type!, owner!, name!, "resolve"]);
    return smallFile(state, request, found.repository, sha!, path.join("/"));
  }
  if (parts[0] === "api") {
    return await describe(state, request, repositoryPath(state, request, parts.slice(1)));
  }
  const path = parts[0] === "datasets" ? parts : ["models", ...parts];
  const found = repositoryPath(state, request, path);
  if (found.verb === "resolve") return resolveFile(state, request, found);
  throw new Refusal(404, "Sorry, we can't find the page you are looking for.");
}

function whoAmI(state: HubState, request: Request): Response {
  const user = userOf(state, request);
  if (!user) throw new Refusal(401, "Invalid username or password.");
  const accessToken = { displayName: "test", role: user.role, createdAt: DATE };
  return json({
    type: "user",
    id: `id-${user.name}`,
    name: user.name,
    fullname: user.name,
    email: `${user.name}@example.org`,
    emailVerified: true,
    canPay: false,
    isPro: false,
    orgs: [],
    auth: { type: "access_token", accessToken },
  });
}

async function describe(
  state: HubState,
  request: Request,
  { repository, verb, rest }: RepositoryPath,
): Promise<Response> {
  const [revision, path] = revisionAndPath(rest);
  switch (verb) {
    case "":
      return json(information(repository, commitOf(repository, "main")));
    case "revision":
      return json(information(repository, commitOf(repository, revision)));
    case "tree":
      return listing(state, request, commitOf(repository, revision), path);
    case "paths-info":
      return await pathsInfo(request, commitOf(repository, revision));
    case "commits":
      return json(history(repository, commitOf(repository, revision)));
    case "refs":
      return json(references(repository));
    case "discussions":
      return json(discussions(repository));
    case "parquet":
      return json(convertedFiles(state, repository));
    default:
      throw new Refusal(404, "Sorry, we can't find the page you are looking for.");
  }
}

function information(repository: Repository, commit: Commit): Record<string, unknown> {
  return {
    _id: `id-${repository.id}`,
    id: repository.id,
    ...(repository.type === "model" && { modelId: repository.id }),
    author: repository.namespace,
    sha: commit.sha,
    private: repository.isPrivate,
    gated: repository.gatedFor ? "manual" : false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
    createdAt: DATE,
    lastModified: DATE,
    siblings: [...commit.files.keys()].map((rfilename) => ({ rfilename })),
  };
}

type Entry = Record<string, unknown> & { path: string };

function fileEntry(path: string, file: StoredFile): Entry {
  const size = file.bytes.length;
  const pointerSize = file.sha256 && lfsPointer(file.sha256, size).length;
  const lfs = file.sha256 && { oid: file.sha256, size, pointerSize };
  return { type: "file", oid: file.oid, size, path, ...(lfs && { lfs }) };
}

/** Folders above files, each once. */
function treeEntries(commit: Commit): Entry[] {
  const folders = new Set<string>();
  for (const name of commit.files.keys()) {
    const parts = name.split("/");
    for (let i = 1; i < parts.length; i++) folders.add(parts.slice(0, i).join("/"));
  }
  const oid = commit.sha;
  return [
    ...Array.from(folders, (path) => ({ type: "directory", oid, size: 0, path })),
    ...Array.from(commit.files, ([path, file]) => fileEntry(path, file)),
  ];
}

function listing(state: HubState, request: Request, commit: Commit, folder: string): Response {
  const url = new URL(request.url);
  const isDeep = /^(true|1)$/i.test(url.searchParams.get("recursive") ?? "");
  const prefix = folder === "" ? "" : `${folder}/`;
  const entries = treeEntries(commit).filter(({ path }) =>
    path.startsWith(prefix) && (isDeep || !path.slice(prefix.length).includes("/"))
  );
  if (entries.length === 0 && folder !== "") throw entryNotFound(commit, folder);
  const { pageEntries } = state.settings;
  const start = Number(url.searchParams.get("cursor") ?? 0);
  const next = start + pageEntries;
  if (next >= entries.length) return json(entries.slice(start));
  url.searchParams.set("cursor", String(next));
  const link = `<${state.url}${url.pathname}${url.search}>; rel="next"`;
  return json(entries.slice(start, next), { Link: link });
}

/** Python sends a form, JavaScript sends JSON. */
async function pathsInfo(request: Request, commit: Commit): Promise<Response> {
  const isJson = request.headers.get("Content-Type")?.includes("json");
  const paths: string[] = isJson
    ? (await request.json()).paths
    : new URLSearchParams(await request.text()).getAll("paths");
  const lastCommit = { id: commit.sha, title: commit.title, date: DATE };
  return json(
    treeEntries(commit).filter(({ path }) => paths.includes(path))
      .map((entry) => ({ ...entry, lastCommit })),
  );
}

function history(repository: Repository, commit: Commit): unknown[] {
  const list: Commit[] = [];
  for (let next: Commit | undefined = commit; next;) {
    list.push(next);
    next = repository.commits.get(next.parents[0] ?? "");
  }
  return list.map(({ sha, title, author }) => ({
    id: sha,
    title,
    message: "",
    date: DATE,
    authors: [{ user: author, avatar: "" }],
  }));
}

function references(repository: Repository): Record<string, unknown[]> {
  const refs = Array.from(repository.refs, ([name, targetCommit]) => ({
    name,
    ref: name.startsWith("refs/") ? name : `refs/heads/${name}`,
    targetCommit,
  }));
  const under = (prefix: string) => refs.filter(({ ref }) => ref.startsWith(prefix));
  return {
    branches: under("refs/heads/"),
    converts: under("refs/convert/").map((each) => ({ ...each, name: each.name.slice(13) })),
    pullRequests: under("refs/pr/"),
    tags: [],
  };
}

function discussions(repository: Repository): Record<string, unknown> {
  const list = repository.discussions.map(({ author, ...discussion }) => ({
    ...discussion,
    author: { name: author, type: "user" },
    createdAt: DATE,
    repo: { name: repository.id, type: repository.type },
  }));
  return { discussions: list, count: list.length, start: 0 };
}

/** Addresses of converted files by configuration and split: `default/train/0000.parquet`. */
function convertedFiles(state: HubState, repository: Repository): unknown {
  const commit = commitOf(repository, "refs/convert/parquet");
  const byConfig: Record<string, Record<string, string[]>> = {};
  for (const path of commit.files.keys()) {
    const [config, split] = path.split("/");
    if (!config || !split || !path.endsWith(".parquet")) continue;
    const file = `/datasets/${repository.id}/resolve/refs%2Fconvert%2Fparquet/${path}`;
    ((byConfig[config] ??= {})[split] ??= []).push(state.url + file);
  }
  return byConfig;
}

function entryNotFound(commit: Commit, path: string): Refusal {
  const headers = { "X-Repo-Commit": commit.sha };
  return new Refusal(404, `Entry not found: ${path}`, "EntryNotFound", headers);
}

function fileOf(commit: Commit, path: string): StoredFile {
  const file = commit.files.get(path);
  if (!file) throw entryNotFound(commit, path);
  return file;
}

/** Large files are elsewhere; small ones behind an address of their own that names the commit. */
function resolveFile(state: HubState, request: Request, found: RepositoryPath): Response {
  const { repository, rest } = found;
  const [revision, path] = revisionAndPath(rest);
  const commit = commitOf(repository, revision);
  expectAccess(state, request, repository);
  const file = fileOf(commit, path);
  const headers = { "X-Repo-Commit": commit.sha, "Accept-Ranges": "bytes" };
  if (!file.sha256) {
    const name = path.split("/").map(encodeURIComponent).join("/");
    const to = `/api/resolve-cache/${repository.type}s/${repository.id}/${commit.sha}/${name}`;
    return new Response(null, { status: 307, headers: { ...headers, Location: to } });
  }
  state.objects.set(file.sha256, file.bytes);
  const linked = {
    "X-Linked-Size": String(file.bytes.length),
    "X-Linked-Etag": `"${file.sha256}"`,
    ETag: `"${file.oid}"`,
    Location: `${state.storageUrl}/objects/${file.sha256}?signature=of-the-address`,
  };
  return new Response(null, { status: 302, headers: { ...headers, ...linked } });
}

function smallFile(
  state: HubState,
  request: Request,
  repository: Repository,
  sha: string,
  path: string,
): Response {
  expectAccess(state, request, repository);
  const file = fileOf(commitOf(repository, sha), path);
  return fileResponse(request, file.bytes, file.oid, { "X-Repo-Commit": sha });
}
