/**
 * The compressions of Parquet pages, each bounded: a page unpacks to the size that its header states, or not at all.
 *
 * Gzip, Brotli and Zstandard are Deno's, which stop at a limit. Snappy and LZ4 are here: the parser's Snappy takes a
 * length of 32 bits for a negative one, and goes back in its input for seconds.
 *
 * Sources: format_description.txt of Snappy 1.2; lz4_Block_format.md of LZ4 1.10, and Hadoop's frames of it.
 *
 * @module
 */
import type { CompressionCodec } from "hyparquet";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";

type Unpack = (packed: Uint8Array, sizeBytes: number) => Uint8Array;

const CODECS: Partial<Record<CompressionCodec, Unpack>> = {
  UNCOMPRESSED: (packed) => packed,
  SNAPPY: snappy,
  GZIP: (packed, sizeBytes) => gunzipSync(packed, { maxOutputLength: limitOf(sizeBytes) }),
  BROTLI: (packed, sizeBytes) => {
    return brotliDecompressSync(packed, { maxOutputLength: limitOf(sizeBytes) });
  },
  ZSTD: (packed, sizeBytes) => {
    return zstdDecompressSync(packed, { maxOutputLength: limitOf(sizeBytes) });
  },
  LZ4: (packed, sizeBytes) => hadoopLz4(packed, sizeBytes) ?? lz4(packed, sizeBytes),
  LZ4_RAW: lz4,
};

/** Zlib takes no limit of 0. */
function limitOf(sizeBytes: number): number {
  return Math.max(1, sizeBytes);
}

/**
 * Unpacks a page.
 *
 * @throws {SyntaxError} where it is not of that size, or of an unknown compression.
 */
export function unpack(codec: CompressionCodec, packed: Uint8Array, sizeBytes: number): Uint8Array {
  const run = CODECS[codec];
  if (!run) throw new SyntaxError(`pages in the unknown compression ${codec}`);
  if (sizeBytes === 0 && packed.length === 0) return packed;
  const page = run(packed, sizeBytes);
  if (page.length === sizeBytes) return page;
  throw new SyntaxError(`a page of ${page.length} bytes, stated as ${sizeBytes}`);
}

/** Lengths of a literal up to this stand in its tag, longer ones in one to four bytes behind it. */
const MAX_TAG_LENGTH = 60;

/** A stream of literals and copies behind its length. @throws {SyntaxError} where it is not of that size. */
function snappy(packed: Uint8Array, sizeBytes: number): Uint8Array {
  const page = new Uint8Array(sizeBytes);
  const number = (at: number, bytes: number): number => {
    let value = 0;
    for (let i = bytes - 1; i >= 0; i--) value = value * 256 + (packed[at + i] ?? NaN);
    return value;
  };
  let from = packed.findIndex((byte) => byte < 128) + 1;
  let to = 0;
  while (from < packed.length) {
    const tag = packed[from++]!;
    if ((tag & 3) === 0) {
      const inTag = (tag >> 2) + 1;
      const lengthBytes = Math.max(0, inTag - MAX_TAG_LENGTH);
      const length = lengthBytes === 0 ? inTag : number(from, lengthBytes) + 1;
      from += lengthBytes;
      if (!(from + length <= packed.length && to + length <= sizeBytes)) break;
      page.set(packed.subarray(from, from + length), to);
      from += length;
      to += length;
      continue;
    }
    const offsetBytes = [0, 1, 2, 4][tag & 3]!;
    const isShort = offsetBytes === 1;
    const length = isShort ? (tag >> 2 & 7) + 4 : (tag >> 2) + 1;
    const distance = number(from, offsetBytes) + (isShort ? (tag >> 5) * 256 : 0);
    from += offsetBytes;
    if (!(distance > 0 && distance <= to && to + length <= sizeBytes)) break;
    for (let i = 0; i < length; i++, to++) page[to] = page[to - distance]!;
  }
  if (from === packed.length && to === sizeBytes) return page;
  throw new SyntaxError(`Snappy that breaks off at ${to} of ${sizeBytes} bytes`);
}

/** Blocks behind their two lengths, as Hadoop writes them; undefined where it is not that. */
function hadoopLz4(packed: Uint8Array, sizeBytes: number): Uint8Array | undefined {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const page = new Uint8Array(sizeBytes);
  let [from, to] = [0, 0];
  while (from + 8 <= packed.length) {
    const [size, length] = [view.getUint32(from), view.getUint32(from + 4)];
    if (from + 8 + length > packed.length || to + size > sizeBytes) return;
    page.set(lz4(packed.subarray(from + 8, from + 8 + length), size), to);
    from += 8 + length;
    to += size;
  }
  return from === packed.length && to === sizeBytes ? page : undefined;
}

/** The shortest match; a token's length starts from it. */
const MIN_MATCH = 4;

/** One block. @throws {SyntaxError} where it is not of that size. */
function lz4(packed: Uint8Array, sizeBytes: number): Uint8Array {
  const page = new Uint8Array(sizeBytes);
  let [from, to] = [0, 0];
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    if (nibble === 15) {
      do length += packed[from] ?? 0; while (packed[from++] === 255);
    }
    return length;
  };
  while (from < packed.length) {
    const token = packed[from++]!;
    const literals = lengthFrom(token >> 4);
    if (from + literals > packed.length || to + literals > sizeBytes) break;
    page.set(packed.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === packed.length) return to === sizeBytes ? page : page.subarray(0, to);
    const distance = packed[from]! | (packed[from + 1] ?? 0) << 8;
    from += 2;
    const match = lengthFrom(token & 15) + MIN_MATCH;
    if (distance === 0 || distance > to || to + match > sizeBytes) break;
    for (let i = 0; i < match; i++, to++) page[to] = page[to - distance]!;
  }
  throw new SyntaxError("LZ4 that breaks off");
}
