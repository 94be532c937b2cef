/**
 * Checkpoints of a run: a model directory `checkpoint-N` with the optimiser's state, the log and what an exact
 * continuation needs, written whole or not at all.
 *
 * Not here: the result of a run, which is the model directory itself (`loop/trainer.ts`).
 *
 * @module
 */
import { CheckpointError } from "../../errors.ts";
import type { FeatureExtractor } from "../../features/mod.ts";
import {
  directoryFiles,
  fileSource,
  type FileToWrite,
  listFolder,
  listFolderIfThere,
  writeDirectoryAtomic,
  writeFiles,
} from "../../files.ts";
import type { ParameterSource, StoredTensor } from "../../layers/parameters.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import { jsonBytes, modelFiles } from "../../pretrained.ts";
import { readJsonFile } from "../../weights/json_file.ts";
import { openSafetensors } from "../../weights/safetensors.ts";
import { streamSafetensors } from "../../weights/safetensors_writer.ts";
import type { Optimizer } from "../step/optimizer.ts";
import { expectSound, withChecksums } from "./_checksums.ts";
import { STATE_FILE, stateBytes } from "./results.ts";
import { resumeStateOf, stateOf } from "./_state_json.ts";
import { type OldRunFacts, type RunFacts, runFactsOf } from "./run_facts.ts";
import type { ResumeState, TrainerState } from "./state.ts";
import { system } from "../../system/mod.ts";

const PREFIX = "checkpoint-";
const OPTIMIZER = "optimizer.safetensors";
const RESUME = "resume.json";
/** Low-rank changes, and the weights as they were before; `model.safetensors` has both merged. */
const LORA = "lora.safetensors";

/** Everything that a checkpoint holds. */
export interface CheckpointParts {
  model: AudioClassificationModel;
  extractor: FeatureExtractor;
  optimizer: Optimizer;
  state: TrainerState;
  resume: ResumeState;
  /** What the run was made of. */
  run: RunFacts;
  /** What else training needs to go on, a file of tensors each. */
  more?: readonly MoreState[];
}

/** Tensors of a run besides those of its model and its optimiser. */
export interface MoreState {
  /** The file of a checkpoint that holds them. */
  readonly file: string;
  /** What is saved. */
  tensors(): Iterable<StoredTensor>;
  /** Takes that back, when the model has its weights. */
  restore(saved: ParameterSource): Promise<void>;
}

/** The name of a step's checkpoint. */
export function checkpointName(step: number): string {
  return `${PREFIX}${step}`;
}

/**
 * Writes `outputDir/checkpoint-N`, in place of one that is there.
 *
 * @param options `modelOnly`: leaves out what a run needs to go on from it.
 */
export async function writeCheckpoint(
  outputDir: string,
  parts: CheckpointParts,
  { modelOnly = false }: { modelOnly?: boolean } = {},
): Promise<string> {
  const { model, extractor, state } = parts;
  const name = checkpointName(state.globalStep);
  await writeDirectoryAtomic(`${outputDir}/${name}`, (folder) =>
    writeFiles(
      folder,
      withChecksums([
        ...modelFiles(model, extractor),
        ...modelOnly ? [] : filesToGoOn(parts),
        ...model.lora ? [tensorFile(LORA, model.lora.tensors())] : [],
        { name: STATE_FILE, chunks: () => [stateBytes(state)] },
      ]),
    ), { replace: true });
  return name;
}

function filesToGoOn({ optimizer, resume, run, more = [] }: CheckpointParts): FileToWrite[] {
  return [
    tensorFile(OPTIMIZER, optimizer.tensors()),
    ...more.map((state) => tensorFile(state.file, state.tensors())),
    { name: RESUME, chunks: () => [jsonBytes({ ...resume, run })] },
  ];
}

function tensorFile(name: string, tensors: Iterable<StoredTensor>): FileToWrite {
  const stream = streamSafetensors(tensors);
  return { name, chunks: () => stream.chunks() };
}

/** A checkpoint whose small files were read and checked. */
export interface SavedRun {
  readonly directory: string;
  readonly state: TrainerState;
  readonly resume: ResumeState;
  /** What the run was made of; of an earlier version, what that knew. */
  readonly run: RunFacts | OldRunFacts;
}

/**
 * Reads what a run stood at, without weights and moments; all bytes are compared with their checksums.
 *
 * @throws {CheckpointError} when it is not one of a run, or is broken.
 */
export async function openSavedRun(directory: string): Promise<SavedRun> {
  await expectSound(directory);
  const files = directoryFiles(directory);
  const stateFile = await readJsonFile(files, STATE_FILE);
  const state = stateOf(stateFile, `${directory}/${STATE_FILE}`);
  const json = await readJsonFile(files, RESUME);
  const resume = resumeStateOf(json, `${directory}/${RESUME}`);
  const { clips, accumulation } = json;
  const run = runFactsOf(json) ?? { clips, accumulation, trainBatchSize: state.trainBatchSize };
  return { directory, state, resume, run };
}

