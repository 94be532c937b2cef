/**
 * Pages of a Parquet column, checked and unpacked before the parser sees them.
 *
 * The parser believes what a page states of itself: sizes, numbers of values, lengths of runs. So each page's header is
 * held against the bytes there are and against a limit, then the page is unpacked within it, then the streams inside are
 * walked. What passes costs the parser no more than it cost here.
 *
 * @module
 */
import type { PageHeader } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import { type LeafChunk, mostValues } from "./_parquet_footer.ts";
import { walkDeltas, walkRuns } from "./_parquet_streams.ts";
import { readThrift } from "./_thrift.ts";
import { unpack } from "./_unpack.ts";

/** Unpacked bytes of the pages that are read at once: enough for any writer, or what compresses that well. */
const MAX_UNPACKED_BYTES = 2 ** 26;
const MAX_UNPACKED_PER_BYTE = 100;
const MOST_UNPACKED_BYTES = 2 ** 30;

/** Before a stream of runs stands its length. */
const LENGTH_BYTES = 4;

/** Unpacked pages by where their packed bytes begin in memory. */
export type UnpackedPages = ReadonlyMap<number, Uint8Array>;

/** The most bytes that so many are let unpack to. */
export function mostUnpacked(packedBytes: number): number {
  const wanted = Math.max(MAX_UNPACKED_BYTES, packedBytes * MAX_UNPACKED_PER_BYTE);
  return Math.min(MOST_UNPACKED_BYTES, wanted);
}

/** What is left to spend on the pages of one read. */
interface Budget {
  bytes: number;
  values: number;
}

type Column = Pick<LeafChunk, "codec" | "schemaPath" | "type">;

/**
 * Checks and unpacks pages that follow each other.
 *
 * @throws {SyntaxError} naming what a page states that cannot be.
 */
export function unpackPages(bytes: Uint8Array, column: Column): UnpackedPages {
  const budget = { bytes: mostUnpacked(bytes.length), values: mostValues(bytes.length) };
  const pages = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length - 1;) {
    const { end } = readThrift(bytes, at);
    const header = parquetHeader({ view, offset: at });
    const size = header.compressed_page_size;
    if (!(size >= 0 && end + size <= bytes.length)) {
      throw new SyntaxError(`a page of ${size} bytes, where ${bytes.length - end} are left`);
    }
    spend(budget, header, size);
    const [packedAt, page] = checkedPage(bytes.subarray(end, end + size), header, column);
    pages.set(packedAt, page);
    at = end + size;
  }
  return pages;
}

function spend(budget: Budget, header: PageHeader, packedBytes: number): void {
  const { uncompressed_page_size: size, data_page_header, data_page_header_v2 } = header;
  const values = (data_page_header ?? data_page_header_v2 ?? header.dictionary_page_header)
    ?.num_values;
  if (!(size >= 0 && size <= budget.bytes)) {
    throw new SyntaxError(`a page of ${packedBytes} bytes that unpacks to ${size}`);
  }
  if (!(values! >= 0 && values! <= budget.values)) {
    throw new SyntaxError(`a page of ${values} values`);
  }
  budget.bytes -= size;
  budget.values -= values!;
}

/** A page unpacked, and where its packed bytes begin in memory. */
function checkedPage(
  packed: Uint8Array,
  header: PageHeader,
  column: Column,
): [packedAt: number, page: Uint8Array] {
  const { codec, schemaPath } = column;
  const [maxDefinition, maxRepetition] = [
    getMaxDefinitionLevel(schemaPath),
    getMaxRepetitionLevel(schemaPath),
  ];
  const size = header.uncompressed_page_size;
  if (header.type === "DICTIONARY_PAGE" && header.dictionary_page_header) {
    const page = unpack(codec, packed, size);
    const { num_values: values } = header.dictionary_page_header;
    checkValues(viewOf(page), { ...column, at: 0, values, encoding: "PLAIN" });
    return [packed.byteOffset, page];
  }
  if (header.type === "DATA_PAGE" && header.data_page_header) {
    const page = unpack(codec, packed, size);
    const { num_values: count, encoding } = header.data_page_header;
    const view = viewOf(page);
    let [at, values] = [0, count];
    for (const max of [maxRepetition, maxDefinition]) {
      if (max === 0) continue;
      const length = view.getUint32(at, true);
      const found = walkRuns(view, {
        at: at + LENGTH_BYTES,
        width: widthOf(max),
        count,
        counted: max,
      });
      if (max === maxDefinition) values = found;
      at += LENGTH_BYTES + length;
    }
    if (maxDefinition === 0) values = count;
    checkValues(view, { ...column, at, values, encoding });
    return [packed.byteOffset, page];
  }
  if (header.type === "DATA_PAGE_V2" && header.data_page_header_v2) {
    return checkedPageV2(packed, size, {
      ...column,
      ...{ maxDefinition, maxRepetition },
      header: header.data_page_header_v2,
    });
  }
  throw new SyntaxError(`a page of the unknown type ${header.type}`);
}

