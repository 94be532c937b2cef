/**
 * Which files of a data set hold which split, by their names, with the rules of `datasets`.
 *
 * @module
 */

import { splitOf } from "./folder_layout.ts";

/** How rows are stored. */
export type DataFormat = "parquet" | "csv" | "tsv" | "jsonl";

const FORMATS: Readonly<Record<string, DataFormat>> = {
  parquet: "parquet",
  csv: "csv",
  tsv: "tsv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "jsonl",
};

/** Files that say something about a data set, and are none of its data. */
const IGNORED = /(^|\/)(README\.md|config\.json|dataset_infos?\.json|dataset_dict\.json)$/;

/** The format of a file with rows, by its ending. */
export function formatOf(path: string): DataFormat | undefined {
  const ending = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return IGNORED.test(path) || !Object.hasOwn(FORMATS, ending) ? undefined : FORMATS[ending];
}

/** Names of shards: `data/<split>-00000-of-00001.parquet`. */
const SHARD = /^data\/([^/]+?)-\d{5}-of-\d{5}[^/]*\.[^/]*$/;

const ORDER = ["train", "validation", "test"];

/**
 * Files by split: shards in `data/`, else by a word in a folder's name, else by one in the file's
 * name, else all are for training.
 */
export function filesBySplit(paths: readonly string[]): Map<string, string[]> {
  const ways: ((path: string) => string | undefined)[] = [
    (path) => path.match(SHARD)?.[1],
    (path) => path.split("/").slice(0, -1).map(splitOf).find((split) => split),
    (path) => splitOf(path.split("/").at(-1)!),
    () => "train",
  ];
  const way = ways.find((split) => paths.some((path) => split(path) !== undefined));
  const found = Map.groupBy(paths, (path) => way?.(path) ?? "");
  found.delete("");
  const rank = (split: string) => (ORDER.indexOf(split) + ORDER.length + 1) % (ORDER.length + 1);
  return new Map([...found].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1)));
}
