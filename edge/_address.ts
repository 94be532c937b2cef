/**
 * Where a request goes: its host must be one, and its path may begin with `/v1`.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";

const HOST = /^([\w.~-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

/**
 * How the path of a request is found: behind the place where the application is mounted, whether that was taken off or
 * not, behind the base path `/v1`, which clients of Hugging Face and others are given, and behind the place of a model.
 */
export function pathBehind(...places: readonly string[]): (request: Request) => string {
  const [basePath = "", ...others] = places;
  const bases = [basePath, "/v1", ...others, "/v1"].filter((base) => base !== "");
  return ({ url }) => {
    let path = url.match(/^\w+:\/\/[^/?#]*([^?#]*)/)?.[1] || "/";
    for (const base of bases) if (isBelow(path, base)) path = path.slice(base.length);
    return path || "/";
  };
}

/** Whether a path is another, or goes on behind it. */
export function isBelow(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`);
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
