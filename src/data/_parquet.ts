/**
 * Parquet files as tables: the footer when one is opened, then only the columns and row groups that
 * are asked for.
 *
 * Pages are taken apart by `hyparquet`, behind a wall: `_parquet_column.ts`. Here is where to cut so
 * that one row does not cost a whole row group, what stays in memory, and what the schema means. The
 * names of classes are in the footer's `huggingface` entry; a file without one has plain columns.
 * What is broken is broken once: the error of a run of rows is kept, and thrown again for each.
 *
 * @module
 */

import type { SchemaElement } from "hyparquet";
import { DatasetError, FileError } from "../errors.ts";
import type { ChunkCache } from "./_chunk_cache.ts";
import type { DataFile } from "./_data_files.ts";
import { readRows, type RowRange } from "./_parquet_column.ts";
import { mostUnpacked } from "./_parquet_pages.ts";
import { type Footer, type LeafChunk, readFooter, type ReadRange } from "./_parquet_footer.ts";
import { lastAtMost, type StoredRow, type Table } from "./_table.ts";
import {
  Audio,
  type Feature,
  type Features,
  featuresFromJson,
  isObject,
  isRecording,
  Sequence,
  Struct,
  Value,
} from "./features.ts";

/** Bytes of a column that are read at once where a file says where its pages lie. */
const CHUNK_BYTES = 2 ** 20;

/** What a value takes in memory beside its bytes. */
const VALUE_BYTES = 64;

/** A run of rows of a row group that is read at once. */
interface Chunk {
  /** The first row of the file. */
  start: number;
  end: number;
  bytes: number;
  /** The same rows inside their group. */
  rows: RowRange;
  leaves: readonly LeafChunk[];
}

/**
 * Opens a Parquet file; its footer is read and nothing else.
 *
 * @throws {DatasetError} where it is no Parquet file.
 */
export async function parquetTable(file: DataFile, cache: ChunkCache): Promise<Table> {
  const read: ReadRange = (start, end) => readRange(file, start, end);
  const { footer, features } = await reading(file, async () => {
    const footer = await readFooter(file.sizeBytes, read);
    return { footer, features: featuresOf(footer, file.name) };
  });
  const chunks = new Map<string, Chunk[]>();
  const chunksOf = (column: string): Chunk[] => {
    const known = chunks.get(column) ?? planChunks(footer, column);
    chunks.set(column, known);
    return known;
  };
  const broken = new Map<string, FileError>();
  const load = (column: string, chunk: Chunk): Promise<unknown[]> => {
    const { start, end, bytes, leaves, rows } = chunk;
    const key = `${file.name}\n${column}\n${start}`;
    const error = broken.get(key);
    if (error) return Promise.reject(error);
    return cache.get(key, bytes + (end - start) * VALUE_BYTES, async () => {
      try {
        const values = await readRows(leaves, footer.tree, rows, read);
        return values.map((value) => plain(value, features[column]!));
      } catch (cause) {
        if (!(cause instanceof Error) || isOwn(cause)) throw cause;
        // The other rows are sound: this is a file that cannot be read, not a data set.
        const hint = "Leave its rows out with `skipBadFiles: true`";
        const error = new FileError(ruleBreaker(file, cause), { cause, hint, file: file.name });
        broken.set(key, error);
        throw error;
      }
    });
  };
  return {
    features,
    numRows: footer.rows,
    heavyColumns: heavyColumns(features),
    nameOf: (place) => `${file.name}, row ${place}`,
    open: (path) => file.sibling(path),
    read: async (places, columns) => {
      const rows = Array.from(places, (): StoredRow => ({}));
      for (const column of columns) {
        const plan = chunksOf(column);
        const starts = plan.map((chunk) => chunk.start);
        let at = -1;
        let found: unknown[] = [];
        for (let i = 0; i < places.length; i++) {
          const next = lastAtMost(starts, places[i]!);
          if (next !== at) found = await load(column, plan[next]!);
          at = next;
          rows[i]![column] = found[places[i]! - plan[at]!.start];
        }
      }
      return rows;
    },
  };
}

async function readRange(file: DataFile, start: number, end: number): Promise<Uint8Array> {
  const source = await file.open();
  try {
    return await source.read(start, end);
  } finally {
    source[Symbol.dispose]();
  }
}

/** What the parser throws names no file. */
async function reading<T>(file: DataFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof Error) || isOwn(cause)) throw cause;
    throw new DatasetError(ruleBreaker(file, cause), { cause, file: file.name });
  }
}

