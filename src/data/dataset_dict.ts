/**
 * The splits of a data set by name, and what is done to all of them alike.
 *
 * @module
 */

import type { Dataset, FilterOptions, Row } from "./dataset.ts";
import type { MapOptions, RowChange } from "./_mapped.ts";
import type { Feature } from "./features.ts";

/** What is done to every split of a data set. */
export class DatasetSplits {
  /**
   * Holds splits as properties.
   *
   * @param splits the splits by name.
   */
  constructor(splits: Readonly<Record<string, Dataset>>) {
    Object.assign(this, splits);
  }

  /** `map` of every split. */
  map(change: RowChange, options: MapOptions = {}): Promise<DatasetDict> {
    return eachLater(
      this,
      (split) => split.map(change, { ...options, batched: options.batched as true }),
    );
  }

  /** `filter` of every split. */
  filter(
    keep: (row: Row, index: number) => boolean | Promise<boolean>,
    options: FilterOptions = {},
  ): Promise<DatasetDict> {
    return eachLater(this, (split) => split.filter(keep, options));
  }

  /** `shuffle` of every split, with the same seed. */
  shuffle(options: { seed?: number } = {}): DatasetDict {
    return each(this, (split) => split.shuffle(options));
  }

  /** `renameColumn` of every split. */
  renameColumn(name: string, newName: string): DatasetDict {
    return each(this, (split) => split.renameColumn(name, newName));
  }

  /** `removeColumns` of every split. */
  removeColumns(names: string | readonly string[]): DatasetDict {
    return each(this, (split) => split.removeColumns(names));
  }

  /** `selectColumns` of every split. */
  selectColumns(names: readonly string[]): DatasetDict {
    return each(this, (split) => split.selectColumns(names));
  }

  /** `castColumn` of every split. */
  castColumn(name: string, type: Feature | { samplingRate: number }): DatasetDict {
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
export type DatasetDict<S extends string = string> =
  & DatasetSplits
  & { readonly [K in S]: Dataset };

/** Makes a {@linkcode DatasetDict} of splits by name. */
export const DatasetDict: {
  new <S extends string>(splits: Readonly<Record<S, Dataset>>): DatasetDict<S>;
} = DatasetSplits as typeof DatasetDict;

/** The splits alone, by name, in their order. */
export function splitsOf(dict: DatasetSplits): Record<string, Dataset> {
  return { ...dict } as unknown as Record<string, Dataset>;
}

function each(dict: DatasetSplits, change: (split: Dataset) => Dataset): DatasetDict {
  const splits = Object.entries(splitsOf(dict));
  return new DatasetDict(Object.fromEntries(splits.map(([name, split]) => [name, change(split)])));
}

async function eachLater(
  dict: DatasetSplits,
  change: (split: Dataset) => Promise<Dataset>,
): Promise<DatasetDict> {
  const changed: Record<string, Dataset> = {};
  for (const [name, split] of Object.entries(splitsOf(dict))) changed[name] = await change(split);
  return new DatasetDict(changed);
}
