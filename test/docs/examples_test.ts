/**
 * Every function and class that the package exports has an example, which `deno test --doc` runs.
 *
 * @module
 */
import { deepEqual } from "node:assert/strict";
import { join } from "node:path";
import denoJson from "../../deno.json" with { type: "json" };

const ROOT = join(import.meta.dirname!, "..", "..");

/** A documentation comment, as `deno doc --json` gives it. */
interface Comment {
  tags?: { kind: string; doc?: string }[];
}

interface Declaration {
  kind: string;
  jsDoc?: Comment;
  def?: { methods?: { jsDoc?: Comment }[] };
}

interface Documentation {
  nodes: Record<string, { symbols: { name: string; declarations: Declaration[] }[] }>;
}

/** Names of functions and classes, those that exist at run time, that have no example. */
async function withoutExample(entry: string): Promise<string[]> {
  const values = new Set(Object.keys(await import(import.meta.resolve(`../../${entry}`))));
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", entry],
    cwd: ROOT,
  }).output();
  const { nodes }: Documentation = JSON.parse(new TextDecoder().decode(stdout));
  const symbols = Object.values(nodes).flatMap((file) => file.symbols);
  return symbols.filter(({ name, declarations }) =>
    values.has(name) && declarations.some(({ kind }) => kind === "function" || kind === "class") &&
    !declarations.some(hasExample)
  ).map(({ name }) => name);
}

/** Whether it, or a method of it, has one that is not left out of the tests and asserts something. */
function hasExample({ jsDoc, def }: Declaration): boolean {
  const comments = [jsDoc, ...(def?.methods ?? []).map((method) => method.jsDoc)];
  return comments.some((comment) =>
    comment?.tags?.some(({ kind, doc = "" }) =>
      kind === "example" && /^```ts$/m.test(doc) && /node:assert/.test(doc)
    )
  );
}

for (const [name, entry] of Object.entries(denoJson.exports)) {
  Deno.test(`every function and class of ${name} has an example that runs`, async () => {
    deepEqual(await withoutExample(entry), []);
  });
}
