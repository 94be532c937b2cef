/**
 * The files of a model that a page loads: from a folder of the web, or of the Hugging Face hub.
 *
 * @module
 */
import { HubError } from "../errors.ts";
import { parseHubName } from "../hub/names.ts";
import { bytesSource, type FileReader } from "../weights/byte_source.ts";
import type { ExpectedFile } from "./_checked_bytes.ts";
import { StoredFiles, type StoreOptions } from "./_stored_files.ts";

export type { LoadProgress, StoreOptions } from "./_stored_files.ts";

/** How the files of a model come. */
export interface WebModelOptions extends Omit<StoreOptions, "headers"> {
  /** SHA-256 of files by their names, to which they are held. @default what the hub or an `ETag` says */
  hashes?: Readonly<Record<string, string>>;
  /** A branch, a tag or a commit of the hub. @default the one of `org/name@revision`, else "main" */
  revision?: string;
  /** A token of the hub. Whoever has the page can read it. @default none */
  token?: string;
  /** Where the hub is. @default "https://huggingface.co" */
  endpoint?: string;
}

/**
 * The files of a model's directory.
 *
 * Each comes once and stays in the browser's Cache Storage. A file of the hub is held to the hash that the hub lists, in
 * the commit that the revision has now; one of any folder to the hash that `hashes` has of it.
 *
 * @param model the URL of a folder (relative ones begin with `./`, `../` or `/`), or `org/name` of the hub.
 * @param options hashes, the cache, and how the hub is reached.
 * @throws {TypeError} where it is neither.
 *
 * @example
 * ```ts
 * import { webModelFiles } from "@earshot/earshot/browser";
 * import { equal } from "node:assert/strict";
 *
 * const fetch = () => Promise.resolve(new Response("{}"));
 * const files = webModelFiles("https://example.org/model/", { fetch, cache: false });
 * equal((await files.open("config.json"))?.sizeBytes, 2);
 * ```
 */
export function webModelFiles(model: string | URL, options: WebModelOptions = {}): FileReader {
  const hubName = typeof model === "string" ? parseHubName(model) : undefined;
  if (hubName && !/^\.{0,2}\//.test(String(model))) {
    return hubFiles(hubName.id, { ...options, revision: options.revision ?? hubName.revision });
  }
  const folder = folderOf(model);
  const store = new StoredFiles(options);
  return {
    name: folder.href,
    open: async (name) => {
      const expected = { sha256: options.hashes?.[name] };
      const bytes = await store.read(new URL(name, folder).href, name, expected);
      return bytes && bytesSource(name, bytes);
    },
  };
}

/** The URL with a slash at its end. */
function folderOf(model: string | URL): URL {
  const { location } = globalThis as { location?: { href: string } };
  const isPlace = model instanceof URL || /^(https?:|\.{0,2}\/)/i.test(model);
  if (isPlace && URL.canParse(String(model), location?.href)) {
    const url = new URL(model, location?.href);
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url;
  }
  throw new TypeError(
    `Cannot load model "${model}": expected a URL, "./folder" or "org/name" of the hub`,
  );
}

/** What the hub says of a file. */
interface Sibling {
  rfilename: string;
  size?: number;
  blobId?: string;
  lfs?: { sha256?: string; size?: number };
}

function hubFiles(id: string, options: WebModelOptions): FileReader {
  const { endpoint = "https://huggingface.co", token, revision = "main" } = options;
  const store = new StoredFiles({
    ...options,
    headers: token === undefined ? undefined : { Authorization: `Bearer ${token}` },
  });
  let listing: Promise<{ commit: string; files: Map<string, ExpectedFile> }> | undefined;
  const listed = async () => {
    const url = `${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
    const found = await store.json(url, id).catch((error) => {
      throw refusal(id, error);
    }) as { sha: string; siblings: Sibling[] };
    return { commit: found.sha, files: new Map(found.siblings.map((each) => fileOf(each))) };
  };
  return {
    name: id,
    open: async (name) => {
      const { commit, files } = await (listing ??= listed());
      const expected = files.get(name);
      if (!expected) return undefined;
      const sha256 = options.hashes?.[name] ?? expected.sha256;
      const url = `${endpoint}/${id}/resolve/${commit}/${name}`;
      const bytes = await store.read(url, name, { ...expected, sha256 });
      return bytes && bytesSource(name, bytes);
    },
  };
}

function fileOf({ rfilename, size, blobId, lfs }: Sibling): [string, ExpectedFile] {
  const expected = lfs
    ? { sizeBytes: lfs.size ?? size, sha256: lfs.sha256 }
    : { sizeBytes: size, gitSha1: blobId };
  return [rfilename, expected];
}

function refusal(id: string, cause: { code?: string; message?: string }): unknown {
  const reasons = { 401: "repository", 403: "forbidden", 404: "repository" } as const;
  const reason = reasons[cause.code as unknown as keyof typeof reasons];
  if (!reason) return cause;
  return new HubError(`Cannot read model "${id}": expected one that may be read, found none`, {
    reason,
    repository: id,
    cause,
    hint: "The hub hides what is private; a token of the hub is the option `token`",
  });
}
