/**
 * The figures of a run as files: `train_results.json`, `eval_results.json` and the like, all of them together in
 * `all_results.json`, and `trainer_state.json`, with the keys and the form that transformers gives them.
 *
 * @module
 */
import { directoryFiles, type FileToWrite, writeFiles } from "../../files.ts";
import { readJsonFile } from "../../weights/json_file.ts";
import { sortedByKey, stateJson } from "./_state_json.ts";
import type { TrainerState } from "./state.ts";

const ALL_RESULTS = "all_results.json";

/** Log and best result of a run, beside its model. */
export const STATE_FILE = "trainer_state.json";

/**
 * Writes metrics into `<split>_results.json`, and adds them to `all_results.json`.
 *
 * @param directory where they go.
 * @param split "train", "eval", "test" or another word.
 */
export async function saveMetrics(
  directory: string,
  split: string,
  metrics: Record<string, number>,
): Promise<void> {
  await writeFiles(directory, await resultFiles(directory, split, metrics));
}

/**
 * The files that {@linkcode saveMetrics} writes.
 *
 * @param stale names of files of an earlier model, whose results are not taken over.
 */
export async function resultFiles(
  directory: string,
  split: string,
  metrics: Record<string, number>,
  stale: readonly string[] = [],
): Promise<FileToWrite[]> {
  const before = stale.includes(ALL_RESULTS)
    ? {}
    : await readJsonFile(directoryFiles(directory), ALL_RESULTS).catch(() => ({}));
  const contents = [
    [`${split}_results.json`, metrics],
    [ALL_RESULTS, { ...before, ...metrics }],
  ] as const;
  return contents.map(([name, content]) => ({ name, chunks: () => [resultBytes(content)] }));
}

/** Four spaces and sorted keys. */
function resultBytes(content: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(sortedByKey(content), null, 4)}\n`);
}

/** The content of `trainer_state.json`. */
export function stateBytes(state: TrainerState): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(stateJson(state), null, 2)}\n`);
}
