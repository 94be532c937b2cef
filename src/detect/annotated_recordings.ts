/**
 * Which recording a table of annotations speaks of: names in tables are rarely the paths that one has.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import type { AnnotationTable } from "./annotations.ts";
import type { SoundEvent } from "./sound_event.ts";

/** The annotations of the recordings that there are. */
export interface AnnotatedRecordings {
  /** Events in order of their start, by the recording's path as given; one that is named without a sound has none. */
  events: Map<string, SoundEvent[]>;
  /** Names in tables that no recording has. */
  missing: string[];
  /** Recordings that no table names. */
  unlabelled: string[];
}

/**
 * Finds the recordings that tables name.
 *
 * A name means the recording of that name, wherever it was when the table was written; of several the one with most
 * folders in common; else one of that name but for its ending, as label tracks have it.
 *
 * @param tables what was read.
 * @param paths the recordings that there are.
 * @returns the events of each.
 * @throws {DatasetError} where a name could mean several recordings.
 *
 * @example
 * ```ts
 * import { annotatedRecordings, parseAnnotations } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const tables = [parseAnnotations("1\t2\tdog\n", { file: "yard.txt" })];
 * const { events, unlabelled } = annotatedRecordings(tables, ["day/yard.wav", "day/road.wav"]);
 * deepEqual(events.get("day/yard.wav"), [{ start: 1, end: 2, label: "dog" }]);
 * deepEqual(unlabelled, ["day/road.wav"]);
 * ```
 */
export function annotatedRecordings(
  tables: readonly AnnotationTable[],
  paths: readonly string[],
): AnnotatedRecordings {
  const byName = Map.groupBy(paths, nameOf);
  const byStem = Map.groupBy(paths, stemOf);
  const events = new Map<string, SoundEvent[]>();
  const missing = new Set<string>();
  for (const { recordings } of tables) {
    const places = Array.from(recordings.keys(), (name) => placeOf(name, byName, byStem));
    for (const place of places) {
      // Of two names that could mean one recording, as `a/x.wav` and `b/x.wav` where only one is there, the nearer.
      const isNearest = places.every((other) => {
        return other.path !== place.path || other.nearness <= place.nearness;
      });
      const found = recordings.get(place.name)!;
      if (place.path === undefined || !isNearest) missing.add(place.name);
      else events.set(place.path, [...events.get(place.path) ?? [], ...found]);
    }
  }
  for (const found of events.values()) found.sort((a, b) => a.start - b.start || a.end - b.end);
  const unlabelled = paths.filter((path) => !events.has(path));
  return { events, missing: [...missing], unlabelled };
}

/** Which recording a name means, and how much of the two paths is the same. */
interface Place {
  name: string;
  path?: string;
  nearness: number;
}

function placeOf(
  name: string,
  byName: ReadonlyMap<string, string[]>,
  byStem: ReadonlyMap<string, string[]>,
): Place {
  const sameName = byName.get(nameOf(name));
  if (sameName) return nearestOf(name, sameName);
  // A label track has its recording's name without the ending, which may itself have a dot.
  const sameStem = byStem.get(nameOf(name)) ?? byStem.get(stemOf(name));
  return sameStem ? nearestOf(name, sameStem) : { name, nearness: 0 };
}

function nearestOf(name: string, paths: readonly string[]): Place {
  const nearness = paths.map((path) => commonFolders(name, path));
  const most = Math.max(...nearness);
  const nearest = paths.filter((_, at) => nearness[at] === most);
  if (nearest.length === 1) return { name, path: nearest[0]!, nearness: most };
  throw new DatasetError(
    `Cannot use the annotations of "${name}": expected one recording of that name, found ` +
      `${nearest.length}: ${nearest.slice(0, 3).join(", ")}`,
    { file: name, hint: "Write the path from the folder of recordings into the table" },
  );
}

/** How many folders above two files have the same names; one more where the whole paths are the same. */
function commonFolders(a: string, b: string): number {
  const [first, second] = [foldersOf(a), foldersOf(b)];
  let common = 0;
  while (common < first.length && first[common] === second[common]) common++;
  return common === first.length && common === second.length ? common + 1 : common;
}

/** From the file upwards. */
function foldersOf(path: string): string[] {
  return path.split(/[\\/]/).filter((part) => part !== "" && part !== ".").reverse().slice(1);
}

function nameOf(path: string): string {
  return path.split(/[\\/]/).at(-1)!;
}

function stemOf(path: string): string {
  return nameOf(path).replace(/\.\w+$/, "");
}
