/**
 * The models that `serve` is given, and the names below `/models` that they get.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { listFolder } from "../files.ts";
import { parseHubName } from "../hub/names.ts";
import { type OptionSpecs, UsageError } from "./_arguments.ts";
import { isThere } from "./_command.ts";
import { modelOrBundled } from "./_model_directory.ts";
import type { Output } from "./_output.ts";

/** The options that name them. */
export const MODELS_OPTIONS = {
  model: {
    kind: "list",
    isWhole: true,
    value: "DIR|ID",
    help: "directory, or org/name@revision on the hub; several times, or NAME=DIR, for several",
  },
  models: {
    kind: "string",
    value: "ROOT",
    help: "a folder of models, ROOT/NAME or ROOT/ORG/NAME, all of which are served",
  },
} as const satisfies OptionSpecs;

const CONFIG_FILE = "config.json";
const NAMED = /^([A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?)=(.+)$/;

/**
 * Directories by the names that they are served by: what was stated, the model's of the hub, or the folder's.
 *
 * @throws {UsageError} where two have the same name.
 * @throws {FileError} where the folder of models has none.
 */
export async function servedModels(
  { model = [], models }: { model?: readonly string[]; models?: string },
  out: Output,
): Promise<Record<string, string>> {
  const found: Record<string, string> = models === undefined ? {} : await modelsBelow(models);
  const given: (string | undefined)[] = model.length > 0 || models !== undefined
    ? [...model]
    : [undefined];
  for (const text of given) {
    const [name, directory] = await namedModel(text, out);
    if (Object.hasOwn(found, name)) {
      throw new UsageError(
        `Cannot serve two models of the name "${name}": expected a name once`,
        { hint: "Give one another name: --model NAME=DIR" },
      );
    }
    found[name] = directory;
  }
  return found;
}

async function namedModel(text: string | undefined, out: Output): Promise<[string, string]> {
  const isPath = text !== undefined && await isThere(text);
  const [, stated, behind] = isPath ? [] : NAMED.exec(text ?? "") ?? [];
  const directory = await modelOrBundled(behind ?? text, out);
  if (stated !== undefined) return [stated, directory];
  const ofHub = text === undefined || isPath ? undefined : parseHubName(text)?.id;
  return [ofHub ?? folderName(directory), directory];
}

/** The name of a folder, as far as an address can have it. */
export function folderName(directory: string): string {
  const name = basename(resolve(directory)).replaceAll(/[^\w.-]+/g, "-");
  return name.replace(/^[^A-Za-z0-9]+/, "") || "model";
}

/** Folders with a model in them, in the folder or one deeper. */
async function modelsBelow(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const folder of (await listFolder(root)).folders.sort()) {
    const path = join(root, folder);
    if (await isThere(join(path, CONFIG_FILE))) {
      found[folder] = path;
      continue;
    }
    for (const name of (await listFolder(path)).folders.sort()) {
      if (await isThere(join(path, name, CONFIG_FILE))) {
        found[`${folder}/${name}`] = join(path, name);
      }
    }
  }
  if (Object.keys(found).length > 0) return found;
  throw new FileError(
    `Cannot serve "${root}": expected folders with a ${CONFIG_FILE}, found none`,
    { file: root },
  );
}
