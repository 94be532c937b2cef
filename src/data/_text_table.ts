/**
 * CSV, TSV and JSON-lines files as tables, of whatever length.
 *
 * A file is gone through once when it is opened: rows are counted, types found, and broken lines
 * named. What stays is the place of every 1024th row; rows are read again from there, some blocks
 * of them kept.
 *
 * @module
 */

import type { ChunkCache } from "./_chunk_cache.ts";
import { csvReader } from "./_csv_rows.ts";
import type { DataFile } from "./_data_files.ts";
import { jsonReader } from "./_json_rows.ts";
import { lineError } from "./_line_error.ts";
import type { Features } from "./features.ts";
import { lastAtMost, picked, type StoredRow, type Table } from "./_table.ts";

/** How the rows of a text file are written. */
export type TextFormat = "csv" | "tsv" | "jsonl";

/** A run of whole records. */
export interface TextBlock {
  text: string;
  /** Bytes of the file before it. */
  start: number;
  /** Bytes of the file up to its end. */
  end: number;
  /** The line that it begins with, from 1. */
  line: number;
}

/** What knows a format. */
export interface RowReader {
  /** Looks through a block for types and faults. Gives the number of its rows. */
  learn(block: TextBlock): number;
  /** The columns, after all blocks were looked through. */
  features(): Features;
  /** The rows of a block, with values of the columns' types. */
  rows(block: TextBlock): StoredRow[];
}

/** A block that is not in memory. */
interface BlockPlace extends Omit<TextBlock, "text"> {
  firstRow: number;
}

const BLOCK_ROWS = 1024;
const READ_BYTES = 2 ** 18;

/** Longest line or record, so that a file that is no text ends in a message. */
const MAX_RECORD_BYTES = 2 ** 24;

/** What rows take in memory against their text. */
const MEMORY_FACTOR = 8;

const NEWLINE = 10;
const QUOTE = 34;

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
  const blocks: BlockPlace[] = [];
  let numRows = 0;
  let reader: RowReader | undefined;
  for await (const block of textBlocks(file, format !== "jsonl")) {
    reader ??= format === "jsonl" ? jsonReader(file) : csvReader(file, format, block.text);
    const count = reader.learn(block);
    if (count === 0) continue;
    const { start, end, line } = block;
    blocks.push({ firstRow: numRows, start, end, line });
    numRows += count;
  }
  const starts = blocks.map((block) => block.firstRow);
  const load = ({ start, end, line }: BlockPlace): Promise<StoredRow[]> =>
    cache.get(`${file.name}\n${start}`, (end - start) * MEMORY_FACTOR, async () => {
      const source = await file.open();
      try {
        const text = new TextDecoder().decode(await source.read(start, end));
        return reader!.rows({ text, start, end, line });
      } finally {
        source[Symbol.dispose]();
      }
    });
  return {
    features: reader?.features() ?? {},
    numRows,
    heavyColumns: new Set(),
    nameOf: (place) => `${file.name}, row ${place}`,
    open: (path) => file.sibling(path),
    read: async (places, columns) => {
      const found: StoredRow[] = [];
      for (const place of Array.from(places)) {
        const block = blocks[lastAtMost(starts, place)]!;
        found.push(picked((await load(block))[place - block.firstRow]!, columns));
      }
      return found;
    },
  };
}

/** Cuts a file into blocks of whole records; a quoted cell may hold line ends. */
async function* textBlocks(file: DataFile, quotes: boolean): AsyncGenerator<TextBlock> {
  const source = await file.open();
  try {
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
  } finally {
    source[Symbol.dispose]();
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
    const byte = bytes[i];
    if (quotes && byte === QUOTE) quoted = !quoted;
    if (byte !== NEWLINE) continue;
    lines++;
    if (!quoted && ++records === BLOCK_ROWS) return { bytes: i + 1, lines };
  }
  return isLast && bytes.length > 0 ? { bytes: bytes.length, lines } : undefined;
}
