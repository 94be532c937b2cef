/**
 * Parquet files made by hand, page by page, so that a test can break one rule and no other: every encoding and
 * compression that a reader meets, optional values, lists.
 *
 * `docs/parquet_file.ts` writes plain files of whole tables; this writes what a table would not.
 *
 * @module
 */
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import {
  BINARY,
  type Field,
  fixed32,
  INT32,
  int32,
  int64,
  joined,
  list,
  type Numbered,
  STRUCT,
  struct,
  text,
  varint,
} from "../docs/parquet_file.ts";

/** Types of values by their number in the format. */
export const TYPES = { bool: 0, int32: 1, int64: 2, float: 4, double: 5, bytes: 6 } as const;

/** Encodings by their number. */
export const ENCODINGS = {
  plain: 0,
  runs: 3,
  deltas: 5,
  lengths: 6,
  prefixes: 7,
  dictionary: 8,
  split: 9,
} as const;

/** Compressions by their number. */
export const CODECS = { none: 0, snappy: 1, gzip: 2, brotli: 4, zstd: 6, lz4: 7 } as const;

/** What a compression is called here. */
export type Codec = keyof typeof CODECS;

/** A page; sizes are the true ones unless given. */
export interface CraftedPage {
  values: number;
  encoding: keyof typeof ENCODINGS;
  /** What is compressed: levels and values. */
  body: Uint8Array;
  isDictionary?: boolean;
  /** Levels before what is compressed, in a page of the second kind; how many values are missing. */
  second?: { repetition: Uint8Array; definition: Uint8Array; nulls: number; rows: number };
  packedBytes?: number;
  unpackedBytes?: number;
}

/** A column of one row group. */
export interface CraftedColumn {
  name: string;
  type: keyof typeof TYPES;
  /** Whether values may be missing; a list holds them, and may be missing itself. */
  kind?: "required" | "optional" | "list";
  codec?: Codec;
  pages: CraftedPage[];
  /** Values of all pages, unless given. */
  values?: number;
}

const MAGIC = new TextEncoder().encode("PAR1");
const [REQUIRED, OPTIONAL, REPEATED] = [0, 1, 2];
const LIST_TYPE = 3;
const RLE = 3;
const [DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2] = [0, 2, 3];
const YES: Field = { type: 1, bytes: new Uint8Array() };

/** A file of one row group. */
export function craftParquet(columns: readonly CraftedColumn[], rows: number): Uint8Array {
  const parts: Uint8Array[] = [MAGIC];
  let at = MAGIC.length;
  const chunks = columns.map((column) => {
    const bytes = joined(column.pages.flatMap((page) => pageBytes(page, column.codec ?? "none")));
    parts.push(bytes);
    at += bytes.length;
    return chunkOf(column, at - bytes.length, bytes.length);
  });
  const schema = [
    struct([4, text("schema")], [5, int32(columns.length)]),
    ...columns.flatMap(elementsOf),
  ];
  const group = struct([1, list(STRUCT, chunks)], [2, int64(at)], [3, int64(rows)]);
  const footer = struct(
    [1, int32(1)],
    [2, list(STRUCT, schema)],
    [3, int64(rows)],
    [4, list(STRUCT, [group])],
  ).bytes;
  return joined([...parts, footer, fixed32(footer.length), MAGIC]);
}

function elementsOf({ name, type, kind = "required" }: CraftedColumn): Field[] {
  const leaf = (repetition: number, label: string) =>
    struct([1, int32(TYPES[type])], [3, int32(repetition)], [4, text(label)]);
  if (kind !== "list") return [leaf(kind === "optional" ? OPTIONAL : REQUIRED, name)];
  return [
    struct([3, int32(OPTIONAL)], [4, text(name)], [5, int32(1)], [6, int32(LIST_TYPE)]),
    struct([3, int32(REPEATED)], [4, text("list")], [5, int32(1)]),
    leaf(REQUIRED, "element"),
  ];
}

function chunkOf(column: CraftedColumn, offset: number, size: number): Field {
  const { name, type, kind, codec = "none", pages } = column;
  const data = pages.filter(({ isDictionary }) => !isDictionary);
  const values = column.values ?? data.reduce((sum, page) => sum + page.values, 0);
  const path = kind === "list" ? [name, "list", "element"] : [name];
  const about = struct(
    [1, int32(TYPES[type])],
    [2, list(INT32, [int32(0)])],
    [3, list(BINARY, path.map(text))],
    [4, int32(CODECS[codec])],
    [5, int64(values)],
    [6, int64(size)],
    [7, int64(size)],
    [9, int64(offset)],
  );
  return struct([2, int64(offset)], [3, about]);
}

