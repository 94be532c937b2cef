/**
 * `split.csv` beside a model: which clips it was trained, validated and tested on.
 *
 * @module
 */
import { SPLIT_FILE, splitCsv, splitRowsOf } from "../data/split_file.ts";
import type { FileToWrite } from "../files.ts";
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
