/**
 * The files of a data-set repository on the hub.
 *
 * A file is downloaded when it is opened, and stays in the cache that Python shares; streaming, its
 * parts are asked for as they are read, and neither kept nor verified. A repository without data
 * that can be read here, such as one with a script, is read from the Parquet files that the hub
 * made of it.
 *
 * @module
 */

import { dirname } from "node:path";
import { DatasetError, HubError } from "../errors.ts";
import { fileUrl, parseHubName } from "../hub/names.ts";
import type { HubRepository } from "../hub/repository.ts";
import type { HubOptions } from "../hub/settings.ts";
import { fileSource } from "../files.ts";
import { type DataFile, type DataFiles, inFolder, isArchive } from "./_data_files.ts";
import { formatOf } from "./_file_splits.ts";
import { isAudio } from "./folder_layout.ts";
import type { OpenFile } from "./_table.ts";

/** The branch of the Parquet files that the hub makes. */
const PARQUET_BRANCH = "refs/convert/parquet";

/** How a repository is reached and read. */
export interface HubFileOptions extends HubOptions {
  /** A branch, a tag or a commit on the hub. @default "main" */
  revision?: string;
  /** Whether files on the hub are read in parts, as rows need them, and not kept. @default false */
  streaming?: boolean;
}

/** Files of a repository, and whether they are those that the hub made. */
export interface HubDataFiles extends DataFiles {
  isConverted: boolean;
  /** The path of a file in the cache, into which it is brought. */
  cached(path: string): Promise<string>;
}

/**
 * Finds a repository by its id, or its id and a revision: `org/name@revision`.
 *
 * @throws {DatasetError} where the name is neither a place on this disk nor an id.
 * @throws {HubError} where the hub does not give it.
 */
export async function hubDataFiles(
  name: string,
  given: HubFileOptions = {},
): Promise<HubDataFiles> {
  const parsed = parseHubName(name);
  if (parsed === undefined) {
    throw new DatasetError(
      `Cannot load data set "${name}": expected a folder, a file or an id like "org/name", ` +
        "found none of that name",
      { file: name },
    );
  }
  const { id } = parsed;
  const options = { ...given, revision: given.revision ?? parsed.revision };
  const { hubFiles } = await import("../hub/repository.ts");
  const own = await hubFiles(id, { ...options, type: "dataset" });
  if (own.files.some(({ path }) => isData(path))) return filesOf(own, options, false);
  if (options.revision !== undefined) return filesOf(own, options, false);
  try {
    const made = await hubFiles(id, { ...options, type: "dataset", revision: PARQUET_BRANCH });
    return filesOf(made, options, true);
  } catch (error) {
    if (error instanceof HubError && error.reason === "revision") {
      return filesOf(own, options, false);
    }
    throw error;
  }
}

function isData(path: string): boolean {
  return formatOf(path) !== undefined || isAudio(path) || isArchive(path);
}

function filesOf(
  repository: HubRepository,
  options: HubFileOptions,
  isConverted: boolean,
): HubDataFiles {
  const sizes = new Map(repository.files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const open = async (path: string): Promise<OpenFile> => {
    const sizeBytes = sizes.get(path) ?? 0;
    const isStreamed = options.streaming && formatOf(path) === "parquet";
    return isStreamed
      ? await openRanges(repository, options, { path, sizeBytes })
      : await fileSource(await repository.path(path));
  };
  return {
    name: repository.name,
    isConverted,
    cached: (path) => repository.path(path),
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

/** A file of which only the parts that are read come over the network. */
async function openRanges(
  { id, type, commit, name }: HubRepository,
  options: HubFileOptions,
  { path, sizeBytes }: { path: string; sizeBytes: number },
): Promise<OpenFile> {
  const { bodyOf, request } = await import("../hub/request.ts");
  const { hubSettings } = await import("../hub/settings.ts");
  const settings = await hubSettings(options);
  const subject = { type, id, revision: commit, file: path };
  const url = fileUrl(settings, subject);
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    if (start === end) return new Uint8Array(0);
    const headers = { Range: `bytes=${start}-${end - 1}` };
    const answer = await request(settings, url, subject, { headers });
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    for await (const part of bodyOf(settings, answer)) {
      if (answer.response.status === 206 && filled + part.length <= bytes.length) {
        bytes.set(part, filled);
      }
      filled += part.length;
      if (filled > bytes.length) break;
    }
    if (answer.response.status === 206 && filled === bytes.length) return bytes;
    throw new HubError(
      `Cannot read file "${path}" of ${name}: expected bytes ${start} to ${end}, found others`,
      { reason: "refused", repository: id, file: path, hint: "Load it without streaming" },
    );
  };
  return { name: `${name}/${path}`, sizeBytes, read, [Symbol.dispose]: () => {} };
}
