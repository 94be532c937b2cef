/**
 * Where the hub is, who asks, and where its files are kept: options first, then the environment variables and the
 * files of Python's `huggingface_hub`, so that a machine that is set up for one is set up for both.
 *
 * A token goes into requests and nowhere else: no message, no cause and no file of ours holds one.
 *
 * @module
 */
import { join } from "node:path";
import { HubError } from "../errors.ts";
import { system } from "../system/mod.ts";

/** How far a download has come. */
export interface HubProgress {
  /** The id of the repository. */
  repository: string;
  /** The name of the file in it. */
  file: string;
  /** Bytes that are here, those of an earlier attempt too. */
  receivedBytes: number;
  /** Bytes of the whole file. */
  totalBytes: number;
}

/** How the hub is reached. */
export interface HubOptions {
  /**
   * Sent to the hub alone, never to where it redirects to; false sends none.
   *
   * @default `HF_TOKEN`, else the token that was stored by a login
   */
  token?: string | false;
  /** The address of the hub. @default `HF_ENDPOINT`, else "https://huggingface.co" */
  endpoint?: string;
  /** Where files are kept. @default `HF_HUB_CACHE`, else `$HF_HOME/hub`, else "~/.cache/huggingface/hub" */
  cacheDirectory?: string;
  /** Whether nothing is asked of the network. @default whether `HF_HUB_OFFLINE` is set */
  offline?: boolean;
  /**
   * Whether files that are in the cache are read again and held against their hashes; one that differs is fetched anew.
   *
   * @default false
   */
  verify?: boolean;
  /** Called for each file in the cache that was not what the hub states. */
  onDamaged?: (file: string) => void;
  /** In place of the global `fetch`. */
  fetch?: typeof fetch;
  /** Called for each part of a file that arrives. */
  onProgress?: (progress: HubProgress) => void;
  /** Ends what is going on. */
  signal?: AbortSignal;
  /** The longest wait for the next byte, in seconds. @default 30 */
  timeoutSec?: number;
}

/** Options with all that was left open filled in. */
export interface HubSettings {
  /** Without a slash at the end. */
  endpoint: string;
  token?: string;
  /** Where the token is from, for messages. */
  tokenOrigin?: string;
  cacheDirectory: string;
  isOffline: boolean;
  verifies: boolean;
  onDamaged?: (file: string) => void;
  fetch: typeof fetch;
  onProgress?: (progress: HubProgress) => void;
  signal?: AbortSignal;
  timeoutSec: number;
  /** Waits between attempts. */
  pause: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const ENDPOINT = "https://huggingface.co";

/**
 * The hosts of the hub, for permissions: its own domains, below which its storage for downloads moves from name to
 * name, and the bucket that takes uploads, by its full names.
 */
export const HUB_HOSTS = [
  "huggingface.co",
  "*.huggingface.co",
  "*.hf.co",
  "hf-hub-lfs-us-east-1.s3.amazonaws.com",
  "hf-hub-lfs-us-east-1.s3.us-east-1.amazonaws.com",
  "hf-hub-lfs-us-east-1.s3-accelerate.amazonaws.com",
] as const;

const TIMEOUT_SEC = 30;

/**
 * Fills in what the options leave open.
 *
 * @throws {HubError} when a token or the endpoint cannot be used, or there is no place for the cache.
 */
export async function hubSettings(options: HubOptions = {}): Promise<HubSettings> {
  const { token, tokenOrigin } = await usableToken(options.token);
  return {
    endpoint: endpointOf(options.endpoint ?? (variable("HF_ENDPOINT") || ENDPOINT)),
    token,
    tokenOrigin,
    cacheDirectory: options.cacheDirectory ?? defaultCache(),
    isOffline: options.offline ??
      (isTrue(variable("HF_HUB_OFFLINE")) || isTrue(variable("TRANSFORMERS_OFFLINE"))),
    verifies: options.verify ?? false,
    onDamaged: options.onDamaged,
    fetch: options.fetch ?? fetch,
    onProgress: options.onProgress,
    signal: options.signal,
    timeoutSec: options.timeoutSec ?? TIMEOUT_SEC,
    pause,
  };
}

/** The folder of tokens and caches, as Python finds it. */
function hubHome(): string {
  const named = variable("HF_HOME");
  if (named) return expandHome(named);
  const caches = variable("XDG_CACHE_HOME");
  return join(caches ? expandHome(caches) : join(userHome(), ".cache"), "huggingface");
}

/** The file that a login writes the token into. */
export function tokenPath(): string {
  const named = variable("HF_TOKEN_PATH");
  return named ? expandHome(named) : join(hubHome(), "token");
}

function defaultCache(): string {
  const named = variable("HF_HUB_CACHE") || variable("HUGGINGFACE_HUB_CACHE");
  return named ? expandHome(named) : join(hubHome(), "hub");
}

function userHome(): string {
  const home = variable("HOME") || variable("USERPROFILE");
  if (home) return home;
  throw new HubError(`Cannot find a place for the hub's files: expected HOME, found nothing`, {
    reason: "refused",
    hint: "Set HF_HOME, or allow the environment to be read with --allow-env",
  });
}

function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(userHome(), path.slice(1)) : path;
}

/** A variable that may not be read counts as one that is not set. */
function variable(name: string): string {
  try {
    return system.env.get(name)?.trim() ?? "";
  } catch {
    return "";
  }
}

function isTrue(value: string): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value.toUpperCase());
}

interface TokenFound {
  token?: string;
  tokenOrigin?: string;
}

async function usableToken(given: string | false | undefined): Promise<TokenFound> {
  const found = given === undefined
    ? await storedToken()
    : given && given.trim() !== ""
    ? { token: given.trim(), tokenOrigin: "the option token" }
    : {};
  // Fetch would name the header's value in its error.
  if (found.token === undefined || /^[\x21-\x7e]+$/.test(found.token)) return found;
  throw new HubError(
    `Cannot use the token of ${found.tokenOrigin}: expected one word of ASCII, found other characters`,
    { reason: "token", hint: "Tokens are at https://huggingface.co/settings/tokens" },
  );
}

async function storedToken(): Promise<TokenFound> {
  if (isTrue(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return {};
  for (const tokenOrigin of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const token = variable(tokenOrigin);
    if (token) return { token, tokenOrigin };
  }
  try {
    const path = tokenPath();
    const token = (await system.readTextFile(path)).trim();
    return token ? { token, tokenOrigin: `"${path}"` } : {};
  } catch {
    return {};
  }
}

function endpointOf(text: string): string {
  const url = URL.parse(text);
  const isHub = url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash;
  if (isHub) return url.href.replace(/\/+$/, "");
  throw new HubError(
    `Cannot use the endpoint "${url ? url.host : text}": expected an address like ${ENDPOINT}`,
    { reason: "refused", hint: "It is from HF_ENDPOINT or the option endpoint" },
  );
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
