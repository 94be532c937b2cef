/**
 * Where the repository's documents are. All absolute links to them are made here, from the one address in `deno.json`.
 *
 * @module
 */
import denoJson from "../deno.json" with { type: "json" };

/** The field `repository` of `deno.json`, without a slash at the end; undefined until there is one. */
const ADDRESS: string | undefined = (denoJson as { repository?: string }).repository;

/**
 * A document or folder of the repository in Markdown: a link, or its name alone while the repository has no address.
 *
 * @param path in the repository; "" is the repository itself.
 * @param text what is read. @default the path
 * @param address of the repository. @default that of `deno.json`
 *
 * @example
 * ```ts
 * import { documentLink } from "./repository.ts";
 * import assert from "node:assert/strict";
 *
 * const link = documentLink("docs/hub.md", "the hub", "https://code.test/us/earshot");
 * assert.equal(link, "[the hub](https://code.test/us/earshot/blob/main/docs/hub.md)");
 * ```
 */
export function documentLink(path: string, text: string = path, address = ADDRESS): string {
  if (address === undefined) return text;
  return `[${text}](${path === "" ? address : `${address}/blob/main/${path}`})`;
}
