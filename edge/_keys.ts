/**
 * Who may ask the service at all: those who know one of its keys.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { isBelow } from "./_address.ts";
import { bearerOf, Secrets } from "./_secrets.ts";

/** What says nothing about clips or labels, and is asked for by what knows no key: probes, and pages before one has been typed in. */
const OPEN = ["/livez", "/readyz", "/healthz", "/health", "/openapi.json", "/docs", "/ui"];

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
  const open = isMetricsOpen ? [...OPEN, "/metrics"] : OPEN;
  return async (c, next) => {
    if (keys.length > 0 && !open.some((path) => isBelow(c.req.path, path))) {
      // A client that teaches has its token in the one header, and the key in the other.
      const given = [c.req.header("x-api-key") ?? "", bearerOf(c.req.raw)];
      const known = await Promise.all(given.map((text) => secrets.has(text)));
      if (!known.includes(true)) throw unknownKey();
    }
    await next();
  };
}

function unknownKey(): HTTPException {
  const message = "Cannot take the request: expected a key of this service in the header " +
    "Authorization: Bearer KEY, or in x-api-key";
  return new HTTPException(401, { message });
}