function checkedPageV2(
  packed: Uint8Array,
  sizeBytes: number,
  column: Column & {
    maxDefinition: number;
    maxRepetition: number;
    header: NonNullable<PageHeader["data_page_header_v2"]>;
  },
): [packedAt: number, page: Uint8Array] {
  const { header, maxDefinition, maxRepetition } = column;
  const { num_values: count, num_nulls: nulls, encoding } = header;
  const repetitionBytes = header.repetition_levels_byte_length;
  const definitionBytes = header.definition_levels_byte_length;
  const levelBytes = repetitionBytes + definitionBytes;
  const isSound = repetitionBytes >= 0 && definitionBytes >= 0 && nulls >= 0 && nulls <= count &&
    levelBytes <= Math.min(packed.length, sizeBytes);
  if (!isSound) throw new SyntaxError("a page whose levels are longer than itself");
  const view = viewOf(packed);
  if (maxRepetition > 0) walkRuns(view, { at: 0, width: widthOf(maxRepetition), count });
  if (maxDefinition > 0) {
    walkRuns(view, { at: repetitionBytes, width: widthOf(maxDefinition), count });
  }
  const body = packed.subarray(maxDefinition > 0 ? levelBytes : repetitionBytes);
  const codec = header.is_compressed === false ? "UNCOMPRESSED" : column.codec;
  const page = unpack(codec, body, codec === "UNCOMPRESSED" ? body.length : sizeBytes - levelBytes);
  checkValues(viewOf(page), { ...column, at: 0, values: count - nulls, encoding });
  return [body.byteOffset, page];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function widthOf(most: number): number {
  return 32 - Math.clz32(most);
}

/** Bytes of a value in plain form; texts have a length before them. */
const PLAIN_BYTES = {
  BOOLEAN: 1 / 8,
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
  BYTE_ARRAY: 4,
  FIXED_LEN_BYTE_ARRAY: 0,
} as const;

/** Checks that the values of a page can be there. */
function checkValues(
  view: DataView,
  { type, schemaPath, at, values, encoding }: Column & {
    at: number;
    values: number;
    encoding: string;
  },
): void {
  const left = view.byteLength - at;
  const valueBytes = PLAIN_BYTES[type] || schemaPath.at(-1)!.element.type_length || 1;
  switch (encoding) {
    case "PLAIN":
    case "BYTE_STREAM_SPLIT":
      if (values * valueBytes <= left) return;
      throw new SyntaxError(`a page of ${values} values in ${left} bytes`);
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY":
      if (type === "BOOLEAN") break;
      walkRuns(view, { at: at + 1, width: left > 0 ? view.getUint8(at) : 0, count: values });
      return;
    case "RLE":
      if (type !== "BOOLEAN") break;
      walkRuns(view, { at: at + LENGTH_BYTES, width: 1, count: values });
      return;
    case "DELTA_BINARY_PACKED":
      walkDeltas(view, at, { count: values });
      return;
    case "DELTA_LENGTH_BYTE_ARRAY":
      walkDeltas(view, at, { count: values, onValue: (length) => expectLength(length, left) });
      return;
    case "DELTA_BYTE_ARRAY":
      checkPrefixes(view, at, values);
      return;
  }
  throw new SyntaxError(`values of ${type} in the unknown encoding ${encoding}`);
}

function expectLength(length: number, left: number): void {
  if (length < 0 || length > left) throw new SyntaxError(`a text of ${length} bytes of ${left}`);
}

/** Texts that begin like the one before: all of them, written out, have to be within the limit. */
function checkPrefixes(view: DataView, at: number, count: number): void {
  let total = 0;
  const add = (length: number) => {
    expectLength(length, mostUnpacked(view.byteLength));
    total += length;
    if (total > mostUnpacked(view.byteLength)) {
      throw new SyntaxError("texts that are longer together than a page may be");
    }
  };
  const suffixesAt = walkDeltas(view, at, { count, onValue: add });
  walkDeltas(view, suffixesAt, { count, onValue: add });
}
