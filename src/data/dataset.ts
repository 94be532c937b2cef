/**
 * A data set: rows by number, read and decoded when they are asked for.
 *
 * Every operation gives a new view of the same files. `select`, `shuffle` and splits keep the
 * numbers of their rows, 4 bytes each; `filter` reads every row once and keeps those numbers;
 * `map` keeps its function and calls it for the rows that are read; names and types of columns cost
 * nothing. So memory does not grow with what is in the rows, and rows that are never asked for are
 * never read. Row orders are those of Hugging Face `datasets` for the same seed.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import { inferFeature } from "./_inference.ts";
import {
  type Columns,
  type MapOptions,
  type Mapped,
  mappedView,
  type RowChange,
} from "./_mapped.ts";
import { Pcg64 } from "./_pcg64.ts";
import { type AudioValue, decodedValue } from "./_values.ts";
import { DatasetDict } from "./dataset_dict.ts";
import { Audio, ClassLabel, type Feature, type Features, listed, Sequence } from "./features.ts";
import { memoryTable, type StoredRow, type Table } from "./_table.ts";
import { splitRows, type SplitSizes } from "./train_test_split.ts";

export type { AudioValue, Columns, MapOptions, Mapped, RowChange };

/** One row: values by column. */
export type Row = Record<string, unknown>;

/** What a data set shows of a table. */
export interface DatasetView {
  /** Where the rows come from. */
  table: Table;
  /** The table's columns by the names that they have here. */
  columns: ReadonlyMap<string, string>;
  /** The types by the names here. */
  features: Features;
  /** The table's rows in the order that they have here; all of them where it is undefined. */
  rows?: Uint32Array;
  /** The split, for messages. */
  split: string;
}

/** How a data set is split. */
export interface DatasetSplitOptions extends SplitSizes {
  /** A column of classes of which every side gets its share. @default none */
  stratifyBy?: string;
}

/** What a function over rows needs of them. */
export interface FilterOptions {
  /** The columns that the function is given; others are not read. @default all */
  inputColumns?: readonly string[];
}

/** Rows that are read at once when all are gone through. */
const BLOCK_ROWS = 256;

/** The same for rows with recordings. */
const HEAVY_BLOCK_ROWS = 8;

/**
 * Rows of named columns.
 *
 * @example
 * ```ts
 * import { Dataset } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const dataset = Dataset.fromRows([{ word: "no" }, { word: "yes" }, { word: "stop" }]);
 * const short = await dataset.filter(({ word }) => word.length < 4);
 * deepEqual(await short.column("word"), ["no", "yes"]);
 * ```
 */
export class Dataset<R extends Row = Row> implements AsyncIterable<R> {
  /**
   * What this shows of which table.
   *
   * @internal
   */
  readonly view: DatasetView;

  /**
   * A view of a table; {@linkcode loadDataset} and {@linkcode Dataset.fromRows} make the first one.
   *
   * @param view what to show of which table.
   * @internal
   */
  constructor(view: DatasetView) {
    this.view = view;
  }

  /**
   * A data set of rows in memory.
   *
   * @param rows objects with the same columns.
   * @param features the types of the columns. @default those of the first row's values
   */
  static fromRows<R extends Row>(rows: readonly R[], features?: Features): Dataset<R> {
    const types = features ?? inferFeatures(rows[0] ?? {});
    const open = (path: string) => {
      throw new DatasetError(`Cannot open "${path}": expected its bytes, found rows in memory`);
    };
    return ofTable(memoryTable(rows, types, { name: "rows", open }), "all");
  }

  /** The types of the columns by their names, in their order. */
  get features(): Features {
    return this.view.features;
  }

  /** The names of the columns. */
  get columnNames(): string[] {
    return Object.keys(this.view.features);
  }

  /**
   * The classes of a column.
   *
   * @throws {DatasetError} where the column has none, or there is no such column.
   */
  classLabel(name: string): ClassLabel {
    this.expectColumn(name);
    const feature = this.features[name]!;
    const label = feature instanceof Sequence ? feature.feature : feature;
    if (label instanceof ClassLabel) return label;
    throw new DatasetError(
      `Cannot name the classes of column "${name}": expected classes, found ${feature}`,
      { hint: `Make classes of it with classEncodeColumn("${name}")` },
    );
  }

