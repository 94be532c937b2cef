/**
 * Parquet files as tables: the footer when one is opened, then only the columns and row groups that
 * are asked for.
 *
 * Pages are taken apart by `hyparquet`. Here is what it does not know: where to cut so that one row
 * does not cost a whole row group, what stays in memory, and what the schema means. The names of
 * classes are in the footer's `huggingface` entry; a file without one has plain columns.
 *
 * @module
 */

import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import type { ColumnMetaData, SchemaElement } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { DatasetError } from "../errors.ts";
import type { ChunkCache } from "./_chunk_cache.ts";
import type { DataFile } from "./_data_files.ts";
import { lastAtMost, type StoredRow, type Table } from "./table.ts";
import {
  Audio,
  type Feature,
  type Features,
  featuresFromJson,
  isObject,
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
  start: number;
  end: number;
  bytes: number;
}

/**
 * Opens a Parquet file; its footer is read and nothing else.
 *
 * @throws {DatasetError} where it is no Parquet file.
 */
export async function parquetTable(file: DataFile, cache: ChunkCache): Promise<Table> {
  const { sizeBytes } = file;
  const buffer: AsyncBuffer = {
    byteLength: sizeBytes,
    slice: (start, end = sizeBytes) => readRange(file, start, end),
  };
  const metadata = await reading(file, () => parquetMetadataAsync(buffer));
  const features = featuresOf(metadata, file.name);
  const chunks = new Map<string, Chunk[]>();
  const chunksOf = (column: string): Chunk[] => {
    const known = chunks.get(column) ?? planChunks(metadata, column);
    chunks.set(column, known);
    return known;
  };
  const load = (column: string, chunk: Chunk): Promise<unknown[]> => {
    const { start, end, bytes } = chunk;
    const key = `${file.name}\n${column}\n${start}`;
    return cache.get(key, bytes + (end - start) * VALUE_BYTES, async () => {
      const values = await reading(file, () => readChunk(buffer, metadata, column, chunk));
      return values.map((value) => plain(value, features[column]!));
    });
  };
  return {
    features,
    numRows: Number(metadata.num_rows),
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

/** The values of a column in some rows, as the parser gives them. */
async function readChunk(
  file: AsyncBuffer,
  metadata: FileMetaData,
  column: string,
  { start, end }: Chunk,
): Promise<unknown[]> {
  const rows = await parquetReadObjects({
    file,
    metadata,
    columns: [column],
    rowStart: start,
    rowEnd: end,
    compressors,
    utf8: false,
    useOffsetIndex: true,
  });
  return rows.map((row) => row[column]);
}

async function readRange(file: DataFile, start: number, end: number): Promise<ArrayBuffer> {
  using source = await file.open();
  const from = start < 0 ? Math.max(0, file.sizeBytes + start) : start;
  const bytes = await source.read(from, Math.min(end, file.sizeBytes));
  return bytes.buffer.byteLength === bytes.byteLength
    ? bytes.buffer as ArrayBuffer
    : bytes.slice().buffer;
}

/** What the parser throws names no file. */
async function reading<T>(file: DataFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof Error) || isOwn(cause)) throw cause;
    const message = `Cannot read data "${file.name}": expected Parquet, found a file that breaks ` +
      `its rules (${cause.message})`;
    throw new DatasetError(message, { cause, file: file.name });
  }
}

/** The typed errors of the file itself, such as one that is gone. */
function isOwn(error: Error): boolean {
  return "file" in error;
}

/** The runs of rows that a column is read in. */
function planChunks(metadata: FileMetaData, column: string): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  for (const group of metadata.row_groups) {
    const parts = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === column);
    const bytes = parts.reduce((sum, { meta_data }) => sum + sizeOf(meta_data), 0);
    const hasPages = parts.every((part) => part.offset_index_offset !== undefined);
    const groupRows = Number(group.num_rows);
    const rows = hasPages
      ? Math.max(1, Math.ceil(groupRows * CHUNK_BYTES / Math.max(bytes, 1)))
      : groupRows;
    for (let at = 0; at < groupRows; at += rows) {
      const count = Math.min(rows, groupRows - at);
      chunks.push({ start: start + at, end: start + at + count, bytes: bytes * count / groupRows });
    }
    start += groupRows;
  }
  return chunks;
}

function sizeOf(column: ColumnMetaData | undefined): number {
  return Number(column?.total_uncompressed_size ?? 0);
}

/** The features that `datasets` wrote, or those that the schema amounts to. */
function featuresOf(metadata: FileMetaData, name: string): Features {
  const schema = schemaFeatures(metadata.schema);
  const entry = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
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

/** A list, or a struct; bytes beside a path are how `datasets` stores a recording. */
function nested(element: SchemaElement, inner: Features): Feature {
  const names = Object.keys(inner);
  if (element.converted_type === "LIST" || element.logical_type?.type === "LIST") {
    const [repeated] = Object.values(inner);
    const item = repeated instanceof Struct ? Object.values(repeated.fields)[0] : repeated;
    return new Sequence(item ?? new Value("null"));
  }
  if (names.length === 2 && names.includes("bytes") && names.includes("path")) return new Audio();
  return new Struct(inner);
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
