/**
 * The links of the documents that are published: each leads to one that is published too.
 *
 * @module
 */
import { deepEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import denoJson from "../../deno.json" with { type: "json" };
import { publishedFiles } from "../published.ts";

const ROOT = join(import.meta.dirname!, "..", "..");

interface Link {
  document: string;
  target: string;
}

async function linksOf(document: string): Promise<Link[]> {
  const text = await Deno.readTextFile(join(ROOT, document));
  const prose = text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]+`/g, "");
  return Array.from(
    prose.matchAll(/\]\(([^)\s]+)\)/g),
    (match) => ({ document, target: match[1]! }),
  );
}

/** What a heading is called in the address of a link. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-");
}

async function anchorsOf(document: string): Promise<Set<string>> {
  const text = await Deno.readTextFile(join(ROOT, document));
  return new Set(Array.from(text.matchAll(/^#+ (.+)$/gm), (match) => anchorOf(match[1]!)));
}

Deno.test("published documents link to published documents and their headings", async () => {
  const files = new Set(await publishedFiles());
  const documents = [...files].filter((file) => file.endsWith(".md"));
  const broken: string[] = [];
  for (const { document, target } of (await Promise.all(documents.map(linksOf))).flat()) {
    if (/^https?:/.test(target)) continue;
    const [path, anchor] = target.split("#");
    const file = path ? join(dirname(document), path).replaceAll("\\", "/") : document;
    const isThere = files.has(file) && (!anchor || (await anchorsOf(file)).has(anchor));
    if (!isThere) broken.push(`${document}: ${target}`);
  }
  deepEqual(broken, []);
});

Deno.test("no document has an address of the repository that deno.json does not have", async () => {
  const { repository } = denoJson as { repository?: string };
  const documents = (await publishedFiles()).filter((file) => file.endsWith(".md"));
  const links = (await Promise.all(documents.map(linksOf))).flat();
  const ours = links.filter(({ target }) => /^https?:.*\bearshot\b/i.test(target));
  const strangers = ours.filter(({ target }) => !repository || !target.startsWith(repository));
  deepEqual(strangers.map(({ document, target }) => `${document}: ${target}`), []);
});
