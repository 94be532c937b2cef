/**
 * Who may ask the service at all: those who know one of its keys.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { isBelow } from "./_address.ts";
import { bearerOf, Secrets } from "./_secrets.ts";
import { subprotocolsIn } from "./web_socket.ts";

/** What says nothing about clips or labels, and is asked for by what knows no key: probes, and pages before one has been typed in. */
export const KEYLESS_PATHS: readonly string[] = [
  "/livez",
  "/readyz",
  "/healthz",
  "/health",
  "/openapi.json",
  "/docs",
  "/ui",
];

/** What the key of a WebSocket is offered behind, in base64url: a subprotocol has no spaces and no commas. */
const KEY_PREFIX = "key.";

/**
 * Refuses requests without a key, before their bodies are read.
 *
 * @param keys any of them will do; with none everybody may ask.
 * @param isMetricsOpen whether `/metrics` needs none.
 */
export function expectKey(
  keys: readonly string[],
  { isMetricsOpen }: { isMetricsOpen: boolean },
): MiddlewareHandler {
  const secrets = new Secrets(keys);
  const open = isMetricsOpen ? [...KEYLESS_PATHS, "/metrics"] : KEYLESS_PATHS;
  return async (c, next) => {
    if (keys.length > 0 && !open.some((path) => isBelow(c.req.path, path))) {
      // A client that teaches has its token in the one header, and the key in the other.
      const given = [c.req.header("x-api-key") ?? "", bearerOf(c.req.raw), keyOffered(c.req.raw)];
      const known = await Promise.all(given.map((text) => secrets.has(text)));
      if (!known.includes(true)) throw unknownKey();
    }
    await next();
  };
}

/** The key of a page, which can send no header with a WebSocket but what subprotocols it offers; "" where there is none. */
function keyOffered({ headers }: Request): string {
  const offered = subprotocolsIn(headers.get("sec-websocket-protocol"));
  const text = offered.find((one) => one.startsWith(KEY_PREFIX))?.slice(KEY_PREFIX.length) ?? "";
  try {
    return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}

function unknownKey(): HTTPException {
  const message = "Cannot take the request: expected a key of this service in the header " +
    "Authorization: Bearer KEY, in x-api-key, or of a page with /stream as the subprotocol key.BASE64URL";
  return new HTTPException(401, { message });
}
