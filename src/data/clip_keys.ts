/**
 * What clips have in common: their group (a speaker, a recording, a site), which is never on both sides of a split, and
 * the fold that a data set gives them.
 *
 * Both come from a column, or from the path of the recording by a regular expression with one group in brackets.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import type { AudioClip, AudioDataset } from "./audio_dataset.ts";
import type { Dataset } from "./dataset.ts";
import { ClassLabel, listed } from "./features.ts";

/** Where groups and folds of clips come from: the name of a column, or a pattern such as `/(\w+)_\d+\.wav$/`. */
export interface ClipKeys {
  /** What is never on both sides of a split. @default each clip is by itself */
  groupBy?: string;
  /** Which fold a clip is in. @default folds are drawn */
  foldBy?: string;
}

const PATTERN = /^\/(.+)\/([imsu]*)$/s;

const PATTERN_HINT = "A pattern has one group in brackets, which is the name: such as " +
  String.raw`"/(\w+)_\d+\.wav$/" for "yes/anna_1.wav"`;

/**
 * What a clip belongs with: its group, or its recording where there are no groups.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(groupOf({ file: "yes/anna_1.wav", label: 0, group: "anna" }), "anna");
 * equal(groupOf({ file: "yes/anna_1.wav", label: 0 }), "yes/anna_1.wav");
 * ```
 */
export function groupOf({ group, file }: AudioClip): string {
  return group ?? file;
}

/**
 * The path of a clip in its data set, with slashes, as patterns see it and tables of splits name it.
 *
 * @param source the folder or file of the data set.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(pathInSource("path/to/words/yes/1.wav", "path/to/words/"), "yes/1.wav");
 * ```
 */
export function pathInSource(file: string, source: string): string {
  const slashed = (path: string) => path.replaceAll("\\", "/");
  const path = slashed(file);
  const folder = slashed(source).replace(/\/+$/, "");
  const above = folder.slice(0, Math.max(0, folder.lastIndexOf("/")));
  const start = [folder, above].find((prefix) => prefix !== "" && path.startsWith(`${prefix}/`));
  return start === undefined ? path : path.slice(start.length + 1);
}

/**
 * The same clips with their groups and folds.
 *
 * @param set the clips of `rows`, in their order.
 * @param source the folder or file of the data set.
 * @throws {DatasetError} where there is no such column, a row has no value in it, or a path does not match.
 * @throws {SyntaxError} where a pattern is none, or has not one group.
 */
export async function withKeys(
  set: AudioDataset,
  { rows, source, groupBy, foldBy }: ClipKeys & { rows: Dataset; source: string },
): Promise<AudioDataset> {
  if (groupBy === undefined && foldBy === undefined) return set;
  const context = { clips: set.clips, rows, source };
  const groups = groupBy === undefined ? [] : await keysOf("group", groupBy, context);
  const folds = foldBy === undefined ? [] : await keysOf("fold", foldBy, context);
  const clips = set.clips.map((clip, i): AudioClip => ({
    ...clip,
    ...groups[i] !== undefined && { group: groups[i] },
    ...folds[i] !== undefined && { fold: folds[i] },
  }));
  return { ...set, clips };
}

interface KeyContext {
  clips: readonly AudioClip[];
  rows: Dataset;
  source: string;
}

async function keysOf(
  what: "group" | "fold",
  by: string,
  { clips, rows, source }: KeyContext,
): Promise<string[]> {
  const isColumn = Object.hasOwn(rows.features, by);
  const pattern = isColumn ? undefined : patternOf(by);
  const keys = pattern
    ? clips.map(({ file }) => pathInSource(file, source).match(pattern)?.[1])
    : await columnValues(rows, by, what);
  const lacking = clips.filter((_, i) => keys[i] === undefined);
  if (lacking.length === 0) return keys as string[];
  const count = lacking.length === clips.length
    ? `all ${clips.length}`
    : `${lacking.length} of ${clips.length}`;
  const expected = pattern ? "the path of every clip to match" : "a value in every row";
  throw new DatasetError(
    `Cannot take the ${what} of clips from "${by}": expected ${expected}, found none for ${count}, ` +
      `such as "${pathInSource(lacking[0]!.file, source)}"`,
    { file: lacking[0]!.file, hint: pattern ? PATTERN_HINT : undefined },
  );
}

/** The regular expression of `/…/`, or of a text with a bracket; undefined for what can only be a column. */
function patternOf(by: string): RegExp | undefined {
  const [, delimited, flags] = by.match(PATTERN) ?? [];
  const text = delimited ?? (by.includes("(") ? by : undefined);
  if (text === undefined) return undefined;
  try {
    const pattern = new RegExp(text, flags);
    // An empty alternative matches anything, and gives as many places as there are groups.
    const groups = new RegExp(`${text}|`, flags).exec("")!.length - 1;
    if (groups === 1) return pattern;
    throw new SyntaxError(`expected one group in brackets, found ${groups || "none"}`);
  } catch (cause) {
    const { message } = cause as SyntaxError;
    const reason = /^expected/.test(message)
      ? message
      : `expected a regular expression, found one that is none (${message})`;
    throw Object.assign(new SyntaxError(`Cannot use pattern "${by}": ${reason}`, { cause }), {
      hint: PATTERN_HINT,
    });
  }
}

async function columnValues(
  rows: Dataset,
  name: string,
  what: string,
): Promise<(string | undefined)[]> {
  const feature = rows.features[name];
  if (feature === undefined) {
    throw new DatasetError(
      `Cannot take the ${what} of clips from "${name}": expected a column of "${rows.split}", one ` +
        `of ${listed(rows.columnNames)}, or a pattern`,
      { hint: PATTERN_HINT },
    );
  }
  const values = await rows.column(name);
  return values.map((value) => {
    if (value === null || value === undefined || value === "") return undefined;
    return feature instanceof ClassLabel ? feature.names[Number(value)] : String(value);
  });
}
