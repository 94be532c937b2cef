/**
 * The rows of CSV and TSV files, taken apart by `csv-parse`.
 *
 * Strictly: every row has as many cells as the heading, and quotes are where they belong. A
 * column's type is the narrowest that fits all its cells; an empty cell is null in any of them.
 *
 * @module
 */

import { CsvError, parse } from "csv-parse/sync";
import type { DataFile } from "./_data_files.ts";
import { lineError } from "./_line_error.ts";
import type { RowReader, TextBlock } from "./_text_table.ts";
import { listed, Value } from "./features.ts";

/** Types from narrow to wide, but for truth values, which are no numbers. */
const TYPES = ["null", "bool", "int64", "float64", "string"] as const;
const [NULL, BOOL, INT, FLOAT, TEXT] = [0, 1, 2, 3, 4];

const WHOLE = /^[+-]?\d{1,15}$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const TRUTH = /^(true|false)$/i;

/**
 * A reader of the rows below a heading.
 *
 * @param file the file, for messages.
 * @param format what stands between cells: a tab, or what the heading has most of.
 * @param first the beginning of the file, with the heading.
 */
export function csvReader(file: DataFile, format: "csv" | "tsv", first: string): RowReader {
  const delimiter = delimiterOf(first, format);
  const options = {
    bom: true,
    delimiter,
    record_delimiter: ["\r\n", "\n"],
    skip_empty_lines: true,
  };
  const parsed = (text: string, line: number, more: object = {}): string[][] => {
    try {
      return parse(text, { ...options, ...more });
    } catch (cause) {
      throw cause instanceof CsvError
        ? cellError({ file, line, heading, delimiter }, cause)
        : cause;
    }
  };
  let heading: string[] = [];
  heading = parsed(first, 1, { to: 1 })[0] ?? [];
  expectUnique(file, heading);
  const types = new Uint8Array(heading.length);
  const records = ({ text, start, line }: TextBlock): string[][] => {
    const found = parsed(text, line);
    if (found.length > 0 && found[0]!.length !== heading.length) {
      throw raggedError({ file, line, heading, delimiter }, found[0]!.length);
    }
    return start === 0 ? found.slice(1) : found;
  };
  return {
    learn: (block) => {
      const found = records(block);
      for (const cells of found) {
        for (let i = 0; i < cells.length; i++) types[i] = wider(types[i]!, cells[i]!);
      }
      return found.length;
    },
    features: () =>
      Object.fromEntries(heading.map((name, i) => [name, new Value(TYPES[types[i]!]!)])),
    rows: (block) =>
      records(block).map((cells) =>
        Object.fromEntries(heading.map((name, i) => [name, typedCell(cells[i]!, types[i]!)]))
      ),
  };
}

function expectUnique(file: DataFile, heading: readonly string[]): void {
  const twice = heading.find((name, at) => heading.indexOf(name) !== at);
  if (twice === undefined) return;
  throw lineError(file, 1, "each column once", `${JSON.stringify(twice)} twice`);
}

/** What may stand between cells: as the standard has it, as spreadsheets write it where a comma is in numbers, a tab. */
const DELIMITERS = [",", ";", "\t"] as const;

/** What the heading has most of, outside quotes; a comma where it has none. */
function delimiterOf(first: string, format: "csv" | "tsv"): string {
  const [heading = ""] = first.split(/\r?\n/, 1);
  const bare = heading.replace(/"[^"]*"/g, "");
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length - 1);
  const most = Math.max(...counts);
  if (format === "tsv" && (counts[2]! > 0 || most === 0)) return "\t";
  return most === 0 ? "," : DELIMITERS[counts.indexOf(most)]!;
}

/** Where a row is, and what it should be like. */
interface RowPlace {
  file: DataFile;
  line: number;
  heading: readonly string[];
  delimiter: string;
}

function cellError(place: RowPlace, error: CsvError): Error {
  const lines = typeof error.lines === "number" ? error.lines : 1;
  const line = place.line + lines - 1;
  const { record } = error as { record?: unknown };
  const isRagged = error.code === "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH" && Array.isArray(record);
  if (isRagged) return raggedError({ ...place, line }, record.length);
  return lineError(place.file, line, "CSV", error.message, { cause: error });
}

function raggedError({ file, line, heading, delimiter }: RowPlace, found: number): Error {
  const mark = { ",": "comma", ";": "semicolon" }[delimiter] ?? "tab";
  return lineError(file, line, `${heading.length} cells`, `${found}`, {
    hint: `The columns are ${listed(heading)}; a cell with a ${mark} needs quotes around it`,
  });
}

/** The narrowest type that fits the cells so far and this one. */
function wider(type: number, cell: string): number {
  if (type === TEXT || cell === "") return type;
  if (type === BOOL) return TRUTH.test(cell) ? BOOL : TEXT;
  if (WHOLE.test(cell)) return type === FLOAT ? FLOAT : INT;
  if (NUMBER.test(cell)) return FLOAT;
  return type === NULL && TRUTH.test(cell) ? BOOL : TEXT;
}

function typedCell(cell: string, type: number): unknown {
  if (cell === "") return null;
  if (type === BOOL) return cell.length === "true".length;
  return type === INT || type === FLOAT ? Number(cell) : cell;
}
