/**
 * What the hub's refusals mean: the same status stands for different things, which `X-Error-Code` distinguishes.
 *
 * @module
 */
import { HubError, type HubErrorReason } from "../errors.ts";
import { described, type HubSubject, pageUrl } from "./names.ts";
import type { HubSettings } from "./settings.ts";

const LOG_IN = 'set HF_TOKEN, or log in with the command "login"';

/** The error of an answer that is not what was asked for. */
export function refusalOf(
  settings: HubSettings,
  subject: HubSubject,
  response: Response,
  text: string,
  asksMs?: number,
): HubError {
  const { status } = response;
  const reason = reasonOf(response, text);
  const { problem, hint } = WORDS[reason](settings, subject, {
    status,
    said: hubMessage(settings, response, text),
    asksMs,
  });
  const { id: repository, file } = subject;
  return new HubError(`Cannot ${problem}`, { reason, hint, status, repository, file });
}

const CODES: Readonly<Record<string, HubErrorReason>> = {
  RepoNotFound: "repository",
  RevisionNotFound: "revision",
  EntryNotFound: "file",
  GatedRepo: "gated",
};

function reasonOf({ status, headers }: Response, text: string): HubErrorReason {
  const code = CODES[headers.get("X-Error-Code") ?? ""];
  if (code) return code;
  const said = headers.get("X-Error-Message") ?? text;
  if (status === 401) return /invalid credentials/i.test(said) ? "token" : "repository";
  if (status === 403) return "forbidden";
  if (status === 404) return "repository";
  return status === 429 || status >= 500 ? "busy" : "refused";
}

/** The hub's own words on one line, without the token should it quote it. */
function hubMessage({ token }: HubSettings, { headers }: Response, text: string): string {
  let said = headers.get("X-Error-Message") ?? errorOfJson(text) ?? "";
  if (token) said = said.replaceAll(token, "[token]");
  // deno-lint-ignore no-control-regex
  return said.replace(/[\x00-\x1f\x7f]+/g, " ").trim().slice(0, 200);
}

function errorOfJson(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}

/** The error of an answer that has not the form of the hub's. */
export function unexpectedAnswer(
  { endpoint }: HubSettings,
  subject: HubSubject,
  { found = "another", cause }: { found?: string; cause?: unknown } = {},
): HubError {
  const expected = `an answer of the hub from ${endpoint}`;
  return new HubError(
    `Cannot ${subject.verb ?? "read"} ${described(subject)}: expected ${expected}, found ${found}`,
    { reason: "refused", repository: subject.id, cause, hint: "Check HF_ENDPOINT" },
  );
}

interface Facts {
  status: number;
  said: string;
  asksMs?: number;
}

interface Wording {
  problem: string;
  hint?: string;
}

type Words = (settings: HubSettings, subject: HubSubject, facts: Facts) => Wording;

function refused(verb?: string): Words {
  return (_, subject, { status, said }) => ({
    problem: `${verb ?? subject.verb ?? "read"} ${described(subject)}: the hub answered ${status}${
      said && ` (${said})`
    }`,
  });
}

const WORDS: Readonly<Record<HubErrorReason, Words>> = {
  repository: ({ endpoint, token }, subject) => ({
    problem: `find ${described(subject)}: expected a repository of ${endpoint}, found none that ` +
      (token ? "this token can read" : "can be read without a token"),
    hint: token
      ? "Check the name, and that the token may read it"
      : `Check the name; for a private repository ${LOG_IN}`,
  }),
  revision: (_, subject) => ({
    problem: `find revision "${subject.revision}" of ${described(subject)}: ` +
      "expected a branch, a tag or a commit, found none of that name",
  }),
  file: (_, subject) => ({
    problem: `find file "${subject.file}" of ${described(subject)}: ` +
      `expected it at revision "${subject.revision}", found none of that name`,
  }),
  gated: ({ endpoint, token }, subject) => ({
    problem: `read ${described(subject)}: expected access to a gated repository, found ` +
      (token ? "a token that has not been granted it" : "no token"),
    hint: `Ask for access at ${pageUrl(endpoint, subject)}${token ? "" : `, then ${LOG_IN}`}`,
  }),
  token: ({ endpoint, tokenOrigin }, subject) => ({
    problem: `${subject.verb ?? "read"} ${
      described(subject)
    }: expected a valid token, found one that ${endpoint} refuses`,
    hint: `The token is from ${tokenOrigin}; make another at ${endpoint}/settings/tokens`,
  }),
  forbidden: (_, subject, { said }) => ({
    problem: `use ${described(subject)}: access is forbidden${said && ` (${said})`}`,
    hint: "Check what the token may do",
  }),
  busy: (_, subject, { status, asksMs, said }) => ({
    problem: `${subject.verb ?? "read"} ${described(subject)}: expected an answer, found ` +
      (status === 429 ? '"too many requests"' : `status ${status}${said && ` (${said})`}`),
    hint: asksMs === undefined
      ? "Try again later; what has arrived is kept"
      : `The hub asks to wait ${Math.ceil(asksMs / 1000)} s; what has arrived is kept`,
  }),
  unreachable: refused("reach"),
  damaged: refused(),
  offline: refused(),
  name: refused("use"),
  refused: refused(),
};
