/**
 * The output directory of `train`: free before a run, and a record of how the run began in it.
 *
 * @module
 */
import { basename } from "node:path";
import { listFolder, writeDirectoryAtomic, writeFileAtomic } from "../files.ts";
import { parseHubName } from "../hub/mod.ts";
import { jsonBytes } from "../pretrained.ts";
import type { TrainingOrigin } from "../share/mod.ts";
import type { TrainingArguments } from "../train/options/arguments.ts";
import { checkpointSteps, newestCheckpoint } from "../train/checkpoints/checkpoint.ts";
import { isPreset } from "../train/options/presets.ts";
import { UsageError } from "./_arguments.ts";
import { isThere } from "./_command.ts";
import type { SplitChoice } from "./_data.ts";

/** What is said of a run in its directory, and how it may begin there. */
export interface OutputPlan {
  /** Folder, file, or id on the hub. */
  data: string;
  /** Preset, directory, or id on the hub. */
  model: string;
  args: TrainingArguments;
  splits: SplitChoice;
  resume: boolean;
  overwrite: boolean;
}

/** `runs/<name>-<n>`, the first number that is free. */
export async function freshDirectory(data: string): Promise<string> {
  const name = basename(data);
  for (let n = 1;; n++) {
    const directory = `runs/${name}-${n}`;
    if (!await isThere(directory)) return directory;
  }
}

/**
 * Checks that a run may begin in its directory, or go on there.
 *
 * @throws {UsageError} when the output directory holds a model or checkpoints already.
 * @throws {CheckpointError} when there is none to resume from.
 */
export async function expectFreeOutput({ args, resume, overwrite }: OutputPlan): Promise<void> {
  const { outputDir: directory } = args;
  const info = await isThere(directory) ? await Deno.stat(directory) : undefined;
  if (info && !info.isDirectory) {
    throw new UsageError(
      `Cannot train into "${directory}": expected a directory, found something else`,
    );
  }
  if (resume) await newestCheckpoint(directory);
  if (resume || overwrite) return;
  const hasModel = await isThere(`${directory}/config.json`);
  if (!hasModel && (await checkpointSteps(directory)).length === 0) return;
  throw new UsageError(
    `Cannot train into "${directory}": expected a new directory, found ${
      hasModel ? "a model" : "checkpoints"
    } in it`,
    { hint: "Give --resume to go on, --overwrite to replace it, or another --output" },
  );
}

/** Makes the output directory, and takes away what made it an earlier run's model. */
export async function startOutput(plan: OutputPlan): Promise<void> {
  const { args, data, model } = plan;
  const { outputDir: directory } = args;
  for (const step of await checkpointSteps(directory)) {
    await Deno.remove(`${directory}/checkpoint-${step}`, { recursive: true });
  }
  if (await isThere(`${directory}/config.json`)) await Deno.remove(`${directory}/config.json`);
  const origin = await originOf(plan);
  const record = (folder: string) =>
    writeFileAtomic(`${folder}/training_args.json`, [jsonBytes({ data, model, ...args, origin })]);
  await (await isThere(directory) ? record(directory) : writeDirectoryAtomic(directory, record));
}

/** What of it is on the hub, as a card may name it; a name of a local folder can look the same. */
async function originOf({ model, data, splits }: OutputPlan): Promise<TrainingOrigin> {
  const onHub = async (name: string) => await isThere(name) ? undefined : parseHubName(name);
  if (isPreset(model)) return { isFromScratch: true, dataset: await datasetOf() };
  return { baseModel: (await onHub(model))?.id, dataset: await datasetOf() };

  async function datasetOf(): Promise<TrainingOrigin["dataset"]> {
    const found = await onHub(data);
    return found &&
      { id: found.id, config: splits.name, revision: splits.revision ?? found.revision };
  }
}

/** Takes away what {@linkcode startOutput} made, where a run failed before there was more. */
export async function clearOutput(directory: string): Promise<void> {
  const { files, folders } = await listFolder(directory);
  if (folders.length > 0 || files.join() !== "training_args.json") return;
  await Deno.remove(directory, { recursive: true });
}
