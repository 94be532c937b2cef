/**
 * The model that is taken where none is named: `models/voice_menu` of the repository, as a module.
 *
 * A module and not four files beside the code, because Deno keeps modules: the model comes from where Earshot came
 * from, with no right to the network, once, and then works offline.
 *
 * @module
 */
import { siblingModule } from "../sibling_module.ts";
import { bytesSource, type FileReader } from "../weights/byte_source.ts";

/** What messages call the model. */
export const DEFAULT_MODEL = "voice_menu";

/** The names of its files. */
export const DEFAULT_MODEL_FILES = [
  "config.json",
  "preprocessor_config.json",
  "model.safetensors",
] as const;

/**
 * The files of the default model.
 *
 * @example
 * ```ts
 * import { defaultModelFiles } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * const files = await defaultModelFiles();
 * const weights = await files.open("model.safetensors");
 * assert.equal(weights?.sizeBytes, 2_287_528);
 * ```
 */
export async function defaultModelFiles(): Promise<FileReader> {
  const { FILES } = await filesModule();
  return {
    name: DEFAULT_MODEL,
    open: (name) => {
      const text = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
      const source = text && bytesSource(`${DEFAULT_MODEL}/${name}`, decode(text));
      return Promise.resolve(source || undefined);
    },
  };
}

/**
 * The module of 3 MB. No `import()` names it in the text: Deno fetches those as soon as Earshot is imported, used or
 * not.
 */
async function filesModule(): Promise<typeof import("./_files.ts")> {
  return await import(siblingModule("_files", import.meta.url).href);
}

function decode(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
