/**
 * What a data set reads its rows from: a table whose rows are fetched when they are asked for.
 *
 * Values come as they are stored: text, numbers, lists, and for audio a path or `{ bytes, path }`.
 * What they mean is for `_values.ts`. A table keeps no file open between two reads.
 *
 * @module
 */

import type { Features } from "./features.ts";

/** One row, as stored. */
export type StoredRow = Record<string, unknown>;

/** An open file that has to be closed. */
export interface OpenFile extends Disposable {
  /** The file's name for messages. */
  readonly name: string;
  /** The file's length. */
  readonly sizeBytes: number;
  /** Reads bytes `start` up to, without, `end`. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** Rows that can be read in any order. */
export interface Table {
  /** The columns, in their order. */
  readonly features: Features;
  /** How many rows there are. */
  readonly numRows: number;
  /** Columns that hold whole recordings, so that reading them costs. */
  readonly heavyColumns: ReadonlySet<string>;
  /** Whether the path of a recording is that of a file on this disk. @default false */
  readonly pathsAreFiles?: boolean;
  /** The named columns of the rows at these places, in the order of the places. */
  read(places: ArrayLike<number>, columns: readonly string[]): Promise<StoredRow[]>;
  /** What a message calls a row, such as `minds.parquet, row 3`. */
  nameOf(place: number): string;
  /** Opens a file that a row names. */
  open(path: string, place: number): Promise<OpenFile>;
}

/** Tables with the same columns, one below the other. */
export function concatenated(tables: readonly [Table, ...Table[]]): Table {
  if (tables.length === 1) return tables[0];
  const starts = [0];
  for (const table of tables) starts.push(starts.at(-1)! + table.numRows);
  const find = (place: number): [Table, number] => {
    const at = lastAtMost(starts, place);
    return [tables[at]!, starts[at]!];
  };
  return {
    features: tables[0].features,
    numRows: starts.at(-1)!,
    heavyColumns: tables[0].heavyColumns,
    pathsAreFiles: tables.every((table) => table.pathsAreFiles),
    nameOf: (place) => {
      const [table, start] = find(place);
      return table.nameOf(place - start);
    },
    open: (path, place) => {
      const [table, start] = find(place);
      return table.open(path, place - start);
    },
    read: async (places, columns) => {
      const rows = new Array<StoredRow>(places.length);
      const groups = Map.groupBy(Array.from(places, (_, i) => i), (i) => find(places[i]!)[0]);
      for (const [table, positions] of groups) {
        const start = starts[tables.indexOf(table)]!;
        const found = await table.read(positions.map((i) => places[i]! - start), columns);
        positions.forEach((position, i) => rows[position] = found[i]!);
      }
      return rows;
    },
  };
}

/** Some rows of a table, by their places. */
export function rowsOf(table: Table, rows: ArrayLike<number>): Table {
  return {
    ...table,
    numRows: rows.length,
    nameOf: (place) => table.nameOf(rows[place]!),
    open: (path, place) => table.open(path, rows[place]!),
    read: (places, columns) => table.read(Array.from(places, (place) => rows[place]!), columns),
  };
}

/** Index of the last number that is at most `value`, in numbers that go up from 0. */
export function lastAtMost(numbers: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = numbers.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** A table whose rows are all in memory. */
export function memoryTable(
  rows: readonly StoredRow[],
  features: Features,
  options: { name: string } & Pick<Table, "open">,
): Table {
  return {
    features,
    numRows: rows.length,
    heavyColumns: new Set(),
    nameOf: (place) => `${options.name}, row ${place}`,
    open: options.open,
    read: (places, columns) =>
      Promise.resolve(Array.from(places, (place) => picked(rows[place]!, columns))),
  };
}

/** The named columns of a row; null where it has none. */
export function picked(row: StoredRow, columns: readonly string[]): StoredRow {
  return Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
}
