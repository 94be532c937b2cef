/**
 * What the Speech Commands data set has beside its label folders, and others after it: text files that list the
 * recordings of a split, and a folder of noise.
 *
 * @module
 */

import type { FolderContext } from "./_audio_folder.ts";
import type { DataFiles } from "./_data_files.ts";
import { openFile, relativeName } from "./_row_files.ts";
import { type FoundClip, isAudio, type SplitName, splitOf } from "./folder_layout.ts";

const NOISE = /^_+background_noise_*$/i;

const MAX_LIST_BYTES = 2 ** 26;

/** The recordings of a folder of noise, and all other files. */
export function withoutNoise(paths: readonly string[]): { noise: string[]; rest: string[] } {
  const isNoise = (path: string) => path.split("/").slice(0, -1).some((name) => NOISE.test(name));
  return {
    noise: paths.filter((path) => isNoise(path) && isAudio(path)),
    rest: paths.filter((path) => !isNoise(path)),
  };
}

/** Clips by the splits that lists such as `testing_list.txt` say, where they have none of their own. */
export async function withSplitLists(
  files: DataFiles,
  splits: ReadonlyMap<SplitName, readonly FoundClip[]>,
  { onNotice }: Pick<FolderContext, "onNotice">,
): Promise<ReadonlyMap<SplitName, readonly FoundClip[]>> {
  if (splits.size > 1 || !splits.has("train")) return splits;
  const clips = splits.get("train")!;
  const known = new Set(clips.map(({ path }) => path));
  const splitByPath = new Map<string, SplitName>();
  const lists = files.paths.filter((path) => /^[^/]*list[^/]*\.txt$/i.test(path));
  let listsTraining = false;
  for (const list of lists) {
    const split = splitOf(list.replace(/\.txt$/i, ""));
    if (split === undefined) continue;
    const named = await linesOf(files, list);
    const missing = named.filter((path) => !known.has(path));
    if (missing.length === named.length) continue;
    listsTraining ||= split === "train";
    for (const path of named) splitByPath.set(path, split);
    if (missing.length === 0) continue;
    const example = relativeName(files.name, missing[0]!);
    const of = `${missing.length} of the ${named.length} files that "${list}" lists`;
    onNotice?.(`Cannot find ${of}, such as "${example}"`, "suspicious");
  }
  if (splitByPath.size === 0) return splits;
  const rest = listsTraining ? undefined : "train";
  const groups = Map.groupBy(clips, ({ path }) => splitByPath.get(path) ?? rest);
  const unlisted = groups.get(undefined)?.length ?? 0;
  if (unlisted > 0) onNotice?.(`Left out ${unlisted} recordings that no list names`, "suspicious");
  const found = [...groups].filter((entry): entry is [SplitName, FoundClip[]] => {
    return entry[0] !== undefined;
  });
  return new Map(found);
}

async function linesOf(files: DataFiles, path: string): Promise<string[]> {
  const source = await openFile(files, path);
  try {
    const bytes = await source.read(0, Math.min(source.sizeBytes, MAX_LIST_BYTES));
    const lines = new TextDecoder().decode(bytes).split(/\r?\n/).map((line) => line.trim());
    return lines.filter((line) => line !== "").map((line) => line.replace(/^\.\//, ""));
  } finally {
    source[Symbol.dispose]();
  }
}
