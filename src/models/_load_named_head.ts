/**
 * The code of heads that do not classify clips, loaded when a config names one.
 *
 * No `import()` names it in the text, so that what bundles pages does not carry it; bundles of services leave this
 * module out too (`edge/build.ts`).
 *
 * @module
 */
import { siblingModule } from "../sibling_module.ts";

/** Loads the code; it fails where that is bundled. */
export async function loadNamedHead(): Promise<typeof import("./_named_head.ts")> {
  return await import(siblingModule("_named_head", import.meta.url).href);
}
