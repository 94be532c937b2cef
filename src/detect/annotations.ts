/**
 * Annotations: tables that say which sound is where in which recording, as people and programs write them.
 *
 * Read are Audacity's label tracks, Raven's selection tables, DCASE's TSV, Kaleidoscope's `id.csv`, CSV with a
 * heading, and JSON lines; the kind is found from the content. Files are the caller's affair: text comes in.
 * Writing is `annotation_writers.ts`.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import { areAnnotations, type ColumnNames, columnNames } from "./_annotation_columns.ts";
import { cellRows, type Delimiter, delimiterOf } from "./_cells.ts";
import type { SoundEvent } from "./sound_event.ts";

/** The kinds of tables that are read. */
export type AnnotationKind = "audacity" | "raven" | "dcase" | "kaleidoscope" | "csv" | "jsonl";

/** What a table says. */
export interface AnnotationTable {
  /** How it is written. */
  kind: AnnotationKind;
  /**
   * Events in order of their start, by the recording's name as the table has it. A recording that is named
   * without a sound has none.
   */
  recordings: Map<string, SoundEvent[]>;
}

/** A row that is not as it should be. */
export interface AnnotationFault {
  /** `reversed`: it ends before it begins, or where it begins; `row`: cells that are missing or no numbers. */
  reason: "reversed" | "row";
  /** The line, from 1. */
  line: number;
  /** What is wrong, with the table's name and line. */
  error: DatasetError;
}

/** How a table is to be read. */
export interface ParseAnnotationsOptions {
  /** The table's file, for messages. @default "annotations" */
  file?: string;
  /** The recording of rows that name none. @default `file` without its ending */
  recording?: string;
  /** The column of labels. @default the first of the usual names, such as `label`, `Annotation` or `Species` */
  labelColumn?: string;
  /** Takes each faulty row, which is then left out. @default the first one is thrown */
  onFault?: (fault: AnnotationFault) => void;
}

/** A row before it is checked: cells as they stand. */
interface RawRow {
  line: number;
  file?: string;
  start: unknown;
  end: unknown;
  label: unknown;
}

/** What the rows of a kind are, and how they are found. */
interface RawTable {
  kind: AnnotationKind;
  rows: Iterable<RawRow>;
}

const KNOWN_KINDS = "Audacity labels, a Raven table, DCASE TSV, CSV with a heading, or JSON lines";

/** Raven names a table after its sound. */
const RAVEN_ENDING = /\.table\.\d+\.selections$/i;

/**
 * Reads a table of annotations.
 *
 * @param text the table; seconds have a decimal point.
 * @param options the file's name, and what to do with faulty rows.
 * @returns the events of each recording that it names.
 * @throws {DatasetError} where it is no such table, or, without `onFault`, naming the first line that ends before it
 * begins, lacks a label, or has no numbers.
 *
 * @example
 * ```ts
 * import { parseAnnotations } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const { kind, recordings } = parseAnnotations("1.5\t2.25\tdog\n", { file: "yard.txt" });
 * deepEqual(kind, "audacity");
 * deepEqual(recordings.get("yard"), [{ start: 1.5, end: 2.25, label: "dog" }]);
 * ```
 */
export function parseAnnotations(
  text: string,
  options: ParseAnnotationsOptions = {},
): AnnotationTable {
  const { file = "annotations" } = options;
  const { recording = withoutEnding(file) } = options;
  const { kind, rows } = rawTable(text.replace(/^\uFEFF/, ""), { ...options, file });
  // Raven lists a selection once for each view of it, so that each event is kept once.
  const found = new Map<string, Map<string, SoundEvent>>();
  if (kind === "audacity") found.set(recording, new Map());
  for (const row of rows) {
    const name = row.file ?? recording;
    const event = checkedEvent(row, { ...options, file });
    if (event === "fault") continue;
    const events = found.get(name) ?? new Map();
    found.set(name, events);
    if (event) events.set(`${event.start} ${event.end} ${event.label}`, event);
  }
  const recordings = new Map(Array.from(found, ([name, events]) => [name, inOrder(events)]));
  return { kind, recordings };
}