function pageBytes(page: CraftedPage, codec: Codec): Uint8Array[] {
  const { second, isDictionary } = page;
  const levels = second ? joined([second.repetition, second.definition]) : new Uint8Array();
  const packed = joined([levels, COMPRESS[codec](page.body)]);
  const kind = isDictionary ? DICTIONARY_PAGE : second ? DATA_PAGE_V2 : DATA_PAGE;
  const about: Numbered = isDictionary
    ? [7, struct([1, int32(page.values)], [2, int32(0)])]
    : second
    ? [8, secondHeader(page, second)]
    : [5, dataHeader(page)];
  const header = struct(
    [1, int32(kind)],
    [2, int32(page.unpackedBytes ?? levels.length + page.body.length)],
    [3, int32(page.packedBytes ?? packed.length)],
    about,
  );
  return [header.bytes, packed];
}

function secondHeader(
  { values, encoding }: CraftedPage,
  { repetition, definition, nulls, rows }: NonNullable<CraftedPage["second"]>,
): Field {
  return struct(
    [1, int32(values)],
    [2, int32(nulls)],
    [3, int32(rows)],
    [4, int32(ENCODINGS[encoding])],
    [5, int32(definition.length)],
    [6, int32(repetition.length)],
    [7, YES],
  );
}

function dataHeader({ values, encoding }: CraftedPage): Field {
  const levels: Numbered[] = [[3, int32(RLE)], [4, int32(RLE)]];
  return struct([1, int32(values)], [2, int32(ENCODINGS[encoding])], ...levels);
}

const COMPRESS: Readonly<Record<Codec, (bytes: Uint8Array) => Uint8Array>> = {
  none: (bytes) => bytes,
  snappy: (bytes) => joined([varint(bytes.length), ...snappyLiterals(bytes)]),
  gzip: (bytes) => gzipSync(bytes),
  brotli: (bytes) => brotliCompressSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
  lz4: lz4Literals,
};

/** Bytes as they are, up to 60 behind each tag. */
function snappyLiterals(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 60) {
    const literal = bytes.subarray(at, at + 60);
    parts.push(Uint8Array.of(literal.length - 1 << 2), literal);
  }
  return parts;
}

/** One sequence of bytes as they are. */
function lz4Literals(bytes: Uint8Array): Uint8Array {
  const long: number[] = [];
  for (let left = bytes.length - 15; left >= 0; left -= 255) long.push(Math.min(left, 255));
  if (long.at(-1) === 255) long.push(0);
  return joined([Uint8Array.of(Math.min(bytes.length, 15) << 4, ...long), bytes]);
}

/** A run of one value, or packed bits in groups of eight. */
export function runs(values: readonly number[], width: number): Uint8Array {
  const bytes = Math.ceil(width / 8);
  if (values.length > 0 && values.every((value) => value === values[0])) {
    return joined([varint(2 * values.length), littleEndian(values[0]!, bytes)]);
  }
  const groups = Math.ceil(values.length / 8);
  const packed = new Uint8Array(groups * width);
  values.forEach((value, i) => {
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      packed[at >> 3]! |= (value >> bit & 1) << (at & 7);
    }
  });
  return joined([varint(2 * groups + 1), packed]);
}

/** Levels with their length before them. */
export function levels(values: readonly number[], width: number): Uint8Array {
  const bytes = runs(values, width);
  return joined([fixed32(bytes.length), bytes]);
}

/** Texts with their lengths before them. */
export function plainTexts(values: readonly string[]): Uint8Array {
  return joined(values.flatMap((value) => {
    const bytes = new TextEncoder().encode(value);
    return [fixed32(bytes.length), bytes];
  }));
}

/** Whole numbers as differences, in one block of four parts of 32; 128 differences at most. */
export function deltas(values: readonly number[]): Uint8Array {
  const steps = values.slice(1).map((value, i) => value - values[i]!);
  const least = Math.min(0, ...steps);
  const width = 32 - Math.clz32(Math.max(0, ...steps.map((step) => step - least)));
  const parts = Math.ceil(steps.length / 32);
  const bits = Array.from({ length: parts * 32 }, (_, i) => (steps[i] ?? least) - least);
  const packed = runs([...bits, 0], width).subarray(varint(2 * (parts * 4 + 1) + 1).length);
  const head = [varint(128), varint(4), varint(values.length), zigzag(values[0] ?? 0)];
  if (steps.length === 0) return joined(head);
  const widths = Uint8Array.from({ length: 4 }, (_, i) => i < parts ? width : 0);
  return joined([...head, zigzag(least), widths, packed.subarray(0, parts * 4 * width)]);
}

function zigzag(value: number): Uint8Array {
  return varint(value >= 0 ? 2 * value : -2 * value - 1);
}

function littleEndian(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => value >> 8 * i & 255);
}
