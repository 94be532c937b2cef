/**
 * From the rows of a data set to the clips that training reads: which column is the recording,
 * which the label, and what kind of label it is.
 *
 * The label column is read; recordings are not, until their batch comes up.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
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
): Promise<readonly string[]> {
  if (names !== undefined) return names;
  const found = new Set<unknown>();
  for (const dataset of datasets) {
    dataset.expectColumn(column);
    for (const value of (await dataset.column(column)).flat()) {
      if (value !== null) found.add(value);
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
  options: ClipColumns & { names?: readonly string[] } = {},
): Promise<AudioDataset> {
  const audioColumn = audioColumnOf(dataset, options);
  const type = labelTypeOf(dataset, options);
  const { split } = dataset;
  if (dataset.numRows === 0) {
    throw new DatasetError(`Cannot use data set "${split}": expected rows, found none`);
  }
  const names = options.names ?? await labelNamesOf([dataset], type);
  const labels = await dataset.column(type.column);
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
    const clip: AudioClip = {
      file: isFile ? path : table.nameOf(place),
      ...learnt(label, by, at),
    };
    if (isFile && table.pathsAreFiles) {
      const row = table.nameOf(place);
      return row === path ? clip : { ...clip, row };
    }
    return { ...clip, open: () => openRow(dataset, index, audioColumn) };
  });
  return { split, labels: names, clips, kind: type.kind };
}

async function openRow(dataset: Dataset, index: number, column: string): Promise<OpenFile> {
  const { table } = dataset.view;
  const [row] = await dataset.readStored([index], [column]);
  return await openAudio(row![column], { table, place: dataset.placeOf(index) });
}

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
      { hint: "Leave such rows out with filter" },
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