function ruleBreaker({ name }: DataFile, { message }: Error): string {
  return `Cannot read data "${name}": expected Parquet, found a file that breaks its rules ` +
    `(${message})`;
}

/** The typed errors of the file itself, such as one that is gone. */
function isOwn(error: Error): boolean {
  return "file" in error;
}

/** The runs of rows that a column is read in. */
function planChunks({ groups }: Footer, column: string): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  for (const { rows: groupRows, leaves: all } of groups) {
    const leaves = all.filter(({ path }) => path[0] === column);
    const bytes = leaves.reduce((sum, { sizeBytes, start, end }) => {
      return sum + Math.min(sizeBytes, mostUnpacked(end - start));
    }, 0);
    const hasPages = leaves.every(({ index }) => index !== undefined);
    const count = hasPages
      ? Math.max(1, Math.ceil(groupRows * CHUNK_BYTES / Math.max(bytes, 1)))
      : groupRows;
    for (let at = 0; at < groupRows; at += count) {
      const end = Math.min(at + count, groupRows);
      chunks.push({
        ...{ start: start + at, end: start + end, bytes: bytes * (end - at) / groupRows },
        ...{ rows: { groupRows, start: at, end }, leaves },
      });
    }
    start += groupRows;
  }
  return chunks;
}

/** The features that `datasets` wrote, or those that the schema amounts to. */
function featuresOf(footer: Footer, name: string): Features {
  const schema = schemaFeatures(footer.schema);
  const entry = footer.metadata.get("huggingface");
  if (entry === undefined) return schema;
  const stated = statedFeatures(entry, name);
  return Object.fromEntries(
    Object.entries(schema).map(([column, feature]) => [column, stated[column] ?? feature]),
  );
}

function statedFeatures(entry: string, name: string): Features {
  try {
    const { info } = JSON.parse(entry);
    return info?.features ? featuresFromJson(info.features, name) : {};
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const expected = "JSON under the key huggingface";
    throw new DatasetError(`Cannot read features of "${name}": expected ${expected}`, {
      cause,
      file: name,
    });
  }
}

/** The columns of a Parquet schema, which is a tree written depth first. */
function schemaFeatures(schema: readonly SchemaElement[]): Features {
  let next = 1;
  const fields = (count: number): Features => {
    const found: Record<string, Feature> = {};
    for (let i = 0; i < count; i++) {
      const element = schema[next++]!;
      const inner = element.num_children ? fields(element.num_children) : undefined;
      found[element.name] = inner ? nested(element, inner) : new Value(dtypeOf(element));
    }
    return found;
  };
  return fields(schema[0]?.num_children ?? 0);
}

/** A list, or a struct; some structs are recordings. */
function nested(element: SchemaElement, inner: Features): Feature {
  if (element.converted_type === "LIST" || element.logical_type?.type === "LIST") {
    const [repeated] = Object.values(inner);
    const item = repeated instanceof Struct ? Object.values(repeated.fields)[0] : repeated;
    return new Sequence(item ?? new Value("null"));
  }
  return isRecording(Object.keys(inner)) ? new Audio() : new Struct(inner);
}

function dtypeOf({ type, converted_type, logical_type }: SchemaElement): string {
  if (type === "BOOLEAN") return "bool";
  if (type === "INT32" || type === "INT64") {
    const { isSigned = true, bitWidth = type === "INT32" ? 32 : 64 } =
      logical_type?.type === "INTEGER" ? logical_type : {};
    return `${isSigned ? "" : "u"}int${bitWidth}`;
  }
  if (type === "FLOAT") return "float32";
  if (type === "DOUBLE") return "float64";
  const isText = converted_type === "UTF8" || logical_type?.type === "STRING";
  return isText ? "string" : "binary";
}

/** Columns of recordings, and of bytes that may be recordings. */
function heavyColumns(features: Features): Set<string> {
  const isHeavy = (feature: Feature) =>
    feature instanceof Audio || feature instanceof Value && feature.dtype.endsWith("binary");
  return new Set(Object.keys(features).filter((column) => isHeavy(features[column]!)));
}

/** Whole numbers of 64 bits as plain numbers, where these are exact. */
function plain(value: unknown, feature: Feature): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (value === null || value === undefined) return null;
  if (feature instanceof Sequence && Array.isArray(value)) {
    return value.map((item) => plain(item, feature.feature));
  }
  if (feature instanceof Struct && isObject(value)) {
    const fields = Object.entries(feature.fields);
    return Object.fromEntries(fields.map(([name, field]) => [name, plain(value[name], field)]));
  }
  return value;
}
