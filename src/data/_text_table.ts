/**
 * CSV, TSV and JSON-lines files as tables, of whatever length.
 *
 * A file is gone through once when it is opened: rows are counted, types found, and broken lines
 * named. What stays is the place of every 1024th row; rows are read again from there, some blocks
 * of them kept. CSV is taken apart by `csv-parse`, strictly: every row has as many cells as the
 * heading.
 *
 * @module
 */

import { CsvError, parse } from "csv-parse/sync";
import { DatasetError } from "../errors.ts";
import type { ChunkCache } from "./_chunk_cache.ts";
import type { DataFile } from "./_data_files.ts";
import { inferFeature } from "./_inference.ts";
import { type Feature, type Features, isObject, listed, Sequence, Value } from "./features.ts";
import { lastAtMost, picked, type StoredRow, type Table } from "./table.ts";

/** How the rows of a text file are written. */
export type TextFormat = "csv" | "tsv" | "jsonl";

const BLOCK_ROWS = 1024;
const READ_BYTES = 2 ** 18;

/** Longest line or record, so that a file that is no text ends in a message. */
const MAX_RECORD_BYTES = 2 ** 24;

const NEWLINE = 10;
const QUOTE = 34;

/** A run of rows. */
interface Block {
  firstRow: number;
  start: number;
  end: number;
  /** The line that it begins with, from 1. */
  line: number;
}

/** A run of whole records. */
interface TextBlock extends Omit<Block, "firstRow"> {
  text: string;
}

/** Rows of a block of text; the first one is the heading, where the format has one. */
type ParseBlock = (block: TextBlock) => StoredRow[];

/**
 * Opens a text file as a table.
 *
 * @throws {DatasetError} naming the line that is not as it should be.
 */
export async function textTable(
  file: DataFile,
  format: TextFormat,
  cache: ChunkCache,
): Promise<Table> {
  const types = new Map<string, Feature | undefined>();
  const blocks: Block[] = [];
  let rows = 0;
  let parseBlock: ParseBlock | undefined;
  for await (const block of textBlocks(file, format !== "jsonl")) {
    parseBlock ??= format === "jsonl" ? jsonParser(file) : csvParser(file, format, block.text);
    const found = parseBlock(block);
    if (found.length === 0) continue;
    const { start, end, line } = block;
    blocks.push({ firstRow: rows, start, end, line });
    rows += found.length;
    for (const row of found) widenTypes(types, row, format !== "jsonl");
  }
  const features = Object.fromEntries(
    Array.from(types, ([name, type]) => [name, type ?? new Value("null")]),
  );
  const starts = blocks.map((block) => block.firstRow);
  const load = ({ start, end, line }: Block): Promise<StoredRow[]> =>
    cache.get(`${file.name}\n${start}`, (end - start) * 4, async () => {
      using source = await file.open();
      const text = new TextDecoder().decode(await source.read(start, end));
      return parseBlock!({ text, start, end, line });
    });
  return {
    features,
    numRows: rows,
    heavyColumns: new Set(),
    nameOf: (place) => `${file.name}, row ${place}`,
    open: (path) => file.sibling(path),
    read: async (places, columns) => {
      const found: StoredRow[] = [];
      for (const place of Array.from(places)) {
        const block = blocks[lastAtMost(starts, place)]!;
        const row = (await load(block))[place - block.firstRow]!;
        found.push(typed(picked(row, columns), features, format));
      }
      return found;
    },
  };
}

/** Cuts a file into blocks of whole records; a quoted cell may hold line ends. */
async function* textBlocks(file: DataFile, quotes: boolean): AsyncGenerator<TextBlock> {
  using source = await file.open();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let start = 0;
  let line = 1;
  let rest = new Uint8Array(0);
  for (let at = 0; at < file.sizeBytes;) {
    const end = Math.min(at + READ_BYTES, file.sizeBytes);
    rest = joined(rest, await source.read(at, end));
    at = end;
    for (;;) {
      const cut = recordsEnd(rest, quotes, at === file.sizeBytes);
      if (cut === undefined) break;
      const text = decodedText(decoder, rest.subarray(0, cut.bytes), file, line);
      yield { text, start, end: start + cut.bytes, line };
      start += cut.bytes;
      line += cut.lines;
      rest = rest.slice(cut.bytes);
      if (rest.length === 0) break;
    }
    if (rest.length > MAX_RECORD_BYTES) throw lineError(file, line, "text", "a line without end");
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function decodedText(
  decoder: TextDecoder,
  bytes: Uint8Array,
  file: DataFile,
  line: number,
): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw lineError(file, line, "UTF-8", "other bytes from there on", { cause });
  }
}

/** Where 1024 records end, or all there are at the end of the file; undefined: read on. */
function recordsEnd(
  bytes: Uint8Array,
  quotes: boolean,
  isLast: boolean,
): { bytes: number; lines: number } | undefined {
  let records = 0;
  let lines = 0;
  let quoted = false;
  for (let i = 0; i < bytes.length; i++) {
    if (quotes && bytes[i] === QUOTE) quoted = !quoted;
    if (bytes[i] !== NEWLINE) continue;
    lines++;
    if (!quoted && ++records === BLOCK_ROWS) return { bytes: i + 1, lines };
  }
  return isLast && bytes.length > 0 ? { bytes: bytes.length, lines } : undefined;
}