/**
 * Takes weights, optimiser state and what else there is back from a checkpoint.
 *
 * @throws {CheckpointError} when it is of another model, or is broken.
 */
export async function restoreTensors(
  directory: string,
  { model, optimizer, more = [] }: Pick<CheckpointParts, "model" | "optimizer" | "more">,
): Promise<void> {
  await readWeights(directory, model);
  const source = await fileSource(`${directory}/${OPTIMIZER}`);
  try {
    await optimizer.restore(await openSafetensors(source));
    for (const state of more) {
      const own = await fileSource(`${directory}/${state.file}`);
      try {
        await state.restore(await openSafetensors(own));
      } finally {
        own[Symbol.dispose]();
      }
    }
  } finally {
    source[Symbol.dispose]();
  }
}

/**
 * Takes the weights of a checkpoint of the same model back.
 *
 * @throws {CheckpointError} when a file is broken, or one of the two has low-rank changes and the other has not.
 */
export async function readWeights(
  directory: string,
  model: AudioClassificationModel,
): Promise<void> {
  const { files } = await listFolder(directory);
  if (files.includes(LORA) !== (model.lora !== undefined)) {
    const [expected, found] = model.lora ? [LORA, "none"] : ["a model without", LORA];
    throw new CheckpointError(
      `Cannot take weights from "${directory}": expected ${expected}, found ${found}`,
      { file: directory, hint: "Train with the rank and targets it began with" },
    );
  }
  const source = await fileSource(`${directory}/model.safetensors`);
  try {
    await model.assign(await openSafetensors(source));
    if (!model.lora) return;
    // The merged weights just read give way to those that the changes belong to.
    const changes = await fileSource(`${directory}/${LORA}`);
    try {
      await model.lora.assign(await openSafetensors(changes));
    } finally {
      changes[Symbol.dispose]();
    }
  } finally {
    source[Symbol.dispose]();
  }
}

/**
 * The same, the bytes compared with their checksums before the model is changed.
 *
 * @throws {CheckpointError} when one of them is not what was written.
 */
export async function readSoundWeights(
  directory: string,
  model: AudioClassificationModel,
): Promise<void> {
  await expectSound(directory);
  await readWeights(directory, model);
}

/**
 * The steps of the checkpoints in a directory, rising; none where it is not there.
 *
 * @throws {FileError} when it cannot be listed.
 */
export async function checkpointSteps(outputDir: string): Promise<number[]> {
  const { folders } = await listFolderIfThere(outputDir);
  const steps = folders
    .map((name) => name.match(/^checkpoint-(\d+)$/))
    .filter((match) => match !== null)
    .map((match) => Number(match[1]));
  return steps.sort((a, b) => a - b);
}

/**
 * The newest sound checkpoint of a directory.
 *
 * @param onBroken called for each newer one that cannot be used, and why.
 * @throws {CheckpointError} when there is none; where all are broken, what is wrong with the newest.
 */
export async function newestSavedRun(
  outputDir: string,
  onBroken: (message: string) => void,
): Promise<SavedRun> {
  let newest: CheckpointError | undefined;
  for (const step of (await checkpointSteps(outputDir)).reverse()) {
    try {
      return await openSavedRun(`${outputDir}/${checkpointName(step)}`);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      newest ??= error;
      onBroken(`${error.message}; checkpoint-${step} is left out`);
    }
  }
  throw newest ?? noCheckpoint(outputDir);
}

/** @throws {CheckpointError} when a directory has no checkpoint. */
export async function expectCheckpoint(outputDir: string): Promise<void> {
  if ((await checkpointSteps(outputDir)).length === 0) throw noCheckpoint(outputDir);
}

function noCheckpoint(outputDir: string): CheckpointError {
  return new CheckpointError(
    `Cannot resume "${outputDir}": expected a directory checkpoint-N, found none`,
    { file: outputDir, hint: "Start anew without `resumeFromCheckpoint`" },
  );
}

/** Removes the oldest checkpoints beyond a number, and none of those to keep; 0 removes none. */
export async function removeOldCheckpoints(
  outputDir: string,
  limit: number,
  kept: readonly (string | null)[],
): Promise<void> {
  if (limit === 0) return;
  const names = (await checkpointSteps(outputDir)).map(checkpointName);
  const old = names.slice(0, -limit).filter((name) => !kept.includes(name));
  for (const name of old) await system.remove(`${outputDir}/${name}`, { recursive: true });
}
