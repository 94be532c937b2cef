/**
 * From the rows of a data set to the clips that training reads: which column is the recording,
 * which the label, and what kind of label it is.
 *
 * The label column is read; recordings are not, until their batch comes up.
 *
 * @module
 */

import { DatasetError, FileError } from "../errors.ts";
import { type Cell, openAudio } from "./_values.ts";
import type { AudioClip, AudioDataset, LabelKind } from "./audio_dataset.ts";
import type { Dataset } from "./dataset.ts";
import { Audio, ClassLabel, type Feature, listed, Sequence, shown, Value } from "./features.ts";
import type { OpenFile } from "./_table.ts";

/** Which columns are trained on. */
export interface ClipColumns {
  /** The recordings. @default "audio", the only such column or the only one of bytes, or paths in "path", "file" or "file_name" */
  audioColumn?: string;
  /** The labels. @default "label", or the only column of classes */
  labelColumn?: string;
}

/** What becomes of rows that are damaged. */
export interface BadRowOptions {
  /** Whether a row whose label cannot be read or used is a clip that cannot be opened, and no error. @default false */
  skipBadFiles?: boolean;
}

/** What the labels of a data set are. */
export interface LabelType {
  /** The column. */
  column: string;
  /** What there is to learn. */
  kind: LabelKind;
  /** The names by number; undefined where they are found in the rows. */
  names?: readonly string[];
}

/**
 * The column of recordings.
 *
 * @throws {DatasetError} listing the columns where none or several could be meant.
 *
 * @example
 * ```ts
 * import { Audio, Dataset } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const clips = Dataset.fromRows([{ clip: "a.wav" }]).castColumn("clip", new Audio());
 * equal(audioColumnOf(clips), "clip");
 * ```
 */
export function audioColumnOf(dataset: Dataset, { audioColumn }: ClipColumns = {}): string {
  const { features, columnNames, split } = dataset;
  if (audioColumn !== undefined) {
    dataset.expectColumn(audioColumn);
    const feature = features[audioColumn]!;
    if (feature instanceof Audio || isText(feature) || isBytes(feature)) return audioColumn;
    throw new DatasetError(
      `Cannot use column "${audioColumn}" of "${split}": expected recordings or their paths, found ` +
        features[audioColumn],
    );
  }
  const recordings = columnNames.filter((name) => features[name] instanceof Audio);
  const files = columnNames.filter((name) => isBytes(features[name]!));
  const columns = recordings.length > 0 ? recordings : files;
  const chosen = columns.includes("audio") || columns.length !== 1 ? "audio" : columns[0]!;
  if (columns.includes(chosen)) return chosen;
  const isPath = (name: string) => features[name] !== undefined && isText(features[name]);
  const paths = columns.length === 0 ? PATH_COLUMNS.find(isPath) : undefined;
  if (paths !== undefined) return paths;
  const shown = columnNames.map((name) => `"${name}" (${shortType(features[name]!)})`).join(", ");
  throw new DatasetError(
    `Cannot use data set "${split}": expected a column of recordings, found ${shown}`,
    { hint: "Name it with `audioColumn`" },
  );
}

/** What manifests call their column of paths. */
export const PATH_COLUMNS = ["audio", "path", "file", "file_name", "filename"] as const;

/**
 * The column of labels, and what kind they are.
 *
 * @throws {DatasetError} listing the columns where none or several could be meant.
 *
 * @example
 * ```ts
 * import { Dataset } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * equal(labelTypeOf(Dataset.fromRows([{ label: "no" }])).kind, "single_label_classification");
 * ```
 */
export function labelTypeOf(dataset: Dataset, { labelColumn }: ClipColumns = {}): LabelType {
  const { features, columnNames, split } = dataset;
  const isClasses = (name: string) => {
    const feature = features[name]!;
    return feature instanceof ClassLabel ||
      feature instanceof Sequence && feature.feature instanceof ClassLabel;
  };
  const classes = columnNames.filter(isClasses);
  const standing = ["label", "labels"].find((name) => name in features);
  const column = labelColumn ?? standing ?? (classes.length === 1 ? classes[0] : undefined);
  if (column === undefined) {
    const found = classes.length > 0 ? classes : columnNames;
    throw new DatasetError(
      `Cannot use data set "${split}": expected a column "label", found ${listed(found)}`,
      { hint: "Name the column with `labelColumn`" },
    );
  }
  dataset.expectColumn(column);
  return { column, ...kindOf(features[column]!, column, split) };
}

