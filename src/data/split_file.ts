/**
 * Which clip was trained, validated and tested on, as a table `split.csv` beside a model, and a data set split as such a
 * table says, so that others can repeat what was measured.
 *
 * A row is a clip: `file` (its path in the data set), `label`, `split` and, where there are any, `fold` and `group`. A table
 * of folds alone has no splits.
 *
 * @module
 */

import { CsvError, parse } from "csv-parse/sync";
import { DatasetError } from "../errors.ts";
import { fileSource } from "../files.ts";
import type { AudioClip, AudioDataset } from "./audio_dataset.ts";
import { expectGroupsApart } from "./_group_splits.ts";
import { pathInSource } from "./clip_keys.ts";
import { listed } from "./features.ts";
import type { SplitName } from "./folder_layout.ts";

/** What the table is called beside a model. */
export const SPLIT_FILE = "split.csv";

/** A clip in a table of splits. */
export interface SplitRow {
  /** Its path in the data set. */
  file: string;
  label: string;
  /** Empty in a table of folds. */
  split: SplitName | "";
  fold?: string;
  group?: string;
}

const SPLITS: readonly string[] = ["train", "validation", "test"] satisfies SplitName[];

/** Some hundred bytes a clip: a million of them. */
const MAX_BYTES = 2 ** 27;

/**
 * The rows of clips: what was cut out of one recording, or is of one label in it, is one row.
 *
 * @param source the folder or file of the data set.
 */
export function splitRowsOf(
  sets: readonly AudioDataset[],
  source: string,
  { hasSplits = true }: { hasSplits?: boolean } = {},
): SplitRow[] {
  const rows = sets.flatMap(({ split, labels, clips, kind }) =>
    clips.map((clip): SplitRow => ({
      file: pathInSource(clip.file, source),
      label: labelOf(clip, labels, kind),
      split: hasSplits ? split as SplitName : "",
      fold: clip.fold,
      group: clip.group,
    }))
  );
  return [...new Map(rows.map((row) => [`${row.split}\n${row.label}\n${row.file}`, row])).values()];
}

function labelOf(
  { label, targets }: AudioClip,
  labels: readonly string[],
  kind: AudioDataset["kind"],
): string {
  if (!targets) return labels[label]!;
  if (kind === "regression") return targets.join(";");
  return labels.filter((_, i) => targets[i]! > 0.5).join(";");
}

/**
 * A table of splits as CSV.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * equal(splitCsv([{ file: "a,b.wav", label: "no", split: "test" }]), 'file,label,split\n"a,b.wav",no,test\n');
 * ```
 */
export function splitCsv(rows: readonly SplitRow[]): string {
  const more = (["fold", "group"] as const).filter((name) => rows.some((row) => row[name]));
  const columns = ["file", "label", "split", ...more] as const;
  const lines = rows.map((row) => columns.map((name) => cell(row[name] ?? "")).join(","));
  return `${[columns.join(","), ...lines].join("\n")}\n`;
}

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Reads a table of splits.
 *
 * @throws {FileError} where there is no such file.
 * @throws {DatasetError} where it is no such table, or has a file in two splits.
 */
export async function readSplitFile(path: string): Promise<SplitRow[]> {
  const source = await fileSource(path);
  try {
    const wrong = (expected: string, found: string, cause?: unknown) =>
      new DatasetError(`Cannot read splits "${path}": expected ${expected}, found ${found}`, {
        file: path,
        cause,
      });
    if (source.sizeBytes > MAX_BYTES) {
      throw wrong(`at most ${MAX_BYTES} bytes`, `${source.sizeBytes}`);
    }
    const text = new TextDecoder().decode(await source.read(0, source.sizeBytes));
    const rows = recordsOf(text, wrong);
    const columns = Object.keys(rows[0] ?? {});
    for (const name of ["file", "split"]) {
      if (!columns.includes(name)) {
        const found = columns.length > 0 ? listed(columns) : "no rows";
        throw wrong('columns "file" and "split"', found);
      }
    }
    const places = new Map<string, string>();
    for (const { file = "", split = "" } of rows) {
      if (split !== "" && !SPLITS.includes(split)) {
        throw wrong(`one of ${listed(SPLITS)} for "${file}"`, `"${split}"`);
      }
      const other = places.get(file);
      if (other !== undefined && other !== split) {
        throw wrong(`"${file}" in one split`, `it in "${other}" and "${split}"`);
      }
      places.set(file, split);
    }
    return rows.map(({ file = "", label = "", split = "", fold, group }) => ({
      file,
      label,
      split: split as SplitRow["split"],
      fold: fold || undefined,
      group: group || undefined,
    }));
  } finally {
    source[Symbol.dispose]();
  }
}

function recordsOf(
  text: string,
  wrong: (expected: string, found: string, cause: unknown) => DatasetError,
): Record<string, string>[] {
  try {
    return parse(text, { columns: true, bom: true, skip_empty_lines: true });
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw wrong("a table in CSV", cause.message, cause);
  }
}

/** A data set in the splits of a table. */
export interface SplitByFile {
  splits: Partial<Record<SplitName, AudioDataset>>;
  /** What a user should know, one sentence each. */
  notes: string[];
}

/**
 * The clips of a data set in the splits, folds and groups of a table; clips that it does not name are left out. With a table
 * of folds alone all are to train on.
 *
 * @param path the table, for messages.
 * @param isWhole whether each file that the table names has to be there; else some.
 * @throws {DatasetError} where files of the table are missing, or a group is in two of its splits.
 */
export function splitByRows(
  sets: readonly AudioDataset[],
  rows: readonly SplitRow[],
  { source, path, isWhole }: { source: string; path: string; isWhole: boolean },
): SplitByFile {
  const named = new Map(rows.map((row) => [row.file, row]));
  const hasSplits = rows.some(({ split }) => split !== "");
  const all = sets.flatMap(({ clips }) => clips);
  const found = all.flatMap((clip) => {
    const row = named.get(pathInSource(clip.file, source));
    return row && (row.split !== "" || !hasSplits) ? [{ clip, row }] : [];
  });
  expectThere(found.map(({ row }) => row), named, { source, path, isWhole });
  const bySplit = Map.groupBy(found, ({ row }) => row.split || "train");
  const splits: SplitByFile["splits"] = {};
  for (const [split, pairs] of bySplit) {
    const clips = pairs.map(({ clip, row: { fold, group } }) => ({ ...clip, fold, group }));
    splits[split] = { ...sets[0]!, split, clips };
  }
  expectGroupsApart(path, Object.values(splits), "Correct its column group, or leave it out");
  const left = all.length - found.length;
  const notes = left > 0 ? [`${left} clips that "${path}" does not name are left out`] : [];
  return { splits, notes };
}

function expectThere(
  found: readonly SplitRow[],
  named: ReadonlyMap<string, SplitRow>,
  { source, path, isWhole }: { source: string; path: string; isWhole: boolean },
): void {
  const there = new Set(found.map(({ file }) => file));
  const missing = [...named.values()].filter(({ file }) => !there.has(file));
  if (missing.length === 0 || !isWhole && there.size > 0) return;
  throw new DatasetError(
    `Cannot split "${source}" as "${path}" says: expected the ${named.size} files that it names, ` +
      `found ${there.size}; missing is "${missing[0]!.file}"`,
    { file: path, hint: "The table names paths in the folder that was given as the data set" },
  );
}
