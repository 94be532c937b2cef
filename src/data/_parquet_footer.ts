/**
 * The footer of a Parquet file: its schema, its row groups, and where each column's bytes lie.
 *
 * Whatever is said there is held against the file before anything is read by it: offsets lie inside, sizes and numbers
 * of rows are within what the bytes can hold, every column is one of the schema.
 *
 * Source: parquet.thrift of parquet-format 2.10.
 *
 * @module
 */
import type { CompressionCodec, ParquetType, SchemaElement, SchemaTree } from "hyparquet";
import {
  CompressionCodecs,
  ConvertedTypes,
  FieldRepetitionTypes,
  ParquetTypes,
} from "hyparquet/src/constants.js";
import { getPhysicalColumns, getSchemaPath, getTreePath } from "hyparquet/src/schema.js";
import { readThrift, type ThriftStruct } from "./_thrift.ts";

/** The bytes of one column of values in a row group. */
export interface LeafChunk {
  path: string[];
  type: ParquetType;
  codec: CompressionCodec;
  /** From the root of the schema to the column. */
  schemaPath: SchemaTree[];
  /** Values and nulls. */
  values: number;
  /** Of the first page, the dictionary where there is one. */
  start: number;
  end: number;
  sizeBytes: number;
  /** Where the file says in which rows pages begin. */
  index?: { start: number; end: number };
}

/** Rows whose columns lie together. */
export interface RowGroup {
  rows: number;
  leaves: LeafChunk[];
}

/** What a footer says. */
export interface Footer {
  schema: SchemaElement[];
  tree: SchemaTree;
  rows: number;
  groups: RowGroup[];
  /** Texts by key. */
  metadata: ReadonlyMap<string, string>;
}

/** Reads a range of the file. */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

const MAGIC = "PAR1";
const MAGIC_BYTES = MAGIC.length;
/** Behind the footer: its length, and the magic letters. */
const TAIL_BYTES = 4 + MAGIC_BYTES;
const MAX_FOOTER_BYTES = 2 ** 28;
const MAX_SCHEMA_ELEMENTS = 2 ** 14;
const MAX_SCHEMA_DEPTH = 16;
/** Bytes of a decimal number, which is taken apart in a time that grows with their square. */
const MAX_DECIMAL_BYTES = 32;

/** Values of a column in a row group: as many as writers put there, or as its bytes can well hold. */
const MAX_VALUES = 2 ** 21;
const MAX_VALUES_PER_BYTE = 64;

/** Rows of a file, in all row groups. */
const MAX_ROWS = 2 ** 24;

/** The most values that so many bytes are let stand for. */
export function mostValues(packedBytes: number): number {
  return Math.max(MAX_VALUES, packedBytes * MAX_VALUES_PER_BYTE);
}

/**
 * Reads the footer.
 *
 * @throws {SyntaxError} where it says what cannot be.
 */
export async function readFooter(sizeBytes: number, read: ReadRange): Promise<Footer> {
  if (sizeBytes < MAGIC_BYTES + TAIL_BYTES) throw new SyntaxError("a file too short");
  const tail = await read(sizeBytes - TAIL_BYTES, sizeBytes);
  if (new TextDecoder().decode(tail.subarray(4)) !== MAGIC) {
    throw new SyntaxError(`an end that is not ${MAGIC}`);
  }
  const length = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  const end = sizeBytes - TAIL_BYTES;
  if (length > Math.min(end - MAGIC_BYTES, MAX_FOOTER_BYTES)) {
    throw new SyntaxError(`a footer of ${length} bytes in a file of ${sizeBytes}`);
  }
  const { value } = readThrift(await read(end - length, end));
  const footer = footerOf(value, end - length);
  if (footer.rows <= Math.max(MAX_ROWS, sizeBytes * MAX_VALUES_PER_BYTE)) return footer;
  throw new SyntaxError(`${footer.rows} rows in ${sizeBytes} bytes`);
}

function footerOf(footer: ThriftStruct, dataEnd: number): Footer {
  const schema = footer.structs(2).map(elementOf);
  expectTree(schema);
  const [tree] = getSchemaPath(schema, []) as [SchemaTree];
  const groups = footer.structs(4).map((group) => groupOf(group, tree, dataEnd));
  const rows = footer.count(3);
  const sum = groups.reduce((total, group) => total + group.rows, 0);
  if (sum !== rows) throw new SyntaxError(`${rows} rows, of which row groups have ${sum}`);
  const entries = footer.structs(5).map((entry) => [entry.text(1), entry.text(2)] as const);
  return { schema, tree, rows, groups, metadata: new Map(entries) };
}

