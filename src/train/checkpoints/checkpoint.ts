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
import type { StoredTensor } from "../../layers/parameters.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import { jsonBytes, modelFiles } from "../../pretrained.ts";
import { readJsonFile } from "../../weights/json_file.ts";
import { openSafetensors } from "../../weights/safetensors.ts";
import { streamSafetensors } from "../../weights/safetensors_writer.ts";
import type { AdamW } from "../step/optimizer.ts";
import { stateBytes } from "./results.ts";
import { resumeStateOf, stateOf } from "./_state_json.ts";
import type { ResumeState, TrainerState } from "./state.ts";

const PREFIX = "checkpoint-";
const OPTIMIZER = "optimizer.safetensors";
const TRAINER_STATE = "trainer_state.json";
const RESUME = "resume.json";
/** Low-rank changes, and the weights as they were before; `model.safetensors` has both merged. */
const LORA = "lora.safetensors";

/** Everything that a checkpoint holds. */
export interface CheckpointParts {
  model: AudioClassificationModel;
  extractor: FeatureExtractor;
  optimizer: AdamW;
  state: TrainerState;
  resume: ResumeState;
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
    writeFiles(folder, [
      ...modelFiles(model, extractor),
      ...modelOnly ? [] : filesToGoOn(parts),
      ...model.lora ? [tensorFile(LORA, model.lora.tensors())] : [],
      { name: TRAINER_STATE, chunks: () => [stateBytes(state)] },
    ]), { replace: true });
  return name;
}

function filesToGoOn({ optimizer, resume }: CheckpointParts): FileToWrite[] {
  return [
    tensorFile(OPTIMIZER, optimizer.tensors()),
    { name: RESUME, chunks: () => [jsonBytes(resume)] },
  ];
}

function tensorFile(name: string, tensors: Iterable<StoredTensor>): FileToWrite {
  const stream = streamSafetensors(tensors);
  return { name, chunks: () => stream.chunks() };
}

/**
 * Takes weights, optimiser state and log back from a checkpoint.
 *
 * @throws {CheckpointError} when it is not one of a run, or is broken.
 */
export async function readCheckpoint(
  directory: string,
  parts: { model: AudioClassificationModel; optimizer: AdamW },
): Promise<{ state: TrainerState; resume: ResumeState }> {
  const files = directoryFiles(directory);
  const state = stateOf(
    await readJsonFile(files, TRAINER_STATE),
    `${directory}/${TRAINER_STATE}`,
  );
  const resume = resumeStateOf(await readJsonFile(files, RESUME), `${directory}/${RESUME}`);
  await readWeights(directory, parts.model);
  using source = await fileSource(`${directory}/${OPTIMIZER}`);
  await parts.optimizer.restore(await openSafetensors(source));
  return { state, resume };
}

/**
 * Takes the weights of a checkpoint of the same model back.
 *
 * @throws {CheckpointError} when one of the two has low-rank changes and the other has not.
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
  using source = await fileSource(`${directory}/model.safetensors`);
  await model.assign(await openSafetensors(source));
  if (!model.lora) return;
  // The merged weights just read give way to those that the changes belong to.
  using changes = await fileSource(`${directory}/${LORA}`);
  await model.lora.assign(await openSafetensors(changes));
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
 * The newest checkpoint of a directory.
 *
 * @throws {CheckpointError} when there is none.
 */
export async function newestCheckpoint(outputDir: string): Promise<string> {
  const step = (await checkpointSteps(outputDir)).at(-1);
  if (step === undefined) {
    throw new CheckpointError(
      `Cannot resume "${outputDir}": expected a directory checkpoint-N, found none`,
      { file: outputDir, hint: "Start anew without `resumeFromCheckpoint`" },
    );
  }
  return `${outputDir}/${checkpointName(step)}`;
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
  for (const name of old) await Deno.remove(`${outputDir}/${name}`, { recursive: true });
}
