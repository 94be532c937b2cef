/**
 * A hub on loopback that speaks the endpoints of the Hugging Face hub, and misbehaves when a test asks for it.
 *
 * Repositories are in memory. Large files lie on a second server, which the hub redirects to and which refuses
 * requests that carry a token, as the real storage does. Checked against `huggingface_hub` of Python.
 *
 * ```ts
 * await using hub = startHub();
 * hub.addRepository("acme/tiny", { "config.json": "{}" });
 * const options = { endpoint: hub.url, token: TOKEN };
 * ```
 *
 * @module
 */
import { type Misbehaviour, spoil, takeFault } from "./_faults.ts";
import { readingRoute } from "./_reading.ts";
import { Refusal } from "./_responses.ts";
import { storageRoute } from "./_storage.ts";
import { uploadingRoute } from "./_uploading.ts";
import { type Files, Repository, type RepositoryOptions, type RepositoryType } from "./store.ts";

export type { Fault, Misbehaviour } from "./_faults.ts";
export { folderFiles, type Repository, sha256Of } from "./store.ts";

/** May write to repositories under `acme`. */
export const TOKEN = "hf_acmeWriter0123456789";
/** May read what is not private. */
export const READ_TOKEN = "hf_guestReader0123456789";

/** Someone with a token. */
export interface User {
  name: string;
  role: "read" | "write";
}

/** A request as it arrived. */
export interface LoggedRequest {
  server: "hub" | "storage";
  method: string;
  /** With the query. */
  path: string;
  headers: Headers;
}

/** What the routes work on. */
export interface HubState {
  readonly url: string;
  readonly storageUrl: string;
  readonly users: ReadonlyMap<string, User>;
  readonly repositories: Map<string, Repository>;
  /** Contents of large files by SHA-256, those of uploads among them. */
  readonly objects: Map<string, Uint8Array>;
  /** Parts of an upload by `<sha256>/<number>`. */
  readonly parts: Map<string, Uint8Array>;
  readonly settings: Required<HubSettings>;
}

/** How the hub is set up. */
export interface HubSettings {
  /** Entries of a page of a listing. @default 1000 */
  pageEntries?: number;
  /** Uploads above this go in parts of this size. @default Infinity */
  partBytes?: number;
}

/** The running hub. */
export interface TestHub extends AsyncDisposable {
  /** The endpoint, without a slash at the end. */
  readonly url: string;
  /** Where large files are. */
  readonly storageUrl: string;
  /** All that was asked so far. */
  readonly requests: LoggedRequest[];
  /** Adds a repository with a first commit of files. */
  addRepository(id: string, files: Files, options?: RepositoryOptions): Repository;
  /** The repository of that id, uploaded ones too. */
  repository(id: string, type?: RepositoryType): Repository | undefined;
  /** Lets something go wrong from now on. */
  misbehave(...how: Misbehaviour[]): void;
  /** Ends what goes wrong. */
  behave(): void;
  /** Ends both servers, and connections with them. */
  close(): Promise<void>;
}

/** Starts a hub on free ports. */
export function startHub(settings: HubSettings = {}): TestHub {
  const requests: LoggedRequest[] = [];
  const faults: Misbehaviour[] = [];
  const ending = new AbortController();
  const serve = (server: LoggedRequest["server"], route: (request: Request) => Routed) =>
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      const { pathname, search } = new URL(request.url);
      const path = pathname + search;
      requests.push({ server, method: request.method, path, headers: request.headers });
      const answer = () => answered(() => route(request));
      const fault = takeFault(faults, request.method, path);
      return fault ? spoil(fault, answer, ending.signal) : answer();
    });
  const storage = serve("storage", (request) => storageRoute(state, request));
  const hub = serve(
    "hub",
    async (request) => await uploadingRoute(state, request) ?? await readingRoute(state, request),
  );
  const state: HubState = {
    url: `http://127.0.0.1:${hub.addr.port}`,
    // Another host name, for clients that compare names alone.
    storageUrl: `http://localhost:${storage.addr.port}`,
    users: new Map([
      [TOKEN, { name: "acme", role: "write" }],
      [READ_TOKEN, { name: "guest", role: "read" }],
    ]),
    repositories: new Map(),
    objects: new Map(),
    parts: new Map(),
    settings: { pageEntries: 1000, partBytes: Infinity, ...settings },
  };
  const close = async () => {
    ending.abort();
    await Promise.all([hub.shutdown(), storage.shutdown()]);
  };
  return {
    url: state.url,
    storageUrl: state.storageUrl,
    requests,
    addRepository: (id, files, options = {}) => {
      const repository = new Repository(id, options);
      if (Object.keys(files).length > 0) repository.commit(files);
      state.repositories.set(`${repository.type}s/${id}`, repository);
      return repository;
    },
    repository: (id, type = "model") => state.repositories.get(`${type}s/${id}`),
    misbehave: (...how) => void faults.push(...how),
    behave: () => void faults.splice(0),
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Routed = Response | Promise<Response>;

async function answered(route: () => Routed): Promise<Response> {
  try {
    return await route();
  } catch (error) {
    if (error instanceof Refusal) return error.toResponse();
    throw error;
  }
}
