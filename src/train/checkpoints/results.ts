/**
 * The figures of a run as files: `train_results.json`, `eval_results.json` and the like, all of them together in
 * `all_results.json`, and `trainer_state.json`, with the keys and the form that transformers gives them.
 *
 * @module
 */
import { directoryFiles, writeFileAtomic } from "../../files.ts";
import { readJsonFile } from "../../weights/json_file.ts";
import { sortedByKey, stateJson } from "./_state_json.ts";
import type { TrainerState } from "./state.ts";

const ALL_RESULTS = "all_results.json";

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
  await writeFileAtomic(`${directory}/${split}_results.json`, [resultBytes(metrics)]);
  const before = await readJsonFile(directoryFiles(directory), ALL_RESULTS).catch(() => ({}));
  const all = resultBytes({ ...before, ...metrics });
  await writeFileAtomic(`${directory}/${ALL_RESULTS}`, [all]);
}

/** Four spaces and sorted keys. */
function resultBytes(content: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(sortedByKey(content), null, 4)}\n`);
}

/** The content of `trainer_state.json`. */
export function stateBytes(state: TrainerState): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(stateJson(state), null, 2)}\n`);
}
