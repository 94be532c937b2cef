/**
 * `split.csv` beside a model: which clips it was trained, validated and tested on.
 *
 * @module
 */
import { readSplitFile, SPLIT_FILE, splitCsv, splitRowsOf } from "../data/split_file.ts";
import { directoryFiles, type FileToWrite } from "../files.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { isThere } from "./_command.ts";
import type { Output } from "./_output.ts";
import { type SplitFolder, splitsInOrder } from "./_data.ts";

/**
 * The file. Clips of a class that is drawn from elsewhere are not of the data set, and are left out.
 *
 * @param drawnLabel that class, where there is one.
 */
export function splitRecord(folder: SplitFolder, drawnLabel?: string): FileToWrite {
  const rows = splitRowsOf(splitsInOrder(folder), folder.source);
  const own = rows.filter(({ label }) => drawnLabel === undefined || label !== drawnLabel);
  return { name: SPLIT_FILE, chunks: () => [new TextEncoder().encode(splitCsv(own))] };
}

/**
 * Warns of clips that a model was trained on, where it was trained on this data set and says so.
 *
 * @param clips by their paths in the data set.
 */
export async function warnOfTrained(
  { directory, data }: { directory: string; data: string },
  clips: readonly { file: string }[],
  out: Output,
): Promise<void> {
  const table = `${directory}/${SPLIT_FILE}`;
  if (!await isThere(table) || !await isTrainedOn(directory, data)) return;
  const rows = await readSplitFile(table);
  const trained = new Set(rows.flatMap(({ file, split }) => split === "train" ? [file] : []));
  const count = clips.filter(({ file }) => trained.has(file)).length;
  if (count === 0) return;
  out.warn(
    `Warning: "${directory}" was trained on ${count} of the ${clips.length} clips, says its ${SPLIT_FILE}`,
  );
  out.warn(`- Measure on clips that it has not seen: --split-file ${table}`);
}

async function isTrainedOn(directory: string, data: string): Promise<boolean> {
  const { data: own } = await readJsonFile(directoryFiles(directory), "training_args.json")
    .catch(() => ({ data: undefined }));
  if (typeof own !== "string") return false;
  const real = (path: string) => Deno.realPath(path).catch(() => path);
  return own === data || await real(own) === await real(data);
}
