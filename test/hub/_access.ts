/**
 * Who may see what on the loopback hub, and how it says no.
 *
 * @module
 */
import type { HubState, User } from "./hub.ts";
import { Refusal } from "./_responses.ts";
import type { Commit, Repository } from "./store.ts";

/** What follows the id in a path of the hub. */
const VERBS = new Set([
  "revision",
  "tree",
  "paths-info",
  "refs",
  "discussions",
  "commits",
  "parquet",
  "resolve",
  "preupload",
  "commit",
  "branch",
]);

/** A path of the hub, taken apart. */
export interface RepositoryPath {
  repository: Repository;
  /** What is asked of it; empty for its description. */
  verb: string;
  /** What follows the verb, decoded. */
  rest: string[];
}

/** Whoever sent the request; none without a token. */
export function userOf(state: HubState, request: Request): User | undefined {
  const header = request.headers.get("Authorization");
  if (header === null) return undefined;
  const user = state.users.get(header.replace(/^Bearer /, ""));
  if (!user) throw new Refusal(401, "Invalid credentials in Authorization header");
  return user;
}

/** Whoever sent the request, if it may write there. */
export function writerOf(state: HubState, request: Request, namespace: string): User {
  const user = userOf(state, request);
  if (!user) throw new Refusal(401, "Invalid username or password.");
  if (user.role === "write" && user.name === namespace) return user;
  const reason = user.role === "write" ? `under the namespace "${namespace}"` : "with this token";
  throw new Refusal(403, `You don't have the rights to create or change repositories ${reason}`);
}

/** Finds the repository of `models/acme/tiny/tree/main`; one that may not be seen is not there. */
export function repositoryPath(
  state: HubState,
  request: Request,
  parts: readonly string[],
): RepositoryPath {
  const [type, ...names] = parts;
  const idParts = names[1] === undefined || VERBS.has(names[1]) ? 1 : 2;
  const repository = state.repositories.get(`${type}/${names.slice(0, idParts).join("/")}`);
  const user = userOf(state, request);
  if (!repository || repository.isPrivate && user?.name !== repository.namespace) {
    const message = user ? "Repository not found" : "Invalid username or password.";
    throw new Refusal(user ? 404 : 401, message, "RepoNotFound");
  }
  const [verb = "", ...rest] = names.slice(idParts);
  return { repository, verb, rest };
}

/** Refuses the files of a gated repository to those who have not been let in. */
export function expectAccess(state: HubState, request: Request, repository: Repository): void {
  if (!repository.gatedFor) return;
  const user = userOf(state, request);
  if (user && (user.name === repository.namespace || repository.gatedFor.includes(user.name))) {
    return;
  }
  const what = `Access to model ${repository.id} is restricted`;
  const message = user ? `${what} and you are not in the authorized list.` : `${what}.`;
  throw new Refusal(user ? 403 : 401, message, "GatedRepo");
}

/** A revision at the beginning of a path, `refs/pr/1` being three parts of it, and what follows. */
export function revisionAndPath(parts: readonly string[]): [revision: string, path: string] {
  const count = parts[0] === "refs" ? 3 : 1;
  return [parts.slice(0, count).join("/"), parts.slice(count).join("/")];
}

/** The commit of a revision. */
export function commitOf(repository: Repository, revision: string): Commit {
  const commit = repository.resolve(revision);
  if (!commit) throw new Refusal(404, `Invalid rev id: ${revision}`, "RevisionNotFound");
  return commit;
}
