/**
 * The directory of a zip file whose entries are stored as they are.
 *
 * That is how `torch.save` writes. Compressed, encrypted, repeated and overlapping entries are
 * refused, so the bytes that come out are never more than the file has, and no two readers can see
 * different files. Checksums are not verified: torch has an option to leave them out. The format is
 * PKWARE's APPNOTE 6.3, with its 64-bit form. Archives of data sets, which come compressed, are read
 * through a package instead, in `data/_zip.ts`.
 *
 * @module
 */

import { CheckpointError } from "../errors.ts";
import { quoted } from "./_shown.ts";
import { type ByteSource, readExactly } from "./byte_source.ts";

/** An entry as the directory announces it. */
export interface ZipEntry {
  /** Path inside the archive. */
  readonly name: string;
  /** Bytes of the entry's data. */
  readonly sizeBytes: number;
  /** First byte of the entry's own header. */
  readonly start: number;
  /** Where the data must have ended: the next entry, or the directory. */
  readonly limit: number;
}

const END_BYTES = 22;
const END64_LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const MAX_COMMENT_BYTES = 0xffff;
const DIRECTORY_HEADER_BYTES = 46;
const LOCAL_HEADER_BYTES = 30;
const MAX_DIRECTORY_BYTES = 2 ** 24;

const END_SIGNATURE = 0x06054b50;
const END64_SIGNATURE = 0x06064b50;
const END64_LOCATOR_SIGNATURE = 0x07064b50;
const DIRECTORY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;

const ENCRYPTED_FLAG = 1;
const STORED = 0;
/** An extra field with the sizes and offsets that did not fit into 32 bits. */
const ZIP64_EXTRA_ID = 1;
const SEE_ZIP64 = 0xffffffff;

/**
 * Reads a zip file's directory.
 *
 * @returns the entries by name, in the order of their bytes.
 * @throws {CheckpointError} if the archive is broken or holds more than stored entries.
 */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const { start, end, count } = await findDirectory(source);
  const bytes = await readExactly(source, start, end);
  const view = viewOf(bytes);
  const entries: ZipEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    if (
      at + DIRECTORY_HEADER_BYTES > bytes.length || view.getUint32(at, true) !== DIRECTORY_SIGNATURE
    ) {
      throw zipError(source, `expected a directory entry at byte ${start + at}`);
    }
    const headerEnd = at + DIRECTORY_HEADER_BYTES + view.getUint16(at + 28, true) +
      view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (headerEnd > bytes.length) throw zipError(source, "expected a whole directory");
    entries.push(parseEntry(source, bytes.subarray(at, headerEnd)));
    at = headerEnd;
  }
  if (entries.length !== count) {
    throw zipError(source, `expected ${count} entries, found ${entries.length}`);
  }
  return separate(source, entries, start);
}

/**
 * Finds an entry's data behind its own header.
 *
 * @throws {CheckpointError} if the two headers disagree, or the data would leave its place.
 */
export async function locateZipData(source: ByteSource, entry: ZipEntry): Promise<number> {
  const bytes = await readExactly(source, entry.start, entry.start + LOCAL_HEADER_BYTES);
  const view = viewOf(bytes);
  const nameBytes = view.getUint16(26, true);
  const dataStart = entry.start + LOCAL_HEADER_BYTES + nameBytes + view.getUint16(28, true);
  const sound = view.getUint32(0, true) === LOCAL_SIGNATURE && view.getUint16(8, true) === STORED;
  if (sound && dataStart + entry.sizeBytes <= entry.limit) return dataStart;
  throw zipError(source, `expected ${entry.sizeBytes} stored bytes at ${entry.start}`, entry.name);
}

interface Directory {
  start: number;
  end: number;
  count: number;
}

/** Reads the record at the end of the file that says where the directory is. */
async function findDirectory(source: ByteSource): Promise<Directory> {
  const tailStart = Math.max(0, source.sizeBytes - END_BYTES - MAX_COMMENT_BYTES);
  const view = viewOf(await readExactly(source, tailStart, source.sizeBytes));
  const at = lastEndRecord(view);
  if (at < 0) throw zipError(source, "expected the directory of a zip file, found none");
  const short = {
    count: view.getUint16(at + 10, true),
    sizeBytes: view.getUint32(at + 12, true),
    start: view.getUint32(at + 16, true),
  };
  const endRecord = tailStart + at;
  const long = await readZip64End(source, view, { at, tailStart });
  if (long && contradicts(short, long)) {
    throw zipError(source, "expected one directory, found two that disagree");
  }
  const { count, sizeBytes, start } = long ?? short;
  if (sizeBytes > MAX_DIRECTORY_BYTES || start + sizeBytes > (long?.endRecord ?? endRecord)) {
    throw zipError(
      source,
      `expected a directory in the file, found ${sizeBytes} bytes at ${start}`,
    );
  }
  return { start, end: start + sizeBytes, count };
}

