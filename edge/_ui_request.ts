/**
 * `GET /ui`: a page to speak to, and the files that it loads. It asks no other host for anything.
 *
 * @module
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Documents } from "./_documents.ts";

/** Files of the page by their names, below `ui`. */
const TYPES: Readonly<Record<string, string>> = {
  "index.html": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "worklet.js": "text/javascript; charset=utf-8",
};

/** Everything comes from here; a recording that was chosen is played from memory. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "media-src blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Answers with a file of the page.
 *
 * @throws {HTTPException} with status 404 where the page is not on, or has no such file.
 */
export async function sendPage(
  c: Context,
  { isOn, documents }: { isOn: boolean; documents?: Documents },
): Promise<Response> {
  // Links in the page are relative to its own address, which has no slash at its end.
  if (isOn && c.req.path.endsWith("/")) return c.redirect("../ui", 308);
  const name = c.req.param("file") ?? "index.html";
  const type = TYPES[name];
  const text = isOn && type ? await documents?.(`ui/${name}`) : undefined;
  if (text === undefined) {
    const expected = isOn && !type ? Object.keys(TYPES).join(", ") : "a service that has its page";
    throw new HTTPException(404, { message: `Cannot find ${c.req.path}: expected ${expected}` });
  }
  return c.body(text, 200, {
    "Content-Type": type!,
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
  });
}
