/**
 * Where `train` keeps what a base model that stays as it is makes of clips, and what it says of that.
 *
 * @module
 */
import { join } from "node:path";
import { FileError, HubError } from "../errors.ts";
import { attempt, listFolderIfThere } from "../files.ts";
import { hubSettings } from "../hub/settings.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import { isBaseFrozen } from "../train/features/frozen_features.ts";
import type { TrainingArguments } from "../train/options/arguments.ts";
import type { OptionSpecs } from "./_arguments.ts";

/** The option that names the folder. */
export const FEATURE_CACHE_OPTION = {
  "feature-cache": {
    kind: "string",
    value: "DIR",
    help: "where features of a frozen base model are kept, or none (beside the hub's cache)",
  },
} as const satisfies OptionSpecs;

/** What goes first is what was written longest ago. */
const MOST_BYTES = 4 * 2 ** 30;

/** The folder for features of all models, made smaller where it has grown large; undefined where there is none. */
export async function featureDirectory(asked: string | undefined): Promise<string | undefined> {
  if (asked !== undefined) return asked === "none" ? undefined : asked;
  try {
    const { cacheDirectory } = await hubSettings({ token: false });
    const directory = join(cacheDirectory, "..", "earshot", "features");
    await makeRoom(directory, MOST_BYTES);
    return directory;
  } catch (error) {
    if (error instanceof HubError) return undefined;
    throw error;
  }
}

/** Removes models' features, those that were written longest ago first, until all are within a limit. */
export async function makeRoom(directory: string, mostBytes: number): Promise<void> {
  try {
    const { folders } = await listFolderIfThere(directory);
    const kept = await Promise.all(
      folders.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) =>
        factsOf(join(directory, name))
      ),
    );
    let bytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const { folder, sizeBytes } of kept.sort((a, b) => a.writtenMs - b.writtenMs)) {
      if (bytes <= mostBytes) break;
      await attempt("remove", folder, () => Deno.remove(folder, { recursive: true }));
      bytes -= sizeBytes;
    }
  } catch (error) {
    // A folder that is not ours to change is used as it is.
    if (!(error instanceof FileError)) throw error;
  }
}

async function factsOf(
  folder: string,
): Promise<{ folder: string; sizeBytes: number; writtenMs: number }> {
  const { files } = await listFolderIfThere(folder);
  const infos = await Promise.all(
    files.map((name) => attempt("open", name, () => Deno.stat(join(folder, name)))),
  );
  return {
    folder,
    sizeBytes: infos.reduce((sum, { size }) => sum + size, 0),
    writtenMs: Math.max(0, ...infos.map(({ mtime }) => mtime?.getTime() ?? 0)),
  };
}

/** How often what a frozen base model makes of clips is computed, and why; undefined where the base is trained. */
export function featuresLine(
  model: AudioClassificationModel,
  { frozenBaseEval }: TrainingArguments,
  isVaried: boolean,
): string | undefined {
  if (!isBaseFrozen(model)) return undefined;
  const noise = frozenBaseEval ? [] : model.trainingNoise;
  if (noise.length > 0) {
    return `Features: computed in each epoch, since the base model has ${noise.join(", ")}; ` +
      "once a clip with --frozen-base-eval";
  }
  if (isVaried) {
    return "Features: computed in each epoch, since training clips are changed; " +
      "a number of times with --feature-views N";
  }
  return "Features: computed once a clip, the base model being in evaluation mode";
}
