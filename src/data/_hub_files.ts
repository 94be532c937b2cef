/**
 * The files of a data-set repository on the hub.
 *
 * A file is downloaded when it is opened, and stays in the cache that Python shares. A repository
 * without data that can be read here, such as one with a script, is read from the Parquet files
 * that the hub made of it.
 *
 * @module
 */

import { dirname } from "node:path";
import { DatasetError, HubError } from "../errors.ts";
import type { HubRepository } from "../hub/repository.ts";
import type { HubOptions } from "../hub/settings.ts";
import { fileSource } from "../files.ts";
import type { DataFile, DataFiles } from "./_data_files.ts";
import { formatOf } from "./_file_splits.ts";
import { isAudio } from "./folder_layout.ts";
import { inFolder } from "./_zip.ts";

/** The branch of the Parquet files that the hub makes. */
const PARQUET_BRANCH = "refs/convert/parquet";

/** Files of a repository, and whether they are those that the hub made. */
export interface HubDataFiles extends DataFiles {
  isConverted: boolean;
}

/**
 * Finds a repository.
 *
 * @throws {DatasetError} where the name is neither a place on this disk nor an id.
 * @throws {HubError} where the hub does not give it.
 */
export async function hubDataFiles(
  id: string,
  options: HubOptions & { revision?: string } = {},
): Promise<HubDataFiles> {
  if (!/^[\w.-]+\/[\w.-]+$/.test(id)) {
    throw new DatasetError(
      `Cannot load data set "${id}": expected a folder, a file or an id like "org/name", ` +
        "found none of that name",
      { file: id },
    );
  }
  const { hubFiles } = await import("../hub/repository.ts");
  const own = await hubFiles(id, { ...options, type: "dataset" });
  if (own.files.some(({ path }) => isData(path))) return filesOf(own, false);
  if (options.revision !== undefined) return filesOf(own, false);
  try {
    const made = await hubFiles(id, { ...options, type: "dataset", revision: PARQUET_BRANCH });
    return filesOf(made, true);
  } catch (error) {
    if (error instanceof HubError && error.reason === "revision") return filesOf(own, false);
    throw error;
  }
}

function isData(path: string): boolean {
  return formatOf(path) !== undefined || isAudio(path) || /\.zip$/i.test(path);
}

function filesOf(repository: HubRepository, isConverted: boolean): HubDataFiles {
  const sizes = new Map(repository.files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const open = async (path: string) => await fileSource(await repository.path(path));
  return {
    name: repository.name,
    isConverted,
    paths: [...sizes.keys()].filter((path) => !path.split("/").some((part) => part.startsWith(".")))
      .sort(),
    file: (path): Promise<DataFile> =>
      Promise.resolve({
        path,
        name: `${repository.name}/${path}`,
        sizeBytes: sizes.get(path) ?? 0,
        open: () => open(path),
        sibling: (other) => open(inFolder(dirname(path), other)),
      }),
  };
}