/** The offset of the end record whose comment fills the rest of the file; -1 without one. */
function lastEndRecord(view: DataView): number {
  for (let at = view.byteLength - END_BYTES; at >= 0; at--) {
    const commentBytes = view.byteLength - at - END_BYTES;
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    if (view.getUint16(at + 20, true) === commentBytes) return at;
  }
  return -1;
}

interface DirectoryPlace {
  count: number;
  sizeBytes: number;
  start: number;
}

/** The 64-bit form of the end record, where a locator stands before the short one. */
async function readZip64End(
  source: ByteSource,
  tail: DataView,
  end: { at: number; tailStart: number },
): Promise<DirectoryPlace & { endRecord: number } | undefined> {
  const locator = end.at - END64_LOCATOR_BYTES;
  if (locator < 0 || tail.getUint32(locator, true) !== END64_LOCATOR_SIGNATURE) return undefined;
  const endRecord = Number(tail.getBigUint64(locator + 8, true));
  if (endRecord + END64_BYTES > end.tailStart + locator) {
    throw zipError(source, `expected a 64-bit end record in the file, found it at ${endRecord}`);
  }
  const view = viewOf(await readExactly(source, endRecord, endRecord + END64_BYTES));
  if (view.getUint32(0, true) !== END64_SIGNATURE) {
    throw zipError(source, `expected a 64-bit end record at byte ${endRecord}`);
  }
  return {
    count: Number(view.getBigUint64(32, true)),
    sizeBytes: Number(view.getBigUint64(40, true)),
    start: Number(view.getBigUint64(48, true)),
    endRecord,
  };
}

function contradicts(short: DirectoryPlace, long: DirectoryPlace): boolean {
  return (short.count !== 0xffff && short.count !== long.count) ||
    (short.sizeBytes !== SEE_ZIP64 && short.sizeBytes !== long.sizeBytes) ||
    (short.start !== SEE_ZIP64 && short.start !== long.start);
}

/** One record of the directory; `limit` is set once the order of the entries is known. */
function parseEntry(source: ByteSource, record: Uint8Array): ZipEntry {
  const view = viewOf(record);
  const nameEnd = DIRECTORY_HEADER_BYTES + view.getUint16(28, true);
  const name = new TextDecoder().decode(record.subarray(DIRECTORY_HEADER_BYTES, nameEnd));
  const extra = record.subarray(nameEnd, nameEnd + view.getUint16(30, true));
  const long = new Zip64Fields(extra);
  const sizeBytes = long.widen(view.getUint32(24, true));
  const storedBytes = long.widen(view.getUint32(20, true));
  const start = long.widen(view.getUint32(42, true));
  const method = view.getUint16(10, true);
  if (method !== STORED || storedBytes !== sizeBytes) {
    const found = `method ${method}, ${storedBytes} for ${sizeBytes} bytes`;
    throw zipError(source, `expected data without compression, found ${found}`, name);
  }
  if (view.getUint16(8, true) & ENCRYPTED_FLAG) {
    throw zipError(source, "expected data without encryption", name);
  }
  return { name, sizeBytes, start, limit: start };
}

/** The 64-bit values of an entry's extra fields, in the order in which they are needed. */
class Zip64Fields {
  readonly #values: number[] = [];

  constructor(extra: Uint8Array) {
    const view = viewOf(extra);
    for (let at = 0; at + 4 <= extra.length;) {
      const end = at + 4 + view.getUint16(at + 2, true);
      if (view.getUint16(at, true) === ZIP64_EXTRA_ID) {
        for (let field = at + 4; field + 8 <= Math.min(end, extra.length); field += 8) {
          this.#values.push(Number(view.getBigUint64(field, true)));
        }
      }
      at = end;
    }
  }

  widen(value: number): number {
    return value === SEE_ZIP64 ? this.#values.shift() ?? value : value;
  }
}

/** Gives every entry the room up to the next one, and refuses names and bytes used twice. */
function separate(
  source: ByteSource,
  entries: readonly ZipEntry[],
  directoryStart: number,
): Map<string, ZipEntry> {
  const ordered = entries.toSorted((a, b) => a.start - b.start);
  const byName = new Map<string, ZipEntry>();
  for (const [i, entry] of ordered.entries()) {
    const limit = ordered[i + 1]?.start ?? directoryStart;
    if (entry.start + LOCAL_HEADER_BYTES + entry.sizeBytes > limit) {
      const room = `${entry.start} to ${limit}`;
      throw zipError(source, `expected ${entry.sizeBytes} bytes within ${room}`, entry.name);
    }
    if (byName.has(entry.name)) throw zipError(source, "expected names used once", entry.name);
    byName.set(entry.name, { ...entry, limit });
  }
  return byName;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function zipError(source: ByteSource, fault: string, entry?: string): CheckpointError {
  const where = entry === undefined ? "" : ` at ${quoted(entry)}`;
  return new CheckpointError(`Cannot read zip file "${source.name}"${where}: ${fault}`, {
    file: source.name,
  });
}
