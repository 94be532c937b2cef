/**
 * `/openapi.json` and `/docs`: files that were written when the service was made.
 *
 * @module
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";

/** Gives a document of the service: `openapi.json`, `docs.html`. */
export type Documents = (name: string) => Promise<string | undefined>;

const TYPES: Readonly<Record<string, string>> = {
  "openapi.json": "application/json",
  "docs.html": "text/html; charset=utf-8",
};

/**
 * Answers with a document.
 *
 * @throws {HTTPException} with status 404 where the service was given none.
 */
export async function sendDocument(
  c: Context,
  name: string,
  documents?: Documents,
): Promise<Response> {
  const text = await documents?.(name);
  if (text !== undefined) return c.body(text, 200, { "Content-Type": TYPES[name]! });
  const message = `Cannot find ${c.req.path}: expected a service that was made with its documents`;
  throw new HTTPException(404, { message });
}
