/**
 * Files of the web that stay in the browser: fetched once, kept in Cache Storage, checked whenever they are read.
 *
 * A file whose hash is known is held to it, from the network as from the cache. One whose hash nobody gave is asked
 * about (`HEAD`) before the copy of the cache is used, and used as it is where nobody answers.
 *
 * @module
 */
import { FileError } from "../errors.ts";
import { type ExpectedFile, isExpected, readBody } from "./_checked_bytes.ts";

/** How files come, and where they stay. */
export interface StoreOptions {
  /** The name of the cache; `false` keeps nothing. @default "earshot" */
  cache?: string | false;
  /** Fetches in place of the browser's own. */
  fetch?: typeof fetch;
  /** Headers of each request. */
  headers?: Readonly<Record<string, string>>;
  /** Called while a file comes. */
  onProgress?: (progress: LoadProgress) => void;
  /** Gives it up. */
  signal?: AbortSignal;
}

/** How far a file is. */
export interface LoadProgress {
  /** Its name in the model's directory. */
  file: string;
  /** Bytes that are here. */
  loadedBytes: number;
  /** All of it, where that is known. */
  totalBytes?: number;
}

/** Says whether the server's file is still the one that is kept. */
const MARKS = ["etag", "last-modified", "content-length"] as const;

/** Files by their URL. */
export class StoredFiles {
  readonly #options: StoreOptions;
  #cache?: Promise<Cache | undefined>;

  /** @param options how files come, and where they stay. */
  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /**
   * The bytes of a file; undefined where there is none.
   *
   * @throws {FileError} where it cannot be read, or is not what it should be.
   */
  async read(
    url: string,
    file: string,
    expected: ExpectedFile = {},
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const cache = await this.#opened();
    const kept = await cache?.match(url);
    if (kept) {
      const bytes = new Uint8Array(await kept.clone().arrayBuffer());
      const isKnown = expected.sha256 !== undefined || expected.gitSha1 !== undefined;
      const isGood = await isExpected(bytes, expected) &&
        (isKnown || await this.#isFresh(kept, url));
      if (isGood) return bytes;
      await cache!.delete(url);
    }
    return await this.#fetched(url, file, expected, cache);
  }

  /** An answer of the network; of the cache where nobody answers. */
  async json(url: string, file: string): Promise<unknown> {
    const cache = await this.#opened();
    try {
      const response = await this.#request(url, file);
      const bytes = await readBody(response, { file, signal: this.#options.signal });
      if (response.ok) await keep(cache, url, response, bytes);
      else throw statusError(file, response.status);
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      const kept = error instanceof FileError && error.code ? undefined : await cache?.match(url);
      if (!kept) throw error;
      return await kept.json();
    }
  }

  async #fetched(
    url: string,
    file: string,
    expected: ExpectedFile,
    cache: Cache | undefined,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { onProgress, signal } = this.#options;
    const response = await this.#request(url, file);
    // Some hosts answer with a page where there is no such file.
    const isPage = response.headers.get("content-type")?.startsWith("text/html") ?? false;
    if (!response.ok || isPage) {
      await response.body?.cancel();
      if (isPage || response.status === 404) return undefined;
      throw statusError(file, response.status);
    }
    const onBytes = (loadedBytes: number, totalBytes = expected.sizeBytes) =>
      onProgress?.({ file, loadedBytes, totalBytes });
    const bytes = await readBody(response, { file, onBytes, signal });
    const wanted = expected.sha256 || expected.gitSha1 ? expected : {
      ...expected,
      sha256: hashOf(response.headers.get("etag")),
    };
    if (!await isExpected(bytes, wanted)) {
      throw new FileError(
        `Cannot use "${file}": expected ${
          wanted.sha256 ?? wanted.gitSha1 ?? `${wanted.sizeBytes} bytes`
        }` +
          `, found other bytes`,
        { file, hint: "Load it again; where that does not help, its host has another file" },
      );
    }
    await keep(cache, url, response, bytes);
    return bytes;
  }

  async #request(url: string, file: string, method = "GET"): Promise<Response> {
    const { fetch: ask = globalThis.fetch, headers, signal } = this.#options;
    try {
      return await ask(url, { method, headers, signal, cache: "no-cache" });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new FileError(`Cannot read "${file}": the server was not reached`, { file, cause });
    }
  }

  async #isFresh(kept: Response, url: string): Promise<boolean> {
    const now = await this.#request(url, url, "HEAD").catch(() => undefined);
    if (!now?.ok) return true;
    return MARKS.every((name) => {
      const [was, is] = [kept.headers.get(name), now.headers.get(name)];
      return was === null || is === null || was === is;
    });
  }

  /** Cache Storage is for pages over https and from localhost, and may be forbidden. */
  #opened(): Promise<Cache | undefined> {
    const { cache = "earshot" } = this.#options;
    if (cache === false || !("caches" in globalThis)) return Promise.resolve(undefined);
    return this.#cache ??= caches.open(cache).catch(() => undefined);
  }
}

/** A tag that is the hash of the content, as that of the hub's storage. */
function hashOf(etag: string | null): string | undefined {
  return /^"?([0-9a-f]{64})"?$/.exec(etag ?? "")?.[1];
}

/** Puts a file into the cache; one for which there is no room is fetched again the next time. */
async function keep(
  cache: Cache | undefined,
  url: string,
  { headers }: Response,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const marks = MARKS.map((name) => [name, headers.get(name)] as const);
  const known = marks.filter((mark): mark is [typeof mark[0], string] => mark[1] !== null);
  await cache?.put(url, new Response(bytes, { headers: known })).catch(() => {});
}

function statusError(file: string, status: number): FileError {
  return new FileError(`Cannot read "${file}": expected status 200, found ${status}`, {
    file,
    code: `${status}`,
  });
}
