/**
 * The values of one column in a run of rows of a Parquet file.
 *
 * The bytes of each part of the column are fetched, checked and unpacked (`_parquet_pages.ts`); only then the parser
 * makes values of them and puts lists and structures together.
 *
 * @module
 */
import type { AsyncRowGroup, DecodedArray, ParquetParsers, SchemaTree } from "hyparquet";
import { readColumn } from "hyparquet/src/column.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { assembleAsync } from "hyparquet/src/rowgroup.js";
import type { LeafChunk, ReadRange } from "./_parquet_footer.ts";
import { unpackPages } from "./_parquet_pages.ts";
import { readThrift } from "./_thrift.ts";

/** Rows of a row group. */
export interface RowRange {
  groupRows: number;
  /** The first, in the group. */
  start: number;
  end: number;
}

const PARSERS: ParquetParsers = DEFAULT_PARSERS;

/**
 * Reads the rows of a column.
 *
 * @param leaves its parts: several where it is a structure.
 * @throws {SyntaxError} or another error of the parser, where bytes break the rules.
 */
export async function readRows(
  leaves: readonly LeafChunk[],
  tree: SchemaTree,
  rows: RowRange,
  read: ReadRange,
): Promise<unknown[]> {
  const parts = await Promise.all(leaves.map((leaf) => readLeaf(leaf, rows, read)));
  const group: AsyncRowGroup = {
    groupStart: 0,
    groupRows: rows.groupRows,
    selectStart: rows.start,
    selectEnd: rows.end,
    asyncColumns: leaves.map(({ path }, i) => {
      return { pathInSchema: path, data: Promise.resolve(parts[i]!) };
    }),
  };
  const [column] = assembleAsync(group, tree, PARSERS).asyncColumns;
  const { data, skipped } = await column!.data;
  const values: unknown[] = data.flatMap((chunk) => Array.from(chunk as ArrayLike<unknown>));
  const wanted = values.slice(rows.start - skipped, rows.end - skipped);
  if (wanted.length === rows.end - rows.start) return wanted;
  throw new SyntaxError(`${wanted.length} values in ${rows.end - rows.start} rows`);
}

async function readLeaf(
  leaf: LeafChunk,
  { groupRows, start, end }: RowRange,
  read: ReadRange,
): Promise<{ data: DecodedArray[]; skipped: number }> {
  const isPart = start > 0 || end < groupRows;
  const pages = isPart && leaf.index ? await pagesOf(leaf, groupRows, read) : undefined;
  const { bytes, skipped } = pages
    ? await selectedPages(leaf, pages, { start, end }, read)
    : { bytes: await read(leaf.start, leaf.end), skipped: 0 };
  const { codec, type, schemaPath, path } = leaf;
  const unpacked = unpackPages(bytes, leaf);
  const selection = { groupStart: skipped, selectStart: start - skipped, selectEnd: end - skipped };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const element = schemaPath.at(-1)!.element;
  const found = readColumn({ view, offset: 0 }, { ...selection, groupRows }, {
    ...{ pathInSchema: path, type, element, schemaPath, codec, utf8: false, parsers: PARSERS },
    compressors: { [codec]: (packed: Uint8Array) => unpacked.get(packed.byteOffset)! },
  });
  return { data: found.data, skipped: skipped + found.skipped };
}

/** A page of an index. */
interface PagePlace {
  start: number;
  end: number;
  firstRow: number;
}

/** The pages of a column by its index. @throws {SyntaxError} where they are out of order or outside. */
async function pagesOf(
  { index, start, end, path }: LeafChunk,
  groupRows: number,
  read: ReadRange,
): Promise<PagePlace[]> {
  const { value } = readThrift(await read(index!.start, index!.end));
  const pages = value.structs(1).map((page): PagePlace => {
    const at = page.count(1);
    return { start: at, end: at + page.count(2), firstRow: page.count(3) };
  });
  const isSound = pages.length > 0 && pages[0]!.firstRow === 0 &&
    pages.every((page, i) => {
      const next = pages[i + 1] ?? { start: end, firstRow: groupRows };
      return page.start >= start && page.end <= next.start && page.firstRow <= next.firstRow;
    });
  if (isSound) return pages;
  throw new SyntaxError(`an index of column ${path.join(".")} that its pages cannot have`);
}

/** The pages that hold some rows, the dictionary before them. */
async function selectedPages(
  leaf: LeafChunk,
  pages: readonly PagePlace[],
  rows: { start: number; end: number },
  read: ReadRange,
): Promise<{ bytes: Uint8Array; skipped: number }> {
  const first = pages.findLastIndex(({ firstRow }) => firstRow <= rows.start);
  const last = pages.findLastIndex(({ firstRow }) => firstRow < rows.end);
  const { start, firstRow: skipped } = pages[first]!;
  const hasDictionary = leaf.start < pages[0]!.start;
  const dictionary = hasDictionary ? await read(leaf.start, pages[0]!.start) : new Uint8Array();
  const data = await read(start, pages[last]!.end);
  const bytes = new Uint8Array(dictionary.length + data.length);
  bytes.set(dictionary);
  bytes.set(data, dictionary.length);
  return { bytes, skipped };
}