function inOrder(events: ReadonlyMap<string, SoundEvent>): SoundEvent[] {
  return [...events.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

function withoutEnding(file: string): string {
  return file.replace(/\.\w+$/, "").replace(RAVEN_ENDING, "");
}

/**
 * How a text writes annotations; undefined where it is something else.
 *
 * @param text the table, or its first lines.
 * @param options the column of labels, where it has a name of its own.
 *
 * @example
 * ```ts
 * import { annotationKind } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * equal(annotationKind("filename\tonset\toffset\tevent_label\n"), "dcase");
 * equal(annotationKind("These recordings were made in May.\n"), undefined);
 * ```
 */
export function annotationKind(
  text: string,
  options: Pick<ParseAnnotationsOptions, "labelColumn"> = {},
): AnnotationKind | undefined {
  const first = firstLine(text.replace(/^\uFEFF/, ""));
  if (first === undefined) return "audacity";
  if (first.trimStart().startsWith("{")) return "jsonl";
  const delimiter = delimiterOf(first);
  const [heading] = cellRows(first, delimiter);
  // A line of quotes and nothing between them has no cells.
  if (heading === undefined) return undefined;
  if (areAnnotations(columnNames(heading.cells, options.labelColumn))) {
    return kindOf(heading.cells, delimiter);
  }
  return delimiter === "\t" ? headlessKind(heading.cells) : undefined;
}

function firstLine(text: string): string | undefined {
  return text.split(/\r?\n/).find((line) => line.trim() !== "");
}

interface ReadContext extends ParseAnnotationsOptions {
  file: string;
}

function rawTable(text: string, context: ReadContext): RawTable {
  const kind = annotationKind(text, context);
  const first = firstLine(text) ?? "";
  if (kind === "jsonl") return { kind, rows: jsonRows(text, context) };
  if (kind === "audacity") return { kind, rows: audacityRows(text) };
  if (kind === undefined) {
    throw new DatasetError(
      `Cannot read annotations from "${context.file}": expected ${KNOWN_KINDS}, found ` +
        JSON.stringify(first.slice(0, 60)),
      {
        file: context.file,
        hint: "A heading needs columns such as start, end and label; start is also called onset",
      },
    );
  }
  const delimiter = delimiterOf(first);
  const [heading] = cellRows(first, delimiter);
  const isHeaded = areAnnotations(columnNames(heading!.cells, context.labelColumn));
  if (!isHeaded) return { kind, rows: headlessDcaseRows(text) };
  return { kind, rows: tableRows(text, { ...context, delimiter, heading: heading!.cells }) };
}

function kindOf(heading: readonly string[], delimiter: Delimiter): AnnotationKind {
  const has = (name: string) => heading.some((cell) => cell.trim().toLowerCase() === name);
  if (has("begin time (s)")) return "raven";
  if (has("in file") && has("offset")) return "kaleidoscope";
  return delimiter === "\t" && has("onset") ? "dcase" : "csv";
}

function headlessKind(cells: readonly string[]): AnnotationKind | undefined {
  const isNumber = (at: number) => secondsOf(cells[at]) !== undefined;
  if (isNumber(0) && isNumber(1)) return "audacity";
  return isNumber(1) && isNumber(2) && cells.length >= 4 ? "dcase" : undefined;
}

/** `start`, `end`, `label`; a line with a backslash gives the frequencies of the one before it. */
function* audacityRows(text: string): Generator<RawRow> {
  for (const [at, content] of text.split(/\r?\n/).entries()) {
    if (content.trim() === "" || content.startsWith("\\")) continue;
    const [start, end, ...label] = content.split("\t");
    yield { line: at + 1, start, end, label: label.join(" ") };
  }
}

/** As older data sets of DCASE have them: `filename`, `onset`, `offset`, `event_label`, without a heading. */
function* headlessDcaseRows(text: string): Generator<RawRow> {
  for (const { line, cells } of cellRows(text, "\t")) {
    const [file, start, end, label] = cells;
    yield { line, file, start, end, label };
  }
}

function* tableRows(
  text: string,
  context: ReadContext & { delimiter: Delimiter; heading: readonly string[] },
): Generator<RawRow> {
  const { delimiter, heading, labelColumn } = context;
  const columns = columnNames(heading, labelColumn);
  if (columns.label === undefined || !heading.includes(columns.label)) {
    const wanted = labelColumn ? JSON.stringify(labelColumn) : `of labels, such as "label"`;
    const found = heading.map((name) => JSON.stringify(name)).join(", ");
    throw new DatasetError(
      `Cannot read annotations from "${context.file}": expected a column ${wanted}, found ${found}`,
      { file: context.file },
    );
  }
  // Where a table of Raven spans several files, the time in the file stands in a column of its own.
  const spanned = heading.find((name) => name.trim().toLowerCase() === "begin time (s)");
  let isHeading = true;
  for (const row of cellRows(text, delimiter)) {
    const value = (name: string) => row.cells[heading.indexOf(name)];
    const raw = columnRow(value, { ...columns, line: row.line, spanned });
    if (!isHeading) yield { ...raw, file: withFolders(raw.file, value) };
    isHeading = false;
  }
}

/** Kaleidoscope has a recording's folders in columns of their own. */
function withFolders(
  file: string | undefined,
  value: (name: string) => string | undefined,
): string | undefined {
  if (file === undefined) return undefined;
  return [value("INDIR"), value("FOLDER"), file].filter(Boolean).join("/");
}

function* jsonRows(text: string, context: ReadContext): Generator<RawRow> {
  for (const [at, json] of text.split("\n").entries()) {
    if (json.trim() === "") continue;
    const object = jsonObject(json);
    const line = at + 1;
    if (object === undefined) {
      const error = lineError(context, line, "a JSON object", JSON.stringify(json.slice(0, 40)));
      report({ reason: "row", line, error }, context);
      continue;
    }
    const columns = columnNames(Object.keys(object), context.labelColumn);
    // What `detect` writes while a sound goes on is said again when it is over.
    if (columns.state !== undefined && object[columns.state] === "began") continue;
    yield columnRow((name) => object[name], { ...columns, line });
  }
}

function jsonObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as Record<string, unknown> : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The cells of a row by what they mean. */
function columnRow(
  value: (name: string) => unknown,
  columns: ColumnNames & { line: number; spanned?: string },
): RawRow {
  const of = (name: string | undefined) => name === undefined ? undefined : value(name);
  const file = of(columns.file);
  const start = of(columns.start);
  const label = of(columns.label);
  const isBlank = label === undefined || label === "";
  return {
    line: columns.line,
    file: typeof file === "string" && file !== "" ? file : undefined,
    start,
    end: endOf(of, columns, start),
    label: isBlank ? of(columns.otherLabel) : label,
  };
}

function endOf(
  of: (name: string | undefined) => unknown,
  { start, end, duration, spanned }: ColumnNames & { spanned?: string },
  startCell: unknown,
): unknown {
  const from = secondsOf(startCell);
  if (spanned !== undefined && start !== spanned && end !== undefined) {
    const [begin, until] = [secondsOf(of(spanned)), secondsOf(of(end))];
    if (from === undefined || begin === undefined || until === undefined) return undefined;
    return from + (until - begin);
  }
  if (end !== undefined) return of(end);
  const seconds = secondsOf(of(duration));
  return from === undefined || seconds === undefined ? of(duration) : from + seconds;
}

/** The event of a row; undefined where the row only names a recording without one. */
function checkedEvent(row: RawRow, context: ReadContext): SoundEvent | undefined | "fault" {
  const cells = [row.start, row.end, row.label];
  if (row.file !== undefined && cells.every(isBlankCell)) return undefined;
  const { line } = row;
  const [start, end] = [secondsOf(row.start), secondsOf(row.end)];
  const label = typeof row.label === "number" ? String(row.label) : row.label;
  const wrong = (reason: AnnotationFault["reason"], expected: string, found: string) => {
    report({ reason, line, error: lineError(context, line, expected, found) }, context);
    return "fault" as const;
  };
  if (start === undefined || end === undefined || start < 0) {
    const cell = start === undefined || start < 0 ? row.start : row.end;
    return wrong("row", "a start and an end in seconds", shown(cell));
  }
  if (typeof label !== "string" || label.trim() === "") {
    return wrong("row", "a label", shown(row.label));
  }
  if (end <= start) return wrong("reversed", "an end after the start", `${start} to ${end} s`);
  return { start, end, label: label.trim() };
}

function isBlankCell(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function shown(value: unknown): string {
  return isBlankCell(value) ? "nothing" : JSON.stringify(value)!.slice(0, 60);
}

function secondsOf(value: unknown): number | undefined {
  if (typeof value === "string" && value.trim() === "") return undefined;
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const seconds = Number(value);
  return Number.isFinite(seconds) ? seconds : undefined;
}

function lineError(
  { file }: ReadContext,
  line: number,
  expected: string,
  found: string,
): DatasetError {
  return new DatasetError(
    `Cannot read "${file}", line ${line}: expected ${expected}, found ${found}`,
    {
      file,
    },
  );
}

function report(fault: AnnotationFault, { onFault }: ReadContext): void {
  if (!onFault) throw fault.error;
  onFault(fault);
}
