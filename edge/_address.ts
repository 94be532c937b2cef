/**
 * Where a request goes: its host must be one, and its path may begin with `/v1`.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";

const HOST = /^([\w.~-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

/** The path behind the base path `/v1`, which clients of Hugging Face and others are given. */
export function pathOf({ url }: Request): string {
  const path = url.match(/^\w+:\/\/[^/?#]*([^?#]*)/)?.[1] || "/";
  return path.replace(/^\/v1(?=\/|$)/, "") || "/";
}

/** Refuses a `Host` that is none, of which no address could be made. */
export const refuseNoHost: MiddlewareHandler = async (c, next) => {
  const host = c.req.header("host");
  if (host !== undefined && !HOST.test(host) || !URL.canParse(c.req.url)) {
    throw new HTTPException(400, {
      message: "Cannot read the header Host: expected a host's name",
    });
  }
  await next();
};
