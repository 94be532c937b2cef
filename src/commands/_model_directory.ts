/**
 * What commands are told as a model: a directory, or a model of the hub, which is brought into the cache.
 *
 * @module
 */
import { hubModelDirectory, type HubModelOptions, parseHubName } from "../hub/mod.ts";
import { type OptionSpecs, UsageError } from "./_arguments.ts";
import { bundledPath, isThere } from "./_command.ts";
import type { Output } from "./_output.ts";
import { transferBars } from "./_transfers.ts";

/** The option of the commands that use a model. */
export const MODEL_OPTION: OptionSpecs = {
  model: { kind: "text", value: "DIR|ID", help: "directory, or org/name@revision on the hub" },
};

/**
 * The directory of the model that was named, or the one that comes with the package.
 *
 * @throws {UsageError} when none was named and the package's own is not there.
 * @throws {HubError} when a model of the hub was named, and the hub does not give it.
 */
export async function modelOrBundled(model: unknown, out: Output): Promise<string> {
  if (typeof model === "string") return await modelDirectory(model, out);
  const bundled = bundledPath("models/voice_menu");
  if (await isThere(`${bundled}/config.json`)) return bundled;
  throw new UsageError(`Cannot find a model: expected "--model DIR", or one in "${bundled}"`, {
    hint: `Train it with: deno task train --output ${bundled}`,
  });
}

/**
 * The directory that a name stands for; where there is none of that name, the model of the hub.
 *
 * @throws {HubError} when the hub does not give it.
 */
export async function modelDirectory(name: string, out: Output): Promise<string> {
  if (await isThere(name) || !parseHubName(name)) return name;
  return await fetchModel(name, {}, out);
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
