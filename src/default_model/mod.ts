/**
 * The models that come with the package, as modules: the one that is taken where none is named, `models/voice_menu` of
 * the repository, and the one to start from, `models/backbone`.
 *
 * Modules and not files beside the code, because Deno keeps modules: a model comes from where Earshot came from, with no
 * right to the network, once, and then works offline.
 *
 * @module
 */
import { siblingModule } from "../sibling_module.ts";
import { bytesSource, type FileReader } from "../weights/byte_source.ts";

/** What messages call the default model. */
export const DEFAULT_MODEL = "voice_menu";
/** The name of the model to start from. */
export const BACKBONE = "backbone";

/** A model that comes with the package. */
export type BundledModel = typeof DEFAULT_MODEL | typeof BACKBONE;

/** The names of the files of each. */
export const BUNDLED_MODEL_FILES = [
  "config.json",
  "preprocessor_config.json",
  "model.safetensors",
] as const;

/** The modules that hold them. */
const MODULES: Readonly<Record<BundledModel, string>> = {
  voice_menu: "_files",
  backbone: "_backbone_files",
};

/**
 * The files of a model that comes with the package.
 *
 * @example
 * ```ts
 * import { bundledModelFiles } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * const files = await bundledModelFiles("voice_menu");
 * const weights = await files.open("model.safetensors");
 * assert.equal(weights?.sizeBytes, 2_287_528);
 * ```
 */
export async function bundledModelFiles(model: BundledModel): Promise<FileReader> {
  const { FILES } = await filesModule(MODULES[model]);
  return {
    name: model,
    open: (name) => {
      const text = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
      const source = text && bytesSource(`${model}/${name}`, decode(text));
      return Promise.resolve(source || undefined);
    },
  };
}

/**
 * A module of 3 MB. No `import()` names it in the text: Deno fetches those as soon as Earshot is imported, used or
 * not.
 */
async function filesModule(name: string): Promise<typeof import("./_files.ts")> {
  return await import(siblingModule(name, import.meta.url).href);
}

function decode(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
