/**
 * The rows of JSON files: an object a line, or a list of objects.
 *
 * @module
 */

import type { DataFile } from "./_data_files.ts";
import { inferFeature } from "./_inference.ts";
import { lineError } from "./_line_error.ts";
import type { RowReader, TextBlock } from "./_text_table.ts";
import { type Feature, type Features, isObject, Sequence, shown, Value } from "./features.ts";
import { memoryTable, type StoredRow, type Table } from "./_table.ts";

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
    features: () => featuresOf(types),
    rows,
  };
}

/** Largest file that is read as one list. */
const MAX_LIST_BYTES = 2 ** 28;

/**
 * A file that is one list of objects, which is kept in memory; undefined for any other.
 *
 * @throws {DatasetError} where it begins as a list and is none of objects, or is too large.
 */
export async function jsonListTable(file: DataFile): Promise<Table | undefined> {
  const source = await file.open();
  try {
    const start = new TextDecoder().decode(await source.read(0, Math.min(64, file.sizeBytes)));
    if (!/^\uFEFF?\s*\[/.test(start)) return undefined;
    if (file.sizeBytes > MAX_LIST_BYTES) {
      throw lineError(file, 1, `at most ${MAX_LIST_BYTES} bytes as one list`, `${file.sizeBytes}`, {
        hint: "Write an object a line instead, as JSONL",
      });
    }
    const text = new TextDecoder().decode(await source.read(0, file.sizeBytes));
    const rows = jsonList(text.replace(/^\uFEFF/, ""), file);
    const types = new Map<string, Feature | undefined>();
    for (const row of rows) learnTypes(types, row);
    return memoryTable(rows, featuresOf(types), {
      name: file.name,
      open: (path) => file.sibling(path),
    });
  } finally {
    source[Symbol.dispose]();
  }
}

function jsonList(text: string, file: DataFile): StoredRow[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw lineError(file, 1, "a list of objects", `none (${reason})`, { cause });
  }
  const wrong = (list as unknown[]).findIndex((row) => !isObject(row));
  if (wrong < 0) return list as StoredRow[];
  throw lineError(file, 1, "a list of objects", `something else at place ${wrong}`);
}

function featuresOf(types: ReadonlyMap<string, Feature | undefined>): Features {
  return Object.fromEntries(
    Array.from(types, ([name, type]) => [name, type ?? new Value("null")]),
  );
}

function jsonRow(text: string, wrong: (found: string, cause?: unknown) => Error): StoredRow {
  let row: unknown;
  try {
    row = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw wrong(JSON.stringify(text.slice(0, 40)), cause);
  }
  if (isObject(row)) return row;
  throw wrong(Array.isArray(row) ? "a list" : shown(row));
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
