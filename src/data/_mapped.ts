/**
 * Columns that a function makes of other columns, for the rows that are read.
 *
 * The function's results are not kept: a row that is read twice is computed twice. Columns that
 * only pass through are read without it.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import { inferFeature } from "./_inference.ts";
import type { Dataset, DatasetView, Row } from "./dataset.ts";
import { ClassLabel, type Feature, type Features, Value } from "./features.ts";
import type { OpenFile, StoredRow, Table } from "./_table.ts";

/** What a function makes of rows; nothing changes where it returns nothing. */
export type Mapped<S extends Row> = S | void | Promise<S | void>;

/** Lists of values by column. */
export type Columns<R extends Row> = { [K in keyof R]: R[K][] };

/** How a function is mapped over rows. */
export interface MapOptions {
  /** Whether the function is given lists by column, and their row numbers. @default false */
  batched?: boolean;
  /** Most rows that a batched function is given. @default 1000 */
  batchSize?: number;
  /** The columns that the function is given; others are not read for it. @default all */
  inputColumns?: readonly string[];
  /** A column, or several, that the result does not have. @default none */
  removeColumns?: string | readonly string[];
  /** The types of the function's columns. @default those of its first row's values */
  features?: Features;
}

/** A function whatever it is given, as it is kept. */
export type RowChange = (rows: Row, place: number | number[]) => Mapped<Row>;

/** A view of a table with the function's columns. */
export async function mappedView(
  base: Dataset,
  change: RowChange,
  options: MapOptions,
): Promise<DatasetView> {
  const removeColumns = [options.removeColumns ?? []].flat();
  const kept = Object.entries(base.features).filter(([name]) => !removeColumns.includes(name));
  const made = base.numRows > 0 ? await new Change(base, change, options).run([0]) : [{}];
  const features: Features = {
    ...Object.fromEntries(kept),
    ...Object.fromEntries(
      Object.entries(made[0]!).map(([name, value]) => [
        name,
        options.features?.[name] ?? keptType(base.features[name], inferFeature(value)),
      ]),
    ),
  };
  const table = new MappedTable(base, new Change(base, change, options), {
    features,
    made: new Set(Object.keys(made[0]!)),
  });
  const columns = new Map(Object.keys(features).map((name) => [name, name]));
  return { table, columns, features, split: base.split };
}

/** Numbers that take the place of a class or of numbers keep the column's type. */
function keptType(before: Feature | undefined, now: Feature): Feature {
  const isWhole = now instanceof Value && now.dtype === "int64";
  if (before instanceof ClassLabel && isWhole) return before;
  return before !== undefined && String(before) === String(now) ? before : now;
}

/** The function, called for rows by number. */
class Change {
  readonly #base: Dataset;
  readonly #change: RowChange;
  readonly #options: MapOptions;

  constructor(base: Dataset, change: RowChange, options: MapOptions) {
    this.#base = base;
    this.#change = change;
    this.#options = options;
  }

  /** The function's columns of some rows. */
  async run(indices: readonly number[]): Promise<Row[]> {
    const { batched = false, batchSize = 1000, inputColumns } = this.#options;
    const columns = inputColumns ?? this.#base.columnNames;
    const rows: Row[] = [];
    for (let start = 0; start < indices.length; start += batchSize) {
      const part = indices.slice(start, start + batchSize);
      const given = await this.#base.read(part, columns);
      if (batched) rows.push(...await this.#batch(given, part, columns));
      else for (const [i, row] of given.entries()) rows.push(await this.#row(row, part[i]!));
    }
    return rows;
  }

  async #row(row: Row, index: number): Promise<Row> {
    return await this.#change(row, index) ?? {};
  }

  async #batch(rows: Row[], indices: number[], columns: readonly string[]): Promise<Row[]> {
    const lists = Object.fromEntries(columns.map((name) => [name, rows.map((row) => row[name])]));
    const made = Object.entries(await this.#change(lists, indices) ?? {});
    for (const [name, list] of made) expectLength(name, list, rows.length);
    return rows.map((_, i) =>
      Object.fromEntries(made.map(([name, list]) => [name, (list as unknown[])[i]]))
    );
  }
}

function expectLength(name: string, list: unknown, count: number): void {
  const found = Array.isArray(list) || ArrayBuffer.isView(list) && "length" in list
    ? `${(list as ArrayLike<unknown>).length} values`
    : typeof list;
  if (found === `${count} values`) return;
  throw new DatasetError(
    `Cannot map column "${name}": expected a list of ${count} values, found ${found}`,
    { hint: "A batched function gives one value for each row; filter leaves rows out" },
  );
}

/** A data set's rows with the function's columns among theirs. */
class MappedTable implements Table {
  readonly features: Features;
  readonly heavyColumns: ReadonlySet<string>;
  readonly #base: Dataset;
  readonly #change: Change;
  readonly #made: ReadonlySet<string>;

  constructor(base: Dataset, change: Change, columns: { features: Features; made: Set<string> }) {
    this.#base = base;
    this.#change = change;
    this.features = columns.features;
    this.#made = columns.made;
    const { table, columns: sources } = base.view;
    const isHeavy = (name: string) => table.heavyColumns.has(sources.get(name) ?? "");
    const passed = Object.keys(this.features).filter((name) => !this.#made.has(name));
    this.heavyColumns = new Set([...this.#made, ...passed.filter(isHeavy)]);
  }

  get numRows(): number {
    return this.#base.numRows;
  }

  nameOf(place: number): string {
    return this.#base.view.table.nameOf(this.#base.placeOf(place));
  }

  open(path: string, place: number): Promise<OpenFile> {
    return this.#base.view.table.open(path, this.#base.placeOf(place));
  }

  async read(places: ArrayLike<number>, columns: readonly string[]): Promise<StoredRow[]> {
    const indices = Array.from(places);
    const passed = columns.filter((name) => !this.#made.has(name));
    const rows = await this.#base.readStored(indices, passed);
    if (passed.length === columns.length) return rows;
    const made = await this.#change.run(indices);
    return rows.map((row, i) => ({ ...row, ...made[i] }));
  }
}
