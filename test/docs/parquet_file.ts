/**
 * Parquet files made by hand for tests: columns that could hold nothing and hold all, plain encoding, one row
 * group, no compression. `datasets` of Python takes the features from them too.
 *
 * Not for large data. Source: the format's own description, parquet-format 2.10, in Thrift's compact protocol.
 *
 * @module
 */

/** Values of one column; an object nests columns. */
export type ParquetColumn = readonly string[] | readonly Uint8Array[] | readonly number[] | {
  readonly [name: string]: ParquetColumn;
};

const INT64 = 2;
const BYTE_ARRAY = 6;
const OPTIONAL = 1;
const UTF8 = 0;
const PLAIN = 0;
const RLE = 3;
const UNCOMPRESSED = 0;
const DATA_PAGE = 0;
const MAGIC = new TextEncoder().encode("PAR1");

/**
 * The bytes of a file.
 *
 * @param columns values by name, all of the same number; whole numbers are stored as int64.
 * @param metadata texts of the footer, such as the features under "huggingface".
 */
export function parquetFile(
  columns: Readonly<Record<string, ParquetColumn>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const leaves = leavesOf(columns);
  const rows = leaves[0]!.values.length;
  const parts: Uint8Array[] = [MAGIC];
  const chunks = leaves.map((leaf) => {
    const offset = sizeOf(parts);
    const page = pageOf(leaf);
    parts.push(...page);
    return chunkOf(leaf, offset, sizeOf(page));
  });
  const total = sizeOf(parts) - MAGIC.length;
  const footer = struct(
    [1, int32(1)],
    [2, list(STRUCT, schemaOf("schema", columns, true))],
    [3, int64(rows)],
    [4, list(STRUCT, [struct([1, list(STRUCT, chunks)], [2, int64(total)], [3, int64(rows)])])],
    [
      5,
      list(STRUCT, Object.entries(metadata).map(([k, v]) => struct([1, text(k)], [2, text(v)]))),
    ],
    [6, text("earshot tests")],
  );
  return joined([...parts, footer.bytes, fixed32(footer.bytes.length), MAGIC]);
}

interface Leaf {
  path: readonly string[];
  values: readonly string[] | readonly Uint8Array[] | readonly number[];
}

function leavesOf(columns: Readonly<Record<string, ParquetColumn>>, above: string[] = []): Leaf[] {
  return Object.entries(columns).flatMap(([name, column]) => {
    const path = [...above, name];
    return isList(column) ? [{ path, values: column }] : leavesOf(column, path);
  });
}

function isList(column: ParquetColumn): column is Leaf["values"] {
  return Array.isArray(column);
}

/** The element of a group, and those of all columns below it; the topmost is there in any case. */
function schemaOf(
  name: string,
  columns: Readonly<Record<string, ParquetColumn>>,
  isTop = false,
): Field[] {
  const group = struct(
    ...isTop ? [] : [[3, int32(OPTIONAL)] as const],
    [4, text(name)],
    [5, int32(Object.keys(columns).length)],
  );
  const below = Object.entries(columns).flatMap(([name, column]) => {
    if (!isList(column)) return schemaOf(name, column);
    const type: Numbered[] = [[1, int32(typeOf(column))], [3, int32(OPTIONAL)], [4, text(name)]];
    return [struct(...type, ...typeof column[0] === "string" ? [[6, int32(UTF8)] as const] : [])];
  });
  return [group, ...below];
}

function typeOf(values: Leaf["values"]): number {
  return typeof values[0] === "number" ? INT64 : BYTE_ARRAY;
}

/** Header and values of a column's only page. */
function pageOf({ path, values }: Leaf): Uint8Array[] {
  // One run: everything on the way to each value is there.
  const present = joined([varint(2 * values.length), Uint8Array.of(path.length)]);
  const bytes = joined([
    fixed32(present.length),
    present,
    ...values.flatMap((value) => {
      if (typeof value === "number") {
        return [new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)];
      }
      const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
      return [fixed32(content.length), content];
    }),
  ]);
  const levels: Numbered[] = [[2, int32(PLAIN)], [3, int32(RLE)], [4, int32(RLE)]];
  const header = struct(
    [1, int32(DATA_PAGE)],
    [2, int32(bytes.length)],
    [3, int32(bytes.length)],
    [5, struct([1, int32(values.length)], ...levels)],
  );
  return [header.bytes, bytes];
}

function chunkOf({ path, values }: Leaf, offset: number, sizeBytes: number): Field {
  const about = struct(
    [1, int32(typeOf(values))],
    [2, list(INT32, [int32(PLAIN)])],
    [3, list(BINARY, path.map(text))],
    [4, int32(UNCOMPRESSED)],
    [5, int64(values.length)],
    [6, int64(sizeBytes)],
    [7, int64(sizeBytes)],
    [9, int64(offset)],
  );
  return struct([2, int64(offset)], [3, about]);
}

/** A value with its type in Thrift's compact protocol. */
export interface Field {
  type: number;
  bytes: Uint8Array;
}

/** A field of a structure by its number. */
export type Numbered = readonly [id: number, field: Field];

/** Types of fields in the protocol. */
export const INT32 = 5;
const INT64_FIELD = 6;
export const BINARY = 8;
const LIST = 9;
export const STRUCT = 12;
/** Longer lists have their length behind the first byte. */
const MAX_SHORT_LIST = 14;

/** A number of 32 bits, from 0. */
export function int32(value: number): Field {
  return { type: INT32, bytes: varint(2 * value) };
}

/** A number of 64 bits, from 0. */
export function int64(value: number): Field {
  return { type: INT64_FIELD, bytes: varint(2 * value) };
}

/** A text. */
export function text(value: string): Field {
  const content = new TextEncoder().encode(value);
  return { type: BINARY, bytes: joined([varint(content.length), content]) };
}

/** A list of values of one type. */
export function list(type: number, items: readonly Field[]): Field {
  const isShort = items.length <= MAX_SHORT_LIST;
  const head = Uint8Array.of((isShort ? items.length : 15) << 4 | type);
  const length = isShort ? [] : [varint(items.length)];
  return { type: LIST, bytes: joined([head, ...length, ...items.map(({ bytes }) => bytes)]) };
}

/** Fields with rising numbers, at most 15 apart. */
export function struct(...fields: readonly Numbered[]): Field {
  const parts = fields.flatMap(([id, { type, bytes }], i) => {
    const step = id - (fields[i - 1]?.[0] ?? 0);
    return [Uint8Array.of(step << 4 | type), bytes];
  });
  return { type: STRUCT, bytes: joined([...parts, Uint8Array.of(0)]) };
}

/** A number from 0, seven bits a byte. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return Uint8Array.of(...bytes, value);
}

/** A number of 32 bits as it lies in memory. */
export function fixed32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** Bytes after each other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(sizeOf(parts));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