function elementOf(element: ThriftStruct): SchemaElement {
  const typeNumber = element.count(1, ParquetTypes.length);
  const type = ParquetTypes[typeNumber];
  const convertedNumber = element.count(6, ConvertedTypes.length);
  const typeLength = element.count(2, 0);
  const converted = ConvertedTypes[convertedNumber];
  const isLong = type === "BYTE_ARRAY" || typeLength > MAX_DECIMAL_BYTES;
  return {
    type,
    type_length: typeLength,
    repetition_type: FieldRepetitionTypes[element.count(3, 0)],
    name: element.text(4),
    num_children: element.count(5, 0),
    converted_type: converted === "DECIMAL" && isLong ? undefined : converted,
    scale: element.count(7, 0),
    precision: element.count(8, 0),
    logical_type: logicalType(element.struct(10)),
  };
}

/** What a column's values mean, as far as it matters here. */
function logicalType(given: ThriftStruct | undefined): SchemaElement["logical_type"] {
  if (!given) return undefined;
  if (given.struct(1)) return { type: "STRING" };
  if (given.struct(2)) return { type: "MAP" };
  if (given.struct(3)) return { type: "LIST" };
  const timestamp = given.struct(8);
  if (timestamp) {
    const unit = timestamp.struct(2);
    const name = unit?.struct(1) ? "MILLIS" : unit?.struct(2) ? "MICROS" : "NANOS";
    return { type: "TIMESTAMP", isAdjustedToUTC: timestamp.flag(1, false), unit: name };
  }
  const integer = given.struct(10);
  if (integer) {
    return { type: "INTEGER", bitWidth: integer.count(1, 32), isSigned: integer.flag(2, true) };
  }
  if (given.struct(14)) return { type: "UUID" };
  return given.struct(15) ? { type: "FLOAT16" } : undefined;
}

/** A schema is a tree written depth first; its numbers of children have to come out. */
function expectTree(schema: readonly SchemaElement[]): void {
  if (schema.length > MAX_SCHEMA_ELEMENTS) throw new SyntaxError(`${schema.length} columns`);
  let next = 0;
  const visit = (depth: number): void => {
    const element = schema[next++];
    if (!element) throw new SyntaxError("a schema that breaks off");
    if (depth > MAX_SCHEMA_DEPTH) throw new SyntaxError("a schema that nests too deeply");
    const children = element.num_children ?? 0;
    const isGroup = children > 0 || depth === 0;
    if (isGroup === (element.type !== undefined)) {
      throw new SyntaxError(`column ${JSON.stringify(element.name)} without a type`);
    }
    for (let i = 0; i < children; i++) visit(depth + 1);
  };
  visit(0);
  if (next < schema.length) throw new SyntaxError("columns outside of the schema");
}

function groupOf(group: ThriftStruct, tree: SchemaTree, dataEnd: number): RowGroup {
  const rows = group.count(3);
  const leaves = group.structs(1).map((chunk) => leafOf(chunk, tree, dataEnd));
  const columns = getPhysicalColumns(tree);
  const isWhole = columns.length === leaves.length &&
    columns.every((path, i) => path === leaves[i]!.path.join("."));
  if (!isWhole) throw new SyntaxError("a row group with other columns than the schema");
  for (const { path, values, start, end } of leaves) {
    if (values < rows || values > mostValues(end - start)) {
      const name = path.join(".");
      throw new SyntaxError(`${values} values of ${name} in ${end - start} bytes, ${rows} rows`);
    }
  }
  if (leaves.length === 0 && rows > 0) throw new SyntaxError("rows without columns");
  return { rows, leaves };
}

function leafOf(chunk: ThriftStruct, tree: SchemaTree, dataEnd: number): LeafChunk {
  const meta = chunk.struct(3);
  if (!meta || chunk.text(1) !== "") throw new SyntaxError("a column in another file");
  const path = meta.texts(3);
  const schemaPath = getTreePath(tree, path);
  const type = ParquetTypes[meta.count(1)];
  if (!type || type !== schemaPath.at(-1)!.element.type) {
    throw new SyntaxError(`column ${path.join(".")} of another type than the schema`);
  }
  const start = meta.count(11, 0) || meta.count(9);
  const end = start + meta.count(7);
  const isEmpty = start === end;
  if (!isEmpty && (start < MAGIC_BYTES || end > dataEnd)) {
    throw new SyntaxError(`column ${path.join(".")} outside of the file`);
  }
  return {
    ...{ path, type, schemaPath, start, end },
    codec: CompressionCodecs[meta.count(4)] ?? "LZO",
    values: meta.count(5),
    sizeBytes: meta.count(6),
    index: indexOf(chunk, dataEnd),
  };
}

function indexOf(chunk: ThriftStruct, dataEnd: number): LeafChunk["index"] {
  const start = chunk.count(4, 0);
  const end = start + chunk.count(5, 0);
  return start > 0 && end > start && end <= dataEnd ? { start, end } : undefined;
}