function kindOf(feature: Feature, column: string, split: string): Omit<LabelType, "column"> {
  const single = "single_label_classification";
  const several = "multi_label_classification";
  if (feature instanceof ClassLabel) return { kind: single, names: feature.names };
  if (feature instanceof Sequence) {
    const { feature: item } = feature;
    if (item instanceof ClassLabel) return { kind: several, names: item.names };
    if (isText(item)) return { kind: several };
  }
  if (feature instanceof Value) {
    if (/^float|^double/.test(feature.dtype)) return { kind: "regression", names: [column] };
    if (isText(feature) || /int|bool/.test(feature.dtype)) return { kind: single };
  }
  throw new DatasetError(
    `Cannot use column "${column}" of "${split}": expected labels, found ${shortType(feature)}`,
  );
}

function isText(feature: Feature): boolean {
  return feature instanceof Value && /string/.test(feature.dtype);
}

function isBytes(feature: Feature): boolean {
  return feature instanceof Value && feature.dtype.endsWith("binary");
}

function shortType(feature: Feature): string {
  if (feature instanceof ClassLabel) return `${feature.numClasses} classes`;
  return feature instanceof Audio ? "recordings" : String(feature);
}

/**
 * The names of a label column that does not state them: its values in some data sets, sorted.
 *
 * @throws {DatasetError} where a data set lacks the column.
 *
 * @example
 * ```ts
 * import { Dataset } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const rows = Dataset.fromRows([{ label: "yes" }, { label: "no" }]);
 * deepEqual(await labelNamesOf([rows], labelTypeOf(rows)), ["no", "yes"]);
 * ```
 */
export async function labelNamesOf(
  datasets: readonly Dataset[],
  { column, names }: LabelType,
  { skipBadFiles = false }: BadRowOptions = {},
): Promise<readonly string[]> {
  if (names !== undefined) return names;
  const found = new Set<unknown>();
  for (const dataset of datasets) {
    dataset.expectColumn(column);
    for (const value of (await labelColumn(dataset, column, skipBadFiles)).flat()) {
      if (value !== null && !(value instanceof FileError)) found.add(value);
    }
  }
  const areNumbers = [...found].every((value) => typeof value === "number");
  const sorted = [...found].sort(areNumbers ? (a, b) => Number(a) - Number(b) : undefined);
  return sorted.map(String);
}

/**
 * The rows of a data set as clips.
 *
 * @param dataset a data set with a column of recordings or of their paths, and one of labels.
 * @param options which columns, where they are not the only ones of their kind.
 * @returns clips that are read when they are opened.
 * @throws {DatasetError} where there is no row, no such column, or a row without a label.
 *
 * @example
 * ```ts
 * import { Dataset } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const rows = [{ audio: "a.wav", label: "yes" }, { audio: "b.wav", label: "no" }];
 * const { labels, clips } = await audioClips(Dataset.fromRows(rows));
 * deepEqual(labels, ["no", "yes"]);
 * deepEqual(clips.map(({ file, label }) => [file, label]), [["a.wav", 1], ["b.wav", 0]]);
 * ```
 */
export async function audioClips(
  dataset: Dataset,
  options: ClipColumns & BadRowOptions & { names?: readonly string[] } = {},
): Promise<AudioDataset> {
  const audioColumn = audioColumnOf(dataset, options);
  const type = labelTypeOf(dataset, options);
  const { split } = dataset;
  const { skipBadFiles = false } = options;
  if (dataset.numRows === 0) {
    throw new DatasetError(`Cannot use data set "${split}": expected rows, found none`);
  }
  const names = options.names ?? await labelNamesOf([dataset], type, options);
  const labels = await labelColumn(dataset, type.column, skipBadFiles);
  const { table, columns } = dataset.view;
  const isInRow = table.heavyColumns.has(columns.get(audioColumn)!);
  const paths = isInRow ? [] : await storedColumn(dataset, audioColumn);
  const by: LearntBy = {
    kind: type.kind,
    isNumbered: type.names !== undefined,
    numbers: new Map(names.map((name, number) => [name, number])),
  };
  const clips = labels.map((label, index): AudioClip => {
    const place = dataset.placeOf(index);
    const at: Cell = { table, place };
    const path = paths[index];
    const isFile = typeof path === "string";
    const lesson = learntOrBad(label, by, at);
    if (lesson instanceof Error) {
      if (!skipBadFiles) throw lesson;
      return badRow(lesson, by, at);
    }
    const clip: AudioClip = { file: isFile ? path : table.nameOf(place), ...lesson };
    if (isFile && table.pathsAreFiles) {
      const row = table.nameOf(place);
      return row === path ? clip : { ...clip, row };
    }
    return { ...clip, open: () => openRow(dataset, index, audioColumn) };
  });
  return { split, labels: names, clips, kind: type.kind };
}

