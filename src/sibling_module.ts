/**
 * Where a module lies that no `import` in the text names: a worker, or one that is fetched only when it is used.
 *
 * @module
 */

/**
 * The URL of a module beside another. In the npm package all of them end in `.js`, and publishing rewrites only what
 * `import` names.
 *
 * @param name without its ending.
 * @param beside `import.meta.url` of the module that asks.
 *
 * @example
 * ```ts
 * import { siblingModule } from "./sibling_module.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(siblingModule("_worker", "https://a.test/src/b.ts").href, "https://a.test/src/_worker.ts");
 * assert.equal(siblingModule("_worker", "file:///src/b.js").href, "file:///src/_worker.js");
 * ```
 */
export function siblingModule(name: string, beside: string): URL {
  return new URL(`./${name}${/\.[jt]s$/.exec(beside)?.[0] ?? ".ts"}`, beside);
}
