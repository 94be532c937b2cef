/**
 * What commands are told as a model: a directory, or a model of the hub, which is brought into the cache.
 *
 * @module
 */
import { HubError } from "../errors.ts";
import { hubModelDirectory, type HubModelOptions, parseHubName } from "../hub/mod.ts";
import { type OptionSpecs, shellWords, UsageError } from "./_arguments.ts";
import { bundledPath, isThere } from "./_command.ts";
import type { Output } from "./_output.ts";
import { transferBars } from "./_transfers.ts";
import { typedCommand } from "./_typed_command.ts";

/** The option of the commands that use a model. */
export const MODEL_OPTION = {
  model: { kind: "string", value: "DIR|ID", help: "directory, or org/name@revision on the hub" },
} as const satisfies OptionSpecs;

/** What a command needs of a model. */
export interface ModelNeeds {
  /** Whether audio goes in, so that its `preprocessor_config.json` is read. @default true */
  extractor?: boolean;
}

const EXTRACTOR_FILE = "preprocessor_config.json";

/**
 * The directory of the model that was named, or the one that comes with the package.
 *
 * @param needs what of a model of the hub has to be there besides its weights.
 * @throws {UsageError} when none was named and the package's own is not there.
 * @throws {HubError} when a model of the hub was named, and the hub does not give it.
 */
export async function modelOrBundled(
  model: string | undefined,
  out: Output,
  needs: ModelNeeds = {},
): Promise<string> {
  if (model !== undefined) return await modelDirectory(model, out, needs);
  const bundled = bundledPath("models/voice_menu");
  if (await isThere(`${bundled}/config.json`)) return bundled;
  throw new UsageError(`Cannot find a model: expected "--model DIR", or one in "${bundled}"`, {
    hint: `Train it with: ${typedCommand(`train --output ${shellWords([bundled])}`)}`,
  });
}

/**
 * The directory that a name stands for; where there is none of that name, the model of the hub.
 *
 * @throws {HubError} when the hub does not give it, or it lacks what is needed.
 */
export async function modelDirectory(
  name: string,
  out: Output,
  { extractor = true }: ModelNeeds = {},
): Promise<string> {
  if (await isThere(name) || !parseHubName(name)) return name;
  const directory = await fetchModel(name, {}, out);
  if (extractor && !await isThere(`${directory}/${EXTRACTOR_FILE}`)) throw withoutExtractor(name);
  return directory;
}

/** Names the model as the user did, and not the folder of the cache. */
function withoutExtractor(name: string): HubError {
  return new HubError(
    `Cannot use model "${name}": expected "${EXTRACTOR_FILE}" in it, found none`,
    {
      reason: "file",
      repository: parseHubName(name)!.id,
      file: EXTRACTOR_FILE,
      hint: "Pull it, and put the file of the model that it was made from into its directory",
    },
  );
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
