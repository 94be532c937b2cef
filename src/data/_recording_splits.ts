/**
 * Which recordings are trained, validated and tested on: whole ones, never parts of one on both sides.
 *
 * @module
 */

import { openAudio } from "../audio/mod.ts";
import { audioDurationSec } from "../audio/duration.ts";
import { fileSource } from "../files.ts";
import type { Random } from "../random.ts";
import { type SplitName, splitOf } from "./folder_layout.ts";

/** How many recordings go where. */
export interface RecordingShares {
  /** A part below 1, or a number of recordings; 0 for none. */
  test: number;
  /** The same. */
  validation: number;
}

/**
 * Splits recordings: by their top folders where all of these are named as splits, else at random.
 *
 * There is always one to train on; a test split comes before one for validation where there are too few for both.
 *
 * @param paths the recordings, relative to their folder.
 * @param shares how many are wanted.
 * @param random draws them.
 */
export function splitRecordings(
  paths: readonly string[],
  { test, validation }: RecordingShares,
  random: Random,
): Map<SplitName, string[]> {
  if (haveSplitFolders(paths)) return Map.groupBy(paths, (path) => splitOfFolder(path)!);
  const order = Array.from(random.permutation(paths.length), (place) => paths[place]!);
  const countOf = (size: number) => size < 1 ? Math.ceil(size * paths.length) : size;
  const tests = Math.min(countOf(test), Math.max(0, paths.length - 1));
  const validations = Math.min(countOf(validation), Math.max(0, paths.length - 1 - tests));
  const parts: [SplitName, string[]][] = [
    ["test", order.slice(0, tests)],
    ["validation", order.slice(tests, tests + validations)],
    ["train", order.slice(tests + validations)],
  ];
  return new Map(
    parts.filter(([, part]) => part.length > 0).map(([name, part]) => {
      return [name, part.sort()];
    }),
  );
}

/** Whether recordings lie in folders that are all named as splits, one of them to train on. */
export function haveSplitFolders(paths: readonly string[]): boolean {
  const splits = new Set(paths.map(splitOfFolder));
  return splits.has("train") && !splits.has(undefined);
}

function splitOfFolder(path: string): SplitName | undefined {
  return splitOf(path.split("/").slice(0, -1)[0] ?? "");
}

/**
 * The seconds of a recording, from its header, or by decoding it where that says nothing.
 *
 * @throws {FileError | AudioFormatError} where it cannot be read.
 */
export async function recordingSeconds(path: string): Promise<number> {
  const source = await fileSource(path);
  try {
    const stated = await audioDurationSec(source);
    if (stated !== undefined) return stated;
    const again = await fileSource(path);
    try {
      const audio = await openAudio(again, { file: path });
      let samples = 0;
      for await (const block of audio.blocks()) samples += block.length;
      return samples / audio.sampleRateHz;
    } finally {
      again[Symbol.dispose]();
    }
  } finally {
    source[Symbol.dispose]();
  }
}
