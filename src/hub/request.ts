/**
 * Requests to the hub: the token goes to the hub alone, what passes by itself is tried again, and what the hub
 * answers becomes one line that names what it is about.
 *
 * @module
 */
import { HubError } from "../errors.ts";
import { refusalOf, unexpectedAnswer } from "./_refusals.ts";
import type { HubSubject } from "./names.ts";
import type { HubSettings } from "./settings.ts";
import { system } from "../system/mod.ts";

/** An answer, whose body has to be read through {@linkcode bodyOf} or cancelled. */
export interface HubResponse {
  response: Response;
  watch: Watch;
}

/** What a request may ask for beside its address. */
export interface HubRequest extends Pick<RequestInit, "method"> {
  /** What is sent; or gives it to each attempt anew, and says whenever a part of it has gone. */
  body?: BodyInit | null | ((onPart: () => void) => BodyInit);
  headers?: Record<string, string>;
  /** How often what passes by itself is tried again. @default 4 */
  retries?: number;
}

const RETRIES = 4;
const MAX_REDIRECTS = 5;
const FIRST_PAUSE_MS = 500;
/** A longer wait than this, asked for by the hub, is reported as an error and not waited for. */
const MAX_PAUSE_SEC = 60;
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const MAX_JSON_BYTES = 64 * 2 ** 20;
const MAX_REFUSAL_CHARS = 4096;

/**
 * Sends a request until it is answered.
 *
 * @throws {HubError} when it is refused, nothing answers, the hub stays busy, or nothing may be asked.
 */
export async function request(
  settings: HubSettings,
  url: string,
  subject: HubSubject,
  asked: HubRequest = {},
): Promise<HubResponse> {
  const { retries = RETRIES } = asked;
  if (settings.isOffline) throw askedOffline(url, subject);
  for (let attempt = 0;; attempt++) {
    const isLast = attempt >= retries;
    let waitMs = FIRST_PAUSE_MS * 2 ** attempt * (1 + Math.random() / 4);
    try {
      const found = await followed(settings, url, subject, asked);
      const { response, watch } = found;
      if (response.ok) return found;
      const text = await shortText(found);
      watch.stop();
      const asksMs = retryAfterMs(response.headers);
      const tooLong = asksMs !== undefined && asksMs > MAX_PAUSE_SEC * 1000;
      if (isLast || tooLong || !PASSING_STATUS.has(response.status)) {
        throw refusalOf(settings, subject, response, text, asksMs);
      }
      waitMs = asksMs ?? waitMs;
    } catch (error) {
      settings.signal?.throwIfAborted();
      if (isLast || !(error instanceof HubError && error.reason === "unreachable")) throw error;
    }
    await settings.pause(waitMs, settings.signal);
  }
}

function askedOffline(url: string, { id, file }: HubSubject): HubError {
  return new HubError(`Cannot ask for "${shownUrl(url)}": expected to be online, found offline`, {
    reason: "offline",
    repository: id,
    file,
    hint: "Unset HF_HUB_OFFLINE and the option offline",
  });
}

/** Follows redirects by hand, because the token must not. */
async function followed(
  settings: HubSettings,
  start: string,
  subject: HubSubject,
  asked: HubRequest,
): Promise<HubResponse> {
  const { origin } = new URL(settings.endpoint);
  let url = new URL(start);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const headers = new Headers(asked.headers);
    if (settings.token && url.origin === origin) {
      headers.set("Authorization", `Bearer ${settings.token}`);
    }
    const found = await send(settings, url, { ...asked, headers });
    const target = found.response.headers.get("Location");
    if (!target || ![301, 302, 303, 307, 308].includes(found.response.status)) return found;
    await discard(found);
    url = redirected(url, target, settings, subject);
  }
  throw new HubError(
    `Cannot read "${shownUrl(start)}": expected at most ${MAX_REDIRECTS} redirects, found more`,
    { reason: "refused", repository: subject.id },
  );
}

function redirected(from: URL, target: string, { endpoint }: HubSettings, { id }: HubSubject): URL {
  const url = URL.parse(target, from);
  const isSafe = url && (url.protocol === "https:" || url.protocol === new URL(endpoint).protocol);
  if (isSafe) return url;
  throw new HubError(
    `Cannot follow the redirect of "${
      shownUrl(from)
    }": expected an address as safe as the hub's, ` +
      `found "${url ? url.origin : "none"}"`,
    { reason: "refused", repository: id },
  );
}

async function send(
  settings: HubSettings,
  url: URL,
  init: Pick<HubRequest, "method" | "body"> & { headers: Headers },
): Promise<HubResponse> {
  const watch = new Watch(settings);
  const { method, body, headers } = init;
  let isAnswered = false;
  // What goes on being sent behind an answer says nothing of the hub.
  const onPart = () => void (isAnswered || watch.touch());
  try {
    const response = await settings.fetch(url, {
      method,
      body: typeof body === "function" ? body(onPart) : body,
      headers,
      redirect: "manual",
      signal: watch.signal,
    });
    watch.touch();
    return { response, watch };
  } catch (cause) {
    watch.stop();
    throw unreachable(settings, url, cause, watch);
  } finally {
    isAnswered = true;
  }
}

/** Ends a request whose answer does not come on. */
class Watch {
  readonly #controller = new AbortController();
  readonly #timeoutSec: number;
  /** Of the request: ended by the caller, or because nothing came. */
  readonly signal: AbortSignal;
  /** Whether nothing came for too long. */
  isLate = false;
  #timer?: ReturnType<typeof setTimeout>;

