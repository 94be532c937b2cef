/**
 * Whose token it is, and the place where a login leaves it.
 *
 * The place is that of Python's `huggingface_hub`, so that a login with one is a login with the other. Only its owner
 * may read it. Nothing here prints a token, and no error holds one.
 *
 * @module
 */
import { dirname } from "node:path";
import { HubError } from "../errors.ts";
import { attempt, writeFileAtomic } from "../files.ts";
import type { HubSubject } from "./names.ts";
import { clientFetch } from "./request.ts";
import { type HubOptions, type HubSettings, hubSettings, tokenPath } from "./settings.ts";
import { system } from "../system/mod.ts";

/** Whoever a token stands for. */
export interface HubAccount {
  /** What the ids of its own repositories begin with. */
  readonly name: string;
  /** Organizations that it is in, whose repositories it may be able to write. */
  readonly organizations: readonly string[];
  /** What the token may do: "read", "write", or "fineGrained" for some of both; absent where the hub does not say. */
  readonly role?: string;
  /** What its owner called the token. */
  readonly tokenName?: string;
}

/** The answer of the hub, as far as it matters. */
interface WhoAmI {
  name?: unknown;
  orgs?: { name?: unknown }[];
  auth?: { accessToken?: { role?: unknown; displayName?: unknown } };
}

/**
 * Asks the hub whose token it is.
 *
 * @param options the token, and how the hub is reached.
 * @throws {HubError} when there is no token, the hub refuses it, or does not answer.
 *
 * @example
 * ```ts
 * import { hubAccount } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * // In place of the hub; without `fetch` it is asked itself.
 * const answer = () => Promise.resolve(Response.json({ name: "me", orgs: [{ name: "acme" }] }));
 * const { name, organizations } = await hubAccount({ token: "hf_token", fetch: answer });
 * equal(`${name} of ${organizations}`, "me of acme");
 * ```
 */
export async function hubAccount(options: HubOptions = {}): Promise<HubAccount> {
  const settings = await hubSettings(options);
  if (settings.token === undefined) throw noToken();
  const subject: HubSubject = { type: "model", id: "", called: "the account of the token" };
  try {
    const response = await clientFetch(settings, subject)(`${settings.endpoint}/api/whoami-v2`);
    return accountOf(settings, await response.json());
  } catch (error) {
    if (error instanceof HubError && error.status === 401) throw refusedToken(settings);
    throw error;
  }
}

function accountOf({ endpoint }: HubSettings, { name, orgs, auth }: WhoAmI): HubAccount {
  if (typeof name !== "string" || name === "") {
    throw new HubError(
      `Cannot read the account of the token: expected a name from ${endpoint}, found none`,
      { reason: "refused", hint: "Check HF_ENDPOINT" },
    );
  }
  const { role, displayName } = auth?.accessToken ?? {};
  return {
    name,
    organizations: (orgs ?? []).map((each) => each.name).filter((each) => typeof each === "string"),
    role: typeof role === "string" ? role : undefined,
    tokenName: typeof displayName === "string" ? displayName : undefined,
  };
}

/** There is none to ask with. */
export function noToken(): HubError {
  return new HubError("Cannot ask the hub who you are: expected a token, found none", {
    reason: "token",
    hint: 'Set HF_TOKEN, or log in with the command "login"',
  });
}

function refusedToken({ endpoint, tokenOrigin }: HubSettings): HubError {
  return new HubError(
    `Cannot use the token of ${tokenOrigin}: expected one that ${endpoint} knows, found another`,
    { reason: "token", status: 401, hint: `Make another at ${endpoint}/settings/tokens` },
  );
}

/**
 * Keeps a token for later, readable by its owner alone, in the place of the one before.
 *
 * @param token what the hub gave; {@linkcode hubAccount} tells whether it is good.
 * @returns the path of the file: `HF_TOKEN_PATH`, else `$HF_HOME/token`.
 * @throws {FileError} when it cannot be written.
 *
 * @example
 * ```ts
 * import { removeToken, storeToken } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * Deno.env.set("HF_TOKEN_PATH", `${await Deno.makeTempDir()}/token`);
 * const path = await storeToken("hf_token\n");
 * equal(await Deno.readTextFile(path), "hf_token");
 * equal(await removeToken(), path);
 * Deno.env.delete("HF_TOKEN_PATH");
 * ```
 */
export async function storeToken(token: string): Promise<string> {
  const path = tokenPath();
  const folder = dirname(path);
  await attempt(
    "make directory",
    folder,
    () => system.mkdir(folder, { recursive: true, mode: 0o700 }),
  );
  await writeFileAtomic(path, [new TextEncoder().encode(token.trim())], { mode: 0o600 });
  return path;
}

/**
 * Removes the stored token from this disk; the hub knows it until it is revoked there.
 *
 * @returns the path of the file, or undefined where there was none.
 * @throws {FileError} when it cannot be removed.
 *
 * @example
 * ```ts
 * import { removeToken } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * Deno.env.set("HF_TOKEN_PATH", `${await Deno.makeTempDir()}/token`);
 * equal(await removeToken(), undefined);
 * Deno.env.delete("HF_TOKEN_PATH");
 * ```
 */
export async function removeToken(): Promise<string | undefined> {
  const path = tokenPath();
  return await attempt("remove", path, async () => {
    try {
      await system.remove(path);
      return path;
    } catch (error) {
      if (error instanceof system.errors.NotFound) return undefined;
      throw error;
    }
  });
}
