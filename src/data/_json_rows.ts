/**
 * The rows of JSON-lines files: an object a line.
 *
 * @module
 */

import type { DataFile } from "./_data_files.ts";
import { inferFeature } from "./_inference.ts";
import { lineError } from "./_line_error.ts";
import type { RowReader, TextBlock } from "./_text_table.ts";
import { type Feature, isObject, Sequence, Value } from "./features.ts";
import type { StoredRow } from "./table.ts";

/** A reader of rows; a row may lack columns that others have. */
export function jsonReader(file: DataFile): RowReader {
  const types = new Map<string, Feature | undefined>();
  const rows = ({ text, line }: TextBlock): StoredRow[] => {
    const found: StoredRow[] = [];
    for (const [i, json] of text.split("\n").entries()) {
      if (json.trim() === "") continue;
      found.push(
        jsonRow(
          json,
          (shown, cause) => lineError(file, line + i, "a JSON object", shown, { cause }),
        ),
      );
    }
    return found;
  };
  return {
    learn: (block) => {
      const found = rows(block);
      for (const row of found) learnTypes(types, row);
      return found.length;
    },
    features: () =>
      Object.fromEntries(Array.from(types, ([name, type]) => [name, type ?? new Value("null")])),
    rows,
  };
}

function jsonRow(text: string, wrong: (found: string, cause?: unknown) => Error): StoredRow {
  let row: unknown;
  try {
    row = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw wrong(JSON.stringify(text.slice(0, 40)), cause);
  }
  if (isObject(row)) return row;
  throw wrong(Array.isArray(row) ? "a list" : `${row}`);
}

function learnTypes(types: Map<string, Feature | undefined>, row: StoredRow): void {
  for (const [name, value] of Object.entries(row)) {
    const before = types.get(name);
    const now = value === null ? undefined : inferFeature(value);
    types.set(name, before && now ? wider(before, now) : before ?? now);
  }
}

/** The type that holds the values of both. */
function wider(a: Feature, b: Feature): Feature {
  if (a instanceof Value && b instanceof Value) {
    if (a.dtype === b.dtype) return a;
    const areNumbers = [a, b].every(({ dtype }) => /int64|float64/.test(dtype));
    return new Value(areNumbers ? "float64" : "string");
  }
  if (!(a instanceof Sequence && b instanceof Sequence)) return a;
  const isEmpty = ({ feature }: Sequence) => feature instanceof Value && feature.dtype === "null";
  if (isEmpty(a)) return b;
  return isEmpty(b) ? a : new Sequence(wider(a.feature, b.feature));
}