  constructor({ timeoutSec, signal }: HubSettings) {
    this.#timeoutSec = timeoutSec;
    const signals = [this.#controller.signal, ...(signal ? [signal] : [])];
    this.signal = AbortSignal.any(signals);
    this.touch();
  }

  /** Something came: the wait begins anew. */
  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isLate = true;
      this.#controller.abort();
    }, this.#timeoutSec * 1000);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/**
 * The parts of an answer's body as they come.
 *
 * @throws {HubError} when the connection breaks, or nothing comes for too long.
 */
export async function* bodyOf(
  settings: HubSettings,
  { response, watch }: HubResponse,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    while (reader) {
      watch.touch();
      const { done, value } = await reader.read();
      if (done) return;
      // A slow reader is not a slow hub.
      watch.stop();
      yield value;
    }
  } catch (cause) {
    throw unreachable(settings, response.url || settings.endpoint, cause, watch);
  } finally {
    watch.stop();
    await reader?.cancel().catch(() => {});
  }
}

/** Reads an answer that is known to be small. */
export async function textOf(settings: HubSettings, found: HubResponse): Promise<string> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of bodyOf(settings, found)) {
    parts.push(part);
    sizeBytes += part.length;
    if (sizeBytes <= MAX_JSON_BYTES) continue;
    throw new HubError(
      `Cannot read "${settings.endpoint}": expected at most ${MAX_JSON_BYTES} bytes of text, found more`,
      { reason: "refused" },
    );
  }
  return await new Blob(parts as Uint8Array<ArrayBuffer>[]).text();
}

/** The beginning of what a refusal says, which may be anything, and without end. */
async function shortText({ response, watch }: HubResponse): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  watch.touch();
  try {
    while (reader && text.length < MAX_REFUSAL_CHARS) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value.subarray(0, MAX_REFUSAL_CHARS), { stream: true });
    }
  } catch {
    // The status says enough.
  }
  await reader?.cancel().catch(() => {});
  return text.slice(0, MAX_REFUSAL_CHARS);
}

/** Closes the body of an answer that is not read. */
async function discard({ response, watch }: HubResponse): Promise<void> {
  watch.stop();
  await response.body?.cancel().catch(() => {});
}

/** A `fetch` whose bodies may be given to each attempt anew. */
export type ClientFetch = (
  input: string | URL | Request,
  init?: Omit<RequestInit, "body"> & Pick<HubRequest, "body">,
) => Promise<Response>;

/**
 * `fetch` for the client library, with our token, retries and errors.
 *
 * Answers are read here, so that its own reading cannot wait for ever.
 */
export function clientFetch(
  settings: HubSettings,
  subject: HubSubject,
  retries?: number,
): ClientFetch {
  return async (input, init) => {
    const { method, body } = init ?? {};
    const headers = Object.fromEntries(new Headers(init?.headers));
    const url = input instanceof Request ? input.url : String(input);
    const found = await request(settings, url, subject, { method, body, headers, retries });
    const { status, headers: answered } = found.response;
    const text = await textOf(settings, found);
    const answer = new Response(text, { status, headers: answered });
    return Object.assign(answer, { json: () => jsonOf(settings, subject, text) });
  };
}

/** What the hub answers as JSON: an object or a list, never a page of whoever stands between. */
async function jsonOf(
  settings: HubSettings,
  subject: HubSubject,
  text: string,
): Promise<Record<string, unknown> | unknown[]> {
  let value: unknown;
  try {
    value = await JSON.parse(text);
  } catch (cause) {
    const found = /^\s*</.test(text) ? "HTML" : "text that is no JSON";
    throw unexpectedAnswer(settings, subject, { found, cause });
  }
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw unexpectedAnswer(settings, subject, { found: String(value).slice(0, 20) });
}

/**
 * Runs what the client library does with answers, which it takes for granted in their parts.
 *
 * @throws {HubError} in the place of its errors over parts that are missing.
 */
export async function understood<Result>(
  settings: HubSettings,
  subject: HubSubject,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw unexpectedAnswer(settings, subject, { cause: error });
  }
}

/** What the hub asks for, in `Retry-After` or, on the real one, in `RateLimit`. */
function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get("Retry-After") ?? headers.get("RateLimit")?.match(/\bt=(\d+)/)?.[1];
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** An address without what signs it. */
function shownUrl(url: string | URL): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** Nothing answered: no such host, no network, no permission, or no byte for too long. */
function unreachable(
  settings: HubSettings,
  url: string | URL,
  thrown: unknown,
  watch: Watch,
): unknown {
  if (settings.signal?.aborted) return settings.signal.reason;
  if (thrown instanceof HubError) return thrown;
  const { host, origin } = new URL(url);
  if (thrown instanceof system.errors.NotCapable) {
    return new HubError(`Cannot reach "${origin}": Deno was not given access`, {
      reason: "forbidden",
      hint: `Allow it with --allow-net=${host}`,
    });
  }
  const text = deepestMessage(thrown);
  const found = watch.isLate ? `nothing for ${settings.timeoutSec} s` : lastClause(text);
  const cause = new Error(text);
  return new HubError(`Cannot reach "${origin}": expected an answer, found ${found}`, {
    reason: "unreachable",
    cause,
    hint: "Check the network; HF_HUB_OFFLINE=1 takes what the cache holds",
  });
}

/** What fetch says at the end of its causes, without the queries of addresses, which may be signed. */
function deepestMessage(thrown: unknown): string {
  let deepest = thrown;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  const text = deepest instanceof Error ? deepest.message : String(deepest);
  return text.replace(/\?[^\s)"]*/g, "");
}

/** "client error (Connect): tcp connect error: Connection refused" ends with what matters. */
function lastClause(text: string): string {
  const clause = text.split(": ").at(-1) ?? "";
  return clause.replace(/\s*\(os error \d+\)/, "").trim() || "none";
}
