/**
 * `login`: a token of the hub, checked and kept where Python's `huggingface_hub` keeps it; never shown.
 *
 * @module
 */
import { HubError } from "../errors.ts";
import { type HubAccount, hubAccount, removeToken, storeToken } from "../hub/mod.ts";
import { UsageError, visibleToken } from "./_arguments.ts";
import { type Command, defineCommand } from "./_command.ts";
import type { Output } from "./_output.ts";

/** `login` on the command line. */
export const command: Command = defineCommand({
  usage: "login [--logout]",
  options: {
    logout: { kind: "flag", help: "remove the stored token from this disk" },
  },
  examples: ["login", "login < token.txt", "login --logout"],
  note: "The token is asked for, and not shown; or it comes on standard input, or in HF_TOKEN.\n" +
    "It is never taken from the command line, which the shell's history keeps.",
  run: async ({ options, files }, out) => {
    if (files.length > 0) throw visibleToken("the command line");
    return options.logout ? await logOut(out) : await logIn(out);
  },
});

async function logIn(out: Output): Promise<number> {
  const token = await givenToken();
  const account = await accountOf(token);
  const path = await storeToken(token);
  const { name, role, tokenName } = account;
  const what = tokenName === undefined ? "the token" : `the token "${tokenName}"`;
  out.line(`Logged in as ${name}; ${what} is in ${path}`);
  if (role === "read") out.warn("It may read. Pushing takes one that may write");
  const fromVariable = Deno.env.get("HF_TOKEN")?.trim();
  if (fromVariable && fromVariable !== token) {
    out.warn("HF_TOKEN is set to another, which comes first");
  }
  out.event({ event: "login", name, role, path });
  return 0;
}

async function logOut(out: Output): Promise<number> {
  const path = await removeToken();
  out.line(path === undefined ? "There is no stored token" : `Removed ${path}`);
  if (path !== undefined) out.line("The hub knows the token until it is revoked there");
  if (Deno.env.get("HF_TOKEN")) out.warn("HF_TOKEN is still set");
  out.event({ event: "logout", path: path ?? null });
  return 0;
}

async function accountOf(token: string): Promise<HubAccount> {
  try {
    return await hubAccount({ token });
  } catch (error) {
    if (!(error instanceof HubError && error.reason === "token")) throw error;
    const { status, hint } = error;
    throw new HubError("Cannot log in: expected a token that the hub knows, found another", {
      reason: "token",
      status,
      hint,
    });
  }
}

/** A token is short; longer input is something else. */
const MAX_TOKEN_BYTES = 4096;

/** @throws {UsageError} when there is none. */
async function givenToken(): Promise<string> {
  const fromVariable = Deno.env.get("HF_TOKEN")?.trim();
  const given = !Deno.stdin.isTerminal()
    ? await pipedLine() || fromVariable
    : fromVariable || await hiddenLine();
  if (given) return given;
  throw new UsageError("Cannot log in: expected a token, found none", {
    hint: "Give it on standard input, or in HF_TOKEN",
  });
}

async function pipedLine(): Promise<string> {
  const buffer = new Uint8Array(MAX_TOKEN_BYTES);
  let filled = 0;
  while (filled < buffer.length) {
    const count = await Deno.stdin.read(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return new TextDecoder().decode(buffer.subarray(0, filled)).trim();
}

const [BACKSPACE, DELETE, INTERRUPT, END] = [8, 127, 3, 4];
const NEWLINES: readonly number[] = [10, 13];

/** A line from the terminal that does not appear on it. */
async function hiddenLine(): Promise<string> {
  const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  say("Token (it is not shown): ");
  Deno.stdin.setRaw(true);
  try {
    return await typedLine();
  } finally {
    Deno.stdin.setRaw(false);
    say("\n");
  }
}

async function typedLine(): Promise<string> {
  const typed: number[] = [];
  const buffer = new Uint8Array(256);
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    for (const byte of buffer.subarray(0, count ?? 0)) {
      if (byte === INTERRUPT) throw new UsageError("Cannot log in: expected a token, found Ctrl-C");
      if (byte === END || NEWLINES.includes(byte)) return wordOf(typed);
      if (byte === BACKSPACE || byte === DELETE) typed.pop();
      else typed.push(byte);
    }
    if (count === null) return wordOf(typed);
  }
}

function wordOf(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes)).trim();
}