  /** How many rows there are. */
  get numRows(): number {
    return this.view.rows?.length ?? this.view.table.numRows;
  }

  /** How many rows there are. */
  get length(): number {
    return this.numRows;
  }

  /** Which split this is, such as "train". */
  get split(): string {
    return this.view.split;
  }

  /**
   * One row, decoded.
   *
   * @param index its number; a negative one counts from the end.
   * @throws {RangeError} where there is no such row.
   * @throws {AudioFormatError} naming the row and the file of a recording that cannot be decoded.
   * @throws {DatasetError} for a label outside its class list.
   */
  async at(index: number): Promise<R> {
    const place = index < 0 ? index + this.numRows : index;
    if (!Number.isInteger(place) || place < 0 || place >= this.numRows) {
      const expected = `a number below ${this.numRows}`;
      throw new RangeError(`Cannot read row ${index} of "${this.split}": expected ${expected}`);
    }
    const [row] = await this.read([place], this.columnNames);
    return row as R;
  }

  /** Every row in order, decoded; a few of them are read at once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, void> {
    for await (const [row] of this.#entries(this.columnNames)) yield row as R;
  }

  /**
   * The values of one column, all at once.
   *
   * @throws {DatasetError} where there is no such column; the message lists those there are.
   */
  async column<K extends string & keyof R>(name: K): Promise<R[K][]> {
    this.expectColumn(name);
    const values: R[K][] = [];
    for await (const [row] of this.#entries([name])) values.push(row[name] as R[K]);
    return values;
  }

  /**
   * The different values of a column, in the order of their first row.
   *
   * @throws {DatasetError} where there is no such column.
   */
  async uniqueValues<K extends string & keyof R>(name: K): Promise<R[K][]> {
    this.expectColumn(name);
    const values = new Set<R[K]>();
    for await (const [row] of this.#entries([name])) values.add(row[name] as R[K]);
    return [...values];
  }

  /**
   * The rows of these numbers, in this order.
   *
   * @throws {RangeError} for a number that is no row's.
   */
  select(indices: Iterable<number>): Dataset<R> {
    const { rows } = this.view;
    const count = this.numRows;
    const chosen = Uint32Array.from(indices, (index) => {
      if (Number.isInteger(index) && index >= 0 && index < count) return rows?.[index] ?? index;
      const expected = `numbers below ${count}`;
      throw new RangeError(`Cannot select row ${index}: expected ${expected}`);
    });
    return this.#with({ rows: chosen });
  }

  /**
   * The same rows in a random order, the one that `datasets` has for this seed.
   *
   * @param options `seed`: a whole number from 0. @default 42
   */
  shuffle({ seed = 42 }: { seed?: number } = {}): Dataset<R> {
    const order = Array.from({ length: this.numRows }, (_, i) => i);
    new Pcg64(seed).shuffle(order);
    return this.select(order);
  }

  /**
   * Two data sets that share no row, those that `datasets` makes for this seed.
   *
   * @throws {RangeError} for a size or a seed that is no such number.
   * @throws {DatasetError} where a side would be empty, or a class has one row alone.
   */
  async trainTestSplit(
    options: DatasetSplitOptions = {},
  ): Promise<DatasetDict<"train" | "test", R>> {
    const { stratifyBy, ...sizes } = options;
    const classes = stratifyBy === undefined ? undefined : await this.#classes(stratifyBy);
    const sides = splitRows({ name: this.split, count: this.numRows, classes }, sizes);
    const side = (split: string, rows: Iterable<number>): Dataset<R> => {
      return new Dataset({ ...this.select(rows).view, split });
    };
    return new DatasetDict({
      train: side("train", sides.train),
      test: side("test", sides.test),
    });
  }

  /**
   * The rows for which a function says true; every row is read once.
   *
   * @param keep is given the row, with `inputColumns` alone where these are named, and its number.
   */
  async filter(
    keep: (row: R, index: number) => boolean | Promise<boolean>,
    options: FilterOptions = {},
  ): Promise<Dataset<R>> {
    const columns = options.inputColumns ?? this.columnNames;
    for (const column of columns) this.expectColumn(column);
    const kept: number[] = [];
    for await (const [row, index] of this.#entries(columns)) {
      if (await keep(row as R, index)) kept.push(index);
    }
    return this.select(kept);
  }

  /**
   * The same rows with columns that a function makes of them; it runs for rows that are read.
   *
   * The function's columns are added to the row's, or take their place. Called with `batched`, it is
   * given lists by column, and gives lists of the same length. Its first call comes at once, to
   * learn the types of its columns.
   *
   * @throws {DatasetError} where a batched function gives lists of another length.
   */
  map<S extends Row>(
    change: (columns: Columns<R>, indices: number[]) => Mapped<S>,
    options: MapOptions & { batched: true },
  ): Promise<Dataset>;
  /** The same with a function of one row. */
  map<S extends Row>(
    change: (row: R, index: number) => Mapped<S>,
    options?: MapOptions & { batched?: false },
  ): Promise<Dataset<R & S>>;
  async map(change: unknown, options: MapOptions = {}): Promise<Dataset> {
    const { inputColumns = [], removeColumns = [] } = options;
    for (const column of [...inputColumns, removeColumns].flat()) this.expectColumn(column);
    return new Dataset(await mappedView(this as Dataset, change as RowChange, options));
  }

  /**
   * The same rows with another name for a column.
   *
   * @throws {DatasetError} where there is no such column, or there is one of the new name.
   */
  renameColumn(name: string, newName: string): Dataset {
    this.expectColumn(name);
    if (newName in this.features) {
      const message = `Cannot rename column "${name}": expected a free name, found "${newName}"`;
      throw new DatasetError(message);
    }
    const rename = <T>([key, value]: [string, T]): [string, T] => [
      key === name ? newName : key,
      value,
    ];
    return new Dataset({
      ...this.view,
      columns: new Map(Array.from(this.view.columns, rename)),
      features: Object.fromEntries(Object.entries(this.features).map(rename)),
    });
  }

  /**
   * The same rows without some columns.
   *
   * @throws {DatasetError} where there is no such column.
   */
  removeColumns<K extends string>(names: K | readonly K[]): Dataset<Omit<R, K>> {
    const removed = new Set<string>(typeof names === "string" ? [names] : names);
    for (const name of removed) this.expectColumn(name);
    const kept = this.columnNames.filter((name) => !removed.has(name));
    return this.selectColumns(kept) as Dataset<Omit<R, K>>;
  }

  /**
   * The same rows with these columns alone, in this order.
   *
   * @throws {DatasetError} where there is no such column.
   */
  selectColumns<K extends string>(names: readonly K[]): Dataset<Pick<R, K & keyof R>> {
    for (const name of names) this.expectColumn(name);
    return new Dataset<Pick<R, K & keyof R>>({
      ...this.view,
      columns: new Map(names.map((name) => [name, this.view.columns.get(name)!])),
      features: Object.fromEntries(names.map((name) => [name, this.features[name]!])),
    });
  }

  /**
   * The same rows with another type of a column: a rate for recordings, names for numbers.
   *
   * @param name the column.
   * @param type the type, or for a column of recordings or paths `{ samplingRate }`.
   * @throws {DatasetError} where there is no such column, or it cannot be of this type.
   */
  castColumn(name: string, type: Feature | { samplingRate: number }): Dataset<R> {
    this.expectColumn(name);
    const feature = "samplingRate" in type && !(type instanceof Audio) ? new Audio(type) : type;
    this.#expectCastable(name, feature as Feature);
    return this.#with({ features: { ...this.features, [name]: feature as Feature } });
  }

  /**
   * The same rows with a column's values as classes, numbered in the order of their names.
   *
   * @throws {DatasetError} where there is no such column.
   */
  async classEncodeColumn(name: string): Promise<Dataset> {
    if (this.features[name] instanceof ClassLabel) return this as Dataset;
    const values = await this.uniqueValues(name);
    const names = values.filter((value) => value !== null).map(String).sort();
    const label = new ClassLabel(names);
    const encode = (row: Row) => ({ [name]: row[name] === null ? null : String(row[name]) });
    const texts = await this.map(encode, { inputColumns: [name] });
    return texts.castColumn(name, label);
  }

  /**
   * Names a column that is not there.
   *
   * @throws {DatasetError} listing the columns there are.
   */
  expectColumn(name: string): void {
    if (Object.hasOwn(this.features, name)) return;
    throw new DatasetError(
      `Cannot use column "${name}" of "${this.split}": expected one of ${listed(this.columnNames)}`,
    );
  }

  /** The place of a row in the table that it comes from. */
  placeOf(index: number): number {
    return this.view.rows?.[index] ?? index;
  }

  /** Some columns of some rows, decoded. */
  async read(indices: readonly number[], columns: readonly string[]): Promise<Row[]> {
    const stored = await this.readStored(indices, columns);
    const rows: Row[] = [];
    for (const [i, index] of indices.entries()) {
      rows.push(await this.#decoded(stored[i]!, index, columns));
    }
    return rows;
  }

  /**
   * The same as they are stored: classes unchecked, recordings neither read nor decoded.
   *
   * @internal
   */
  async readStored(indices: readonly number[], columns: readonly string[]): Promise<StoredRow[]> {
    const { table, columns: sources } = this.view;
    const names = columns.map((name) => sources.get(name)!);
    const rows = await table.read(indices.map((index) => this.placeOf(index)), names);
    return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[names[i]!]])));
  }

  /** Columns and number of rows, as `datasets` prints them. */
  toString(): string {
    const names = this.columnNames.map((name) => `'${name}'`).join(", ");
    return `Dataset({\n    features: [${names}],\n    num_rows: ${this.numRows}\n})`;
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** What `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  #with(changes: Partial<DatasetView>): Dataset<R> {
    return new Dataset<R>({ ...this.view, ...changes });
  }

  #expectCastable(name: string, feature: Feature): void {
    const now = this.features[name]!;
    const isText = String(now).includes("'string'") || String(now).includes("binary");
    const fits = feature instanceof Audio
      ? now instanceof Audio || isText
      : !(now instanceof Audio) && (feature instanceof Sequence) === (now instanceof Sequence);
    if (fits) return;
    throw new DatasetError(
      `Cannot cast column "${name}" to ${feature}: expected values of that kind, found ${now}`,
    );
  }

  /** The classes of a column, for a split by them. */
  async #classes(name: string): Promise<{ numbers: number[]; names: readonly string[] }> {
    this.expectColumn(name);
    const feature = this.features[name]!;
    if (feature instanceof ClassLabel) {
      return { numbers: await this.column(name) as number[], names: feature.names };
    }
    throw new DatasetError(
      `Cannot split by column "${name}": expected classes, found ${feature}`,
      { hint: `Make classes of it with classEncodeColumn("${name}")` },
    );
  }

  /** Rows of some columns with their numbers, a block read at a time. */
  async *#entries(columns: readonly string[]): AsyncGenerator<[Row, number], void, void> {
    const { table, columns: sources } = this.view;
    const isHeavy = columns.some((name) => table.heavyColumns.has(sources.get(name)!));
    const block = isHeavy ? HEAVY_BLOCK_ROWS : BLOCK_ROWS;
    for (let start = 0; start < this.numRows; start += block) {
      const end = Math.min(start + block, this.numRows);
      const places = Array.from({ length: end - start }, (_, i) => start + i);
      const rows = await this.readStored(places, columns);
      for (const [i, row] of rows.entries()) {
        yield [await this.#decoded(row, start + i, columns), start + i];
      }
    }
  }

  async #decoded(stored: StoredRow, index: number, columns: readonly string[]): Promise<Row> {
    const { table, features } = this.view;
    const at = { table, place: this.placeOf(index) };
    const row: Row = {};
    for (const name of columns) {
      row[name] = await decodedValue(stored[name], features[name]!, at);
    }
    return row;
  }
}

/** All rows and columns of a table as a data set. */
export function ofTable<R extends Row>(table: Table, split: string): Dataset<R> {
  const columns = new Map(Object.keys(table.features).map((name) => [name, name]));
  return new Dataset<R>({ table, columns, features: table.features, split });
}

function inferFeatures(row: Row): Features {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, inferFeature(value)]),
  );
}
