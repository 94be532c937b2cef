/**
 * The splits of a data set by name, and what is done to all of them alike.
 *
 * @module
 */

import type { Columns, Dataset, FilterOptions, Mapped, Row } from "./dataset.ts";
import type { MapOptions } from "./_mapped.ts";
import type { Feature } from "./features.ts";

/**
 * What is done to every split of a data set: S are their names, R is a row.
 *
 * @example
 * ```ts
 * import { Dataset, DatasetDict } from "@earshot/earshot";
 * import { deepEqual } from "node:assert/strict";
 *
 * const train = Dataset.fromRows([{ file: "a.wav", word: "yes" }, { file: "b.wav", word: "no" }]);
 * const splits = new DatasetDict({ train, test: train.select([1]) });
 * const renamed = splits.renameColumn("word", "label");
 * deepEqual(await renamed.test.at(0), { file: "b.wav", label: "no" });
 * ```
 */
export class DatasetSplits<S extends string = string, R extends Row = Row> {
  /**
   * Holds splits as properties.
   *
   * @param splits the splits by name.
   */
  constructor(splits: Readonly<Record<S, Dataset<R>>>) {
    Object.assign(this, splits);
  }

  /** `map` of every split, with a function of many rows. */
  map<M extends Row>(
    change: (columns: Columns<R>, indices: number[]) => Mapped<M>,
    options: MapOptions & { batched: true },
  ): Promise<DatasetDict<S>>;
  /** The same with a function of one row. */
  map<M extends Row>(
    change: (row: R, index: number) => Mapped<M>,
    options?: MapOptions & { batched?: false },
  ): Promise<DatasetDict<S, R & M>>;
  map(change: unknown, options: MapOptions = {}): Promise<DatasetDict<S>> {
    const given = { ...options, batched: options.batched as true };
    return eachLater(this, (split) => split.map(change as () => Row, given));
  }

  /** `filter` of every split. */
  filter(
    keep: (row: R, index: number) => boolean | Promise<boolean>,
    options: FilterOptions = {},
  ): Promise<DatasetDict<S, R>> {
    return eachLater(this, (split) => split.filter(keep, options));
  }

  /** `shuffle` of every split, with the same seed. */
  shuffle(options: { seed?: number } = {}): DatasetDict<S, R> {
    return each(this, (split) => split.shuffle(options));
  }

  /** `renameColumn` of every split. */
  renameColumn(name: string, newName: string): DatasetDict<S> {
    return each(this, (split) => split.renameColumn(name, newName));
  }

  /** `removeColumns` of every split. */
  removeColumns<K extends string>(names: K | readonly K[]): DatasetDict<S, Omit<R, K>> {
    return each(this, (split) => split.removeColumns(names));
  }

  /** `selectColumns` of every split. */
  selectColumns<K extends string>(names: readonly K[]): DatasetDict<S, Pick<R, K & keyof R>> {
    return each(this, (split) => split.selectColumns(names));
  }

  /** `castColumn` of every split. */
  castColumn(name: string, type: Feature | { samplingRate: number }): DatasetDict<S, R> {
    return each(this, (split) => split.castColumn(name, type));
  }

  /** Names, columns and row counts, as `datasets` prints them. */
  toString(): string {
    const parts = Object.entries(splitsOf(this)).map(([name, split]) =>
      `${name}: ${split}`.replace(/^/gm, "    ")
    );
    return `DatasetDict({\n${parts.join("\n")}\n})`;
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** What `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/**
 * The splits of a data set by name.
 *
 * @example
 * ```ts
 * import { Dataset } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const { train, test } = await Dataset.fromRows([{ n: 1 }, { n: 2 }]).trainTestSplit();
 * equal(train.numRows + test.numRows, 2);
 * ```
 */
export type DatasetDict<S extends string = string, R extends Row = Row> =
  & DatasetSplits<S, R>
  & { readonly [K in S]: Dataset<R> };

/** Makes a {@linkcode DatasetDict} of splits by name. */
export const DatasetDict: {
  new <S extends string, R extends Row = Row>(
    splits: Readonly<Record<S, Dataset<R>>>,
  ): DatasetDict<S, R>;
} = DatasetSplits as typeof DatasetDict;

/** The splits alone, by name, in their order. */
export function splitsOf<S extends string, R extends Row>(
  dict: DatasetSplits<S, R>,
): Record<S, Dataset<R>> {
  return { ...dict } as unknown as Record<S, Dataset<R>>;
}

function each<S extends string, R extends Row, M extends Row>(
  dict: DatasetSplits<S, R>,
  change: (split: Dataset<R>) => Dataset<M>,
): DatasetDict<S, M> {
  const splits = Object.entries<Dataset<R>>(splitsOf(dict));
  const changed = splits.map(([name, split]) => [name, change(split)]);
  return new DatasetDict(Object.fromEntries(changed) as Record<S, Dataset<M>>);
}

async function eachLater<S extends string, R extends Row, M extends Row>(
  dict: DatasetSplits<S, R>,
  change: (split: Dataset<R>) => Promise<Dataset<M>>,
): Promise<DatasetDict<S, M>> {
  const changed: [string, Dataset<M>][] = [];
  for (const [name, split] of Object.entries<Dataset<R>>(splitsOf(dict))) {
    changed.push([name, await change(split)]);
  }
  return new DatasetDict(Object.fromEntries(changed) as Record<S, Dataset<M>>);
}