/** The labels of all rows; with `bearsDamage` an error stands for one that cannot be read. */
async function labelColumn(
  dataset: Dataset,
  column: string,
  bearsDamage: boolean,
): Promise<unknown[]> {
  if (!bearsDamage) return await dataset.column(column);
  const labels = new Array<unknown>(dataset.numRows);
  // Rows that are read together fail together, so that those between which one is broken are halved.
  const read = async (start: number, end: number): Promise<void> => {
    try {
      const places = Array.from({ length: end - start }, (_, i) => start + i);
      const rows = await dataset.read(places, [column]);
      rows.forEach((row, i) => labels[start + i] = row[column]);
    } catch (error) {
      if (end - start > 1) {
        const middle = (start + end) >>> 1;
        await read(start, middle);
        await read(middle, end);
      } else {
        labels[start] = asFileError(error, dataset.view.table.nameOf(dataset.placeOf(start)));
      }
    }
  };
  for (let start = 0; start < labels.length; start += LABELS_AT_ONCE) {
    await read(start, Math.min(start + LABELS_AT_ONCE, labels.length));
  }
  return labels;
}

/** What is wrong with a row alone. @throws the error, where it is of more than that. */
function asFileError(error: unknown, row: string): FileError {
  if (error instanceof FileError && error.code === undefined) return error;
  if (!(error instanceof DatasetError)) throw error;
  const { message, hint } = error;
  return new FileError(message, { file: row, hint, cause: error });
}

function learntOrBad(
  label: unknown,
  by: LearntBy,
  at: Cell,
): Pick<AudioClip, "label" | "targets"> | FileError | DatasetError {
  if (label instanceof FileError) return label;
  try {
    return learnt(label, by, at);
  } catch (error) {
    if (error instanceof DatasetError) return error;
    throw error;
  }
}

/** A clip that cannot be opened, since nothing can be learnt of it. */
function badRow(error: Error, { kind, numbers }: LearntBy, { table, place }: Cell): AudioClip {
  const file = table.nameOf(place);
  const cause = asFileError(error, file);
  const open = () => Promise.reject(cause);
  if (kind === "single_label_classification") return { file, label: 0, open };
  return { file, label: 0, targets: new Array<number>(numbers.size || 1).fill(0), open };
}

async function openRow(dataset: Dataset, index: number, column: string): Promise<OpenFile> {
  const { table } = dataset.view;
  const [row] = await dataset.readStored([index], [column]);
  return await openAudio(row![column], { table, place: dataset.placeOf(index) });
}

/** What leaves rows out whose labels cannot be used. */
const SKIP_HINT = "Leave such rows out with `skipBadFiles: true`, or with filter";

/** Rows whose labels are read together. */
const LABELS_AT_ONCE = 4096;

interface LearntBy {
  kind: LabelKind;
  isNumbered: boolean;
  numbers: ReadonlyMap<string, number>;
}

async function storedColumn(dataset: Dataset, column: string): Promise<unknown[]> {
  const indices = Array.from({ length: dataset.numRows }, (_, i) => i);
  return (await dataset.readStored(indices, [column])).map((row) => row[column]);
}

/** What there is to learn of a row, whose labels are class numbers where the column states names. */
function learnt(
  label: unknown,
  { kind, isNumbered, numbers }: LearntBy,
  { table, place }: Cell,
): Pick<AudioClip, "label" | "targets"> {
  const wrong = (expected: string): DatasetError =>
    new DatasetError(
      `Cannot use label of ${table.nameOf(place)}: expected ${expected}, found ${shown(label)}`,
      { hint: SKIP_HINT },
    );
  if (kind === "regression") {
    if (typeof label === "number") return { label: 0, targets: [label] };
    throw wrong("a number");
  }
  const numberOf = (value: unknown): number => {
    const number = isNumbered ? Number(value ?? -1) : numbers.get(String(value));
    if (number !== undefined && number >= 0 && number < numbers.size) return number;
    throw wrong(`one of ${numbers.size} labels`);
  };
  if (kind === "single_label_classification") return { label: numberOf(label) };
  const targets = new Array<number>(numbers.size).fill(0);
  for (const value of Array.isArray(label) ? label : []) targets[numberOf(value)] = 1;
  return { label: 0, targets };
}
