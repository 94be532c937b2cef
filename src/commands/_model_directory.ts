/**
 * What commands are given as a model: a directory, or a model of the hub as the cache has it.
 *
 * Only `train` and `pull` bring anything into the cache; all other commands work offline.
 *
 * @module
 */
import { join } from "node:path";
import denoJson from "../../deno.json" with { type: "json" };
import {
  BACKBONE,
  BUNDLED_MODEL_FILES,
  type BundledModel,
  bundledModelFiles,
  DEFAULT_MODEL,
} from "../default_model/mod.ts";
import { writeDirectoryAtomic } from "../files.ts";
import type { HubModelOptions } from "../hub/mod.ts";
import { parseHubName } from "../hub/names.ts";
import { hubSettings } from "../hub/settings.ts";
import type { OptionSpecs } from "./_arguments.ts";
import { bundledPath, isThere } from "./_command.ts";
import { fromCache } from "./_from_cache.ts";
import type { Output } from "./_output.ts";
import { transferBars } from "./_transfers.ts";

/** The option of the commands that use a model. */
export const MODEL_OPTION = {
  model: {
    kind: "string",
    value: "DIR|ID",
    help: "directory, backbone, or org/name@revision on the hub",
  },
} as const satisfies OptionSpecs;

/** The option of the commands that print scores. */
export const RAW_SCORES_OPTION = {
  "raw-scores": {
    kind: "flag",
    help: "scores of the model alone, without its temperature, thresholds and rejection",
  },
} as const satisfies OptionSpecs;

/** The option of the commands that answer with one head. */
export const HEAD_OPTION = {
  head: {
    kind: "string",
    value: "DIR|ID",
    help: "a head's directory, used on the backbone that --model names",
  },
} as const satisfies OptionSpecs;

/** The option of the commands that take a model with low-rank changes apart. */
export const ADAPTER_OPTION = {
  adapter: {
    kind: "string",
    value: "DIR|ID",
    help: "low-rank changes in peft's format, put onto the model that --model names",
  },
} as const satisfies OptionSpecs;

/** How a model is found. */
export interface FindModelOptions {
  /** Whether the hub may be asked. @default false */
  online?: boolean;
}

/**
 * The directory of the model that was named, or the one that comes with the package.
 *
 * @throws {HubError} when a model of the hub was named, and the hub does not give it.
 */
export async function modelOrBundled(
  model: string | undefined,
  out: Output,
): Promise<string> {
  if (model !== undefined) return await modelDirectory(model, out);
  return await bundledModelDirectory(DEFAULT_MODEL);
}

/** A model that comes with the package, as a directory: in a clone it is there. */
async function bundledModelDirectory(model: BundledModel): Promise<string> {
  return await bundledPath(`models/${model}`) ?? await writtenBundledModel(model);
}

/** Such a model as a directory beside the hub's cache, for an Earshot that was not installed as a clone. */
async function writtenBundledModel(model: BundledModel): Promise<string> {
  const { cacheDirectory } = await hubSettings();
  const directory = join(cacheDirectory, "..", "earshot", denoJson.version, model);
  if (await isThere(directory)) return directory;
  const files = await bundledModelFiles(model);
  await writeDirectoryAtomic(directory, async (folder) => {
    for (const name of BUNDLED_MODEL_FILES) {
      const source = (await files.open(name))!;
      await Deno.writeFile(join(folder, name), await source.read(0, source.sizeBytes));
    }
  }).catch(async (error) => {
    const otherWasFirst = await isThere(directory);
    if (!otherWasFirst) throw error;
  });
  return directory;
}

/**
 * The directory that a name stands for; where there is none of that name, the model to start from that comes with the
 * package, or the model of the hub.
 *
 * @throws {HubError} when the hub or the cache does not give it.
 */
export async function modelDirectory(
  name: string,
  out: Output,
  { online = false }: FindModelOptions = {},
): Promise<string> {
  if (await isThere(name)) return name;
  if (name === BACKBONE) return await bundledModelDirectory(BACKBONE);
  if (!parseHubName(name)) return name;
  if (online) return await fetchModel(name, {}, out);
  const { hubModelDirectory } = await import("../hub/mod.ts");
  return await fromCache({ kind: "model", name }, hubModelDirectory(name, { offline: true }));
}

/**
 * Brings a model of the hub into the cache.
 *
 * @returns its directory there.
 * @throws {HubError} when the hub does not give it.
 */
export async function fetchModel(
  name: string,
  options: HubModelOptions,
  out: Output,
): Promise<string> {
  const { hubModelDirectory } = await import("../hub/mod.ts");
  const bars = transferBars("Downloading", out);
  try {
    return await hubModelDirectory(name, {
      ...options,
      onProgress: (progress) => bars.show({ ...progress, doneBytes: progress.receivedBytes }),
    });
  } finally {
    bars.end();
  }
}
