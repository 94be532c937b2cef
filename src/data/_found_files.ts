/**
 * Which files make up a data set: of a folder, a file or a repository, the configuration's, as far as its card or the
 * user says so.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import { entryIfThere } from "../files.ts";
import {
  chosenConfig,
  type DatasetCard,
  type DatasetConfig,
  patternsOf,
  readCard,
} from "./_card.ts";
import { type DataFiles, folderFiles, holdsArchive, isArchive, singleFile } from "./_data_files.ts";
import { filesBySplit, formatOf } from "./_file_splits.ts";
import { matching } from "./_glob.ts";
import { hubDataFiles, type HubFileOptions } from "./_hub_files.ts";

export type { HubFileOptions };

/** Which files. */
export interface FilesOptions extends HubFileOptions {
  /** The configuration, such as "en-US". @default the only one, or the one that the card names */
  name?: string;
  /** Paths or patterns of files, or these by split. @default what the card or their names say */
  dataFiles?: string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;
}

/** The files of a data set, and what it says of itself. */
export interface Found {
  files: DataFiles;
  card: DatasetCard;
}

/**
 * The files of a folder, a file, or a repository on the hub.
 *
 * @throws {DatasetError} for a file of another kind, or a name of none of these.
 * @throws {HubError} where the hub does not give it.
 */
export async function openFiles(source: string, options: FilesOptions): Promise<Found> {
  const info = await entryIfThere(source);
  if (info === undefined) {
    const files = await hubDataFiles(source, options);
    return { files, card: files.isConverted ? convertedCard(files) : await readCard(files) };
  }
  if (info.isDirectory) {
    const files = await folderFiles(source);
    return { files, card: await readCard(files) };
  }
  const files = singleFile(source);
  const isNamed = formatOf(source) !== undefined || isArchive(source);
  if (isNamed || await holdsArchive(await files.file(files.paths[0]!))) {
    return { files, card: { configs: [], features: new Map() } };
  }
  throw new DatasetError(
    `Cannot load data set "${source}": expected a folder or a Parquet, CSV, TSV, JSONL or zip ` +
      "file, found another file",
    { file: source },
  );
}

/** The hub's own Parquet files lie in `config/split/0000.parquet`. */
export function convertedCard({ paths }: DataFiles): DatasetCard {
  const folders = paths.map((path) => path.split("/")).filter((parts) => parts.length === 3);
  const byConfig = Map.groupBy(folders, ([name]) => name!);
  const configs = Array.from(byConfig, ([name, files]): DatasetConfig => {
    const bySplit = Map.groupBy(files, ([, split]) => split!.replace(/^partial-/, ""));
    const patterns = new Map(
      Array.from(bySplit, ([split, found]) => [split, found.map((parts) => parts.join("/"))]),
    );
    return { name, patterns, isDefault: false };
  });
  return { configs, features: new Map() };
}

/** The configuration of a data set that has some. */
export function configOf(
  files: DataFiles,
  { configs }: DatasetCard,
  { name, dataFiles }: FilesOptions,
): DatasetConfig | undefined {
  if (configs.length > 0 && (dataFiles === undefined || name !== undefined)) {
    return chosenConfig(configs, name, files.name);
  }
  if (name === undefined || name === "default") return undefined;
  return chosenConfig([{ name: "default", isDefault: true }], name, files.name);
}

/** The files by split that the user or the card names; undefined where their names must say it. */
export function chosenFiles(
  files: DataFiles,
  config: DatasetConfig | undefined,
  { dataFiles }: FilesOptions,
): Map<string, string[]> | undefined {
  const patterns = dataFiles === undefined ? config?.patterns : patternsOf(dataFiles, files.name);
  const folder = config?.folder?.replace(/^\.\/|\/$/g, "");
  const prefix = folder ? `${folder}/` : "";
  if (patterns === undefined) {
    if (prefix === "") return undefined;
    return filesBySplit(files.paths.filter((path) => path.startsWith(prefix)));
  }
  return new Map(Array.from(patterns, ([split, list]) => {
    const found = list.flatMap((pattern) => {
      const paths = matching(prefix + pattern, files.paths);
      if (paths.length > 0) return paths;
      throw new DatasetError(
        `Cannot load data set "${files.name}": expected files "${prefix + pattern}", found none`,
        { file: files.name },
      );
    });
    return [split, [...new Set(found)]];
  }));
}
