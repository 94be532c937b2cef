/**
 * All files of a data set on the hub in the cache, so that it loads without the network.
 *
 * @module
 */

import { readCard } from "./_card.ts";
import { isArchive } from "./_data_files.ts";
import { formatOf } from "./_file_splits.ts";
import { chosenFiles, configOf, convertedCard, type FilesOptions } from "./_found_files.ts";
import { type HubDataFiles, hubDataFiles } from "./_hub_files.ts";
import { isAudio } from "./folder_layout.ts";

/** A file of a data set: its path there, and in the cache. */
export interface CachedFile {
  path: string;
  cached: string;
}

/** What says which files and columns there are. */
const DESCRIPTIONS: readonly string[] = ["README.md", "dataset_infos.json"];

/**
 * Brings what a configuration of a data set needs into the cache: its tables and archives, the recordings that they
 * may name, and the card.
 *
 * @param id `org/name`, or `org/name@revision`.
 * @param options the configuration, and how the hub is reached.
 * @returns the files, in the order of their paths.
 * @throws {DatasetError} where there is no such configuration.
 * @throws {HubError} where the hub does not give it.
 *
 * @example
 * ```ts ignore
 * import { cachedDataset } from "./cached_dataset.ts";
 *
 * const files = await cachedDataset("PolyAI/minds14", { name: "en-US" });
 * console.log(files.map(({ path }) => path));
 * ```
 */
export async function cachedDataset(
  id: string,
  options: FilesOptions = {},
): Promise<CachedFile[]> {
  const files = await hubDataFiles(id, { ...options, streaming: false });
  const found: CachedFile[] = [];
  for (const path of await neededPaths(files, options)) {
    found.push({ path, cached: await files.cached(path) });
  }
  return found;
}

async function neededPaths(files: HubDataFiles, options: FilesOptions): Promise<string[]> {
  const card = files.isConverted ? convertedCard(files) : await readCard(files);
  const chosen = chosenFiles(files, configOf(files, card, options), options);
  const isData = (path: string) => formatOf(path) !== undefined || isArchive(path) || isAudio(path);
  const named = new Set(chosen ? [...chosen.values()].flat() : files.paths.filter(isData));
  // A table of text names recordings by path, and only its rows say which.
  const namesOthers = [...named].some((path) => !["parquet", undefined].includes(formatOf(path)));
  return files.paths.filter((path) =>
    named.has(path) || DESCRIPTIONS.includes(path) || namesOthers && isAudio(path)
  );
}