/** A parser of blocks under the heading that the first one begins with. */
function csvParser(file: DataFile, format: TextFormat, first: string): ParseBlock {
  const delimiter = format === "tsv" ? "\t" : ",";
  const options = {
    bom: true,
    delimiter,
    record_delimiter: ["\r\n", "\n"],
    skip_empty_lines: true,
  };
  const heading = csvRows(file, 1, () => parse(first, { ...options, to: 1 }))[0] ?? [];
  const twice = heading.find((name, at) => heading.indexOf(name) !== at);
  if (twice !== undefined) {
    throw lineError(file, 1, "each column once", `${JSON.stringify(twice)} twice`);
  }
  return ({ text, start, line }) => {
    const records = csvRows(
      file,
      line,
      () => parse(text, { ...options, relax_column_count: true, info: true }),
    );
    const rows: StoredRow[] = [];
    for (
      const { record, info } of (records as unknown as InfoRecord[]).slice(start === 0 ? 1 : 0)
    ) {
      if (record.length !== heading.length) {
        const lineAt = line + info.lines - 1;
        throw lineError(file, lineAt, `${heading.length} cells`, `${record.length}`, {
          hint: `The columns are ${listed(heading)}; a cell with a comma needs quotes around it`,
        });
      }
      rows.push(Object.fromEntries(heading.map((name, i) => [name, record[i]])));
    }
    return rows;
  };
}

interface InfoRecord {
  record: string[];
  info: { lines: number };
}

function csvRows(file: DataFile, line: number, read: () => string[][]): string[][] {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const at = typeof cause.lines === "number" ? line + cause.lines - 1 : line;
    throw lineError(file, at, "CSV", cause.message, { cause });
  }
}

function jsonParser(file: DataFile): ParseBlock {
  return ({ text, line }) => {
    const rows: StoredRow[] = [];
    for (const [i, json] of text.split("\n").entries()) {
      if (json.trim() === "") continue;
      const row = jsonRow(
        json,
        (found, cause) => lineError(file, line + i, "a JSON object", found, { cause }),
      );
      rows.push(row);
    }
    return rows;
  };
}

function jsonRow(text: string, wrong: (found: string, cause?: unknown) => Error): StoredRow {
  let row: unknown;
  try {
    row = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw wrong(`${JSON.stringify(text.slice(0, 40))}`, cause);
  }
  if (isObject(row)) return row;
  throw wrong(Array.isArray(row) ? "a list" : `${row}`);
}

function lineError(
  file: DataFile,
  line: number,
  expected: string,
  found: string,
  facts: { cause?: unknown; hint?: string } = {},
): DatasetError {
  const message = `Cannot read "${file.name}", line ${line}: expected ${expected}, found ${found}`;
  return new DatasetError(message, { file: file.name, ...facts });
}

/** The type that a column has so far, and this row's value in it. */
function widenTypes(
  types: Map<string, Feature | undefined>,
  row: StoredRow,
  isText: boolean,
): void {
  for (const [name, value] of Object.entries(row)) {
    const before = types.get(name);
    const isEmpty = value === null || isText && value === "";
    const now = isEmpty ? undefined : isText ? textType(value as string) : inferFeature(value);
    types.set(name, before && now ? wider(before, now) : before ?? now);
  }
}

function textType(text: string): Feature {
  if (/^[+-]?\d{1,15}$/.test(text)) return new Value("int64");
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return new Value("float64");
  return new Value(/^(true|false)$/i.test(text) ? "bool" : "string");
}

/** The type that holds the values of both. */
function wider(a: Feature, b: Feature): Feature {
  if (a instanceof Sequence && b instanceof Sequence) {
    const isEmpty = String(a.feature) === "Value('null')";
    return isEmpty
      ? b
      : String(b.feature) === "Value('null')"
      ? a
      : new Sequence(wider(a.feature, b.feature));
  }
  if (String(a) === String(b)) return a;
  const areNumbers = [a, b].every((type) =>
    type instanceof Value && /int64|float64/.test(type.dtype)
  );
  return areNumbers ? new Value("float64") : a instanceof Value ? new Value("string") : a;
}

/** Cells of a CSV file as the values of their column's type. */
function typed(row: StoredRow, features: Features, format: TextFormat): StoredRow {
  if (format === "jsonl") return row;
  return Object.fromEntries(
    Object.entries(row).map((
      [name, cell],
    ) => [name, typedCell(String(cell ?? ""), features[name]!)]),
  );
}

function typedCell(cell: string, feature: Feature): unknown {
  const dtype = feature instanceof Value ? feature.dtype : "string";
  if (cell === "") return null;
  if (dtype === "bool") return cell.toLowerCase() === "true";
  return dtype === "int64" || dtype === "float64" ? Number(cell) : cell;
}
