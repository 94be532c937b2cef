/**
 * Which pages of other origins may read answers and open streams.
 *
 * Browsers ask before they send, and show a page no answer that does not name its origin. They do not ask before they
 * open a WebSocket, so that there the service refuses itself.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";

const METHODS = "GET, HEAD, POST, DELETE";
/** What a page may read of an answer beside its body. */
const EXPOSED = "Retry-After, X-Earshot-Warning, X-Request-Id";
/** For so long a browser need not ask again; none remembers it for longer. */
const PREFLIGHT_SECONDS = 7_200;
/** Names of headers, as a browser asks for them. */
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+(,\s*[\w!#$%&'*+.^`|~-]+)*$/;

/** Answers a browser that asks, and names the origin in every answer that its page may read. */
export function shareAnswers(allowed: readonly string[]): MiddlewareHandler {
  const isForAll = allowed.includes("*");
  return async (c, next) => {
    const origin = c.req.header("origin");
    const isAllowed = origin !== undefined && (isForAll || allowed.includes(origin));
    const isQuestion = c.req.method === "OPTIONS" && c.req.header("access-control-request-method");
    if (isAllowed && isQuestion) c.res = preflight(c);
    else if (isQuestion && origin !== undefined) c.res = c.json({ error: refusal(origin) }, 403);
    else await next();
    // That of a WebSocket must stay the very object that the host made.
    if (c.res.status === 101) return;
    const { headers } = c.res;
    if (allowed.length > 0 && !isForAll) headers.append("Vary", "Origin");
    if (!isAllowed) return;
    headers.set("Access-Control-Allow-Origin", isForAll ? "*" : origin);
    headers.set("Access-Control-Expose-Headers", EXPOSED);
  };
}

function preflight(c: Context): Response {
  const asked = c.req.header("access-control-request-headers") ?? "";
  const headers = new Headers({
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Max-Age": String(PREFLIGHT_SECONDS),
    "Vary": "Access-Control-Request-Headers",
  });
  // No credentials go with them, so that any header is as good as one that a program of the client's could send.
  if (HEADER_NAMES.test(asked)) headers.set("Access-Control-Allow-Headers", asked);
  return new Response(null, { status: 204, headers });
}

/** Refuses pages of other origins; programs send no origin. */
export function refuseStrangers(allowed: readonly string[]): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header("origin");
    if (origin !== undefined && !isOwn(origin, c) && !allowed.some((one) => isIn(one, origin))) {
      throw new HTTPException(403, { message: refusal(origin) });
    }
    await next();
  };
}

function refusal(origin: string): string {
  const page = origin.slice(0, 80);
  return `Cannot answer a page of ${page}: expected this service's own origin, or one that it allows`;
}

function isIn(allowed: string, origin: string): boolean {
  return allowed === "*" || allowed === origin;
}

/** By the host alone: behind a proxy the scheme is another. */
function isOwn(origin: string, c: Context): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(c.req.url).host;
}
