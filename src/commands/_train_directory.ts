/**
 * The output directory of `train`: free before a run, and a record of how the run began in it.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { FileError } from "../errors.ts";
import { attempt, listFolder, makeDirectory, writeFiles } from "../files.ts";
import { parseHubName } from "../hub/mod.ts";
import { jsonBytes } from "../pretrained.ts";
import type { TrainingOrigin } from "../share/mod.ts";
import {
  checkpointName,
  checkpointSteps,
  expectCheckpoint,
} from "../train/checkpoints/checkpoint.ts";
import { OutputDirectory } from "../train/checkpoints/output_directory.ts";
import { STATE_FILE } from "../train/checkpoints/results.ts";
import type { RunOutput } from "../train/loop/trainer.ts";
import type { TrainingArguments } from "../train/options/arguments.ts";
import { isPreset } from "../train/options/presets.ts";
import { UsageError } from "./_arguments.ts";
import { isThere } from "./_command.ts";
import type { SplitChoice } from "./_data.ts";
import type { DetectorChoice } from "./_detector_data.ts";
import { PREDICTIONS_FILE } from "./_predictions.ts";

/** What is said of a run in its directory, and how it may begin there. */
export interface OutputPlan {
  /** Folder, file, or id on the hub. */
  data: string;
  /** Preset, directory, or id on the hub. */
  model: string;
  /** Low-rank changes that went onto it first. */
  adapter?: string;
  args: TrainingArguments;
  splits: SplitChoice;
  /** How windows are made for a model that hears sound that goes on. */
  detector: DetectorChoice;
  resume: boolean;
  overwrite: boolean;
}

/** Where models go that nobody named a place for. */
const RUNS = "runs";

/** Makes `runs/<name>-<n>` of the first number that is free; no two runs get the same. */
export async function freshDirectory(data: string): Promise<string> {
  const name = basename(data);
  await makeDirectory(RUNS);
  for (let n = 1;; n++) {
    const directory = `${RUNS}/${name}-${n}`;
    if (await isMade(directory)) return directory;
  }
}

/** Whether a directory could be made that was not there. */
async function isMade(directory: string): Promise<boolean> {
  try {
    await attempt("make directory", directory, () => Deno.mkdir(directory));
    return true;
  } catch (error) {
    if (error instanceof FileError && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Where checkpoints lie that belong to the model that a run is to replace. */
const REPLACED = ".replaced";

/** What belongs to a model beside its own files: figures, log and report, which a new one does not have. */
const STALE = [
  "all_results.json",
  "eval_results.json",
  PREDICTIONS_FILE,
  "report.html",
  "test_results.json",
  "train_results.json",
  STATE_FILE,
  REPLACED,
];

const ARGUMENTS_FILE = "training_args.json";

/**
 * Takes the output directory for a run, if it may begin or go on there.
 *
 * @throws {UsageError} when the output directory holds a model or checkpoints already.
 * @throws {CheckpointError} when there is none to resume from.
 * @throws {FileError} when another run is in it.
 */
export async function takeOutput(
  { args, resume, overwrite }: OutputPlan,
): Promise<OutputDirectory> {
  const { outputDir: path } = args;
  const info = await isThere(path) ? await Deno.stat(path) : undefined;
  if (info && !info.isDirectory) {
    throw new UsageError(`Cannot train into "${path}": expected a directory, found something else`);
  }
  // What is not there is not to be made.
  if (resume && !info) await expectCheckpoint(path);
  const directory = await OutputDirectory.take(path);
  try {
    if (!overwrite) await putBack(path);
    if (resume) await expectCheckpoint(path);
    else if (!overwrite) await expectFree(path);
    return directory;
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

async function expectFree(path: string): Promise<void> {
  const hasModel = await isThere(`${path}/config.json`);
  if (!hasModel && (await checkpointSteps(path)).length === 0) return;
  throw new UsageError(
    `Cannot train into "${path}": expected a new directory, found ${
      hasModel ? "a model" : "checkpoints"
    } in it`,
    { hint: "Give --resume to go on, --overwrite to replace it, or another --output" },
  );
}

/**
 * Begins a run: checkpoints of a model that it is to replace are set aside, and go when the new one comes.
 *
 * @returns what the trainer puts beside the model when it is done.
 */
export async function startOutput(
  plan: OutputPlan,
  directory: OutputDirectory,
): Promise<RunOutput> {
  const { args, data, model, adapter, resume, detector: { isDetector, ...detector } } = plan;
  const { path } = directory;
  if (!resume) await setAside(path);
  const origin = await originOf(plan);
  const content = jsonBytes({
    data,
    model,
    adapter,
    ...args,
    ...isDetector && { detector },
    origin,
  });
  const record = { name: ARGUMENTS_FILE, chunks: () => [content] };
  // Beside an old model the file would say how another one was made.
  if (!await isThere(`${path}/config.json`)) await writeFiles(path, [record]);
  return { directory, files: [record], stale: STALE };
}

/** Sets the checkpoints of an old model aside; with some there already, the others are of a run that did not end. */
async function setAside(path: string): Promise<void> {
  const aside = `${path}/${REPLACED}`;
  const isDone = await isThere(aside);
  for (const step of await checkpointSteps(path)) {
    const name = checkpointName(step);
    if (isDone) await Deno.remove(`${path}/${name}`, { recursive: true });
    else {
      await makeDirectory(aside);
      await Deno.rename(`${path}/${name}`, `${aside}/${name}`);
    }
  }
}

/** Takes checkpoints back that were set aside, where the run that was to replace them has none of its own. */
async function putBack(path: string): Promise<void> {
  const aside = `${path}/${REPLACED}`;
  if (!await isThere(aside) || (await checkpointSteps(path)).length > 0) return;
  for (const step of await checkpointSteps(aside)) {
    const name = checkpointName(step);
    await Deno.rename(`${aside}/${name}`, `${path}/${name}`);
  }
  await Deno.remove(aside);
}

/** Lets go of the directory of a run that failed, and takes away what it made before there was more. */
export async function abandonOutput(directory: OutputDirectory): Promise<void> {
  const { path } = directory;
  await putBack(path);
  const { files, folders } = await listFolder(path);
  const isBare = folders.length === 0 && files.every((name) => name === ARGUMENTS_FILE);
  if (isBare) {
    for (const name of files) await Deno.remove(`${path}/${name}`);
  }
  await directory[Symbol.asyncDispose]();
  // Not if another run has just begun in it.
  if (!isBare) return;
  await Deno.remove(path).catch(() => {});
  if (dirname(path) === RUNS) await Deno.remove(RUNS).catch(() => {});
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
