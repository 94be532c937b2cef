/**
 * The directory of a zip file.
 *
 * Repeated and overlapping entries are refused, so that no two readers can see different files. Those of
 * `torch.save` are stored as they are, and then the bytes that come out are never more than the file
 * has; archives of data sets come compressed, and are unpacked in `data/_zip.ts`. Checksums are not
 * verified here: torch has an option to leave them out. The format is PKWARE's APPNOTE 6.3, with its
 * 64-bit form.
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
  /** Bytes of the entry's data, unpacked. */
  readonly sizeBytes: number;
  /** Bytes of it in the archive. */
  readonly storedBytes: number;
  /** How it is compressed: {@linkcode STORED}, {@linkcode DEFLATED}, or another way. */
  readonly method: number;
  /** CRC-32 of the data, as the directory has it. */
  readonly checksum: number;
  readonly isEncrypted: boolean;
  /** First byte of the entry's own header. */
  readonly start: number;
  /** Where the data must have ended: the next entry, or the directory. */
  readonly limit: number;
}

/** Data as it is. */
export const STORED = 0;
/** Data compressed by the method that all archivers know. */
export const DEFLATED = 8;

/** A reader's own limits. */
export interface ZipOptions {
  /** Most bytes of a directory. @default 16 MiB */
  maxDirectoryBytes?: number;
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
const UTF8_FLAG = 0x800;
/** An extra field with the sizes and offsets that did not fit into 32 bits. */
const ZIP64_EXTRA_ID = 1;
const SEE_ZIP64 = 0xffffffff;

/**
 * Reads the directory of a zip file whose entries are stored as they are.
 *
 * @returns the entries by name, in the order of their bytes.
 * @throws {CheckpointError} if the archive is broken or holds more than stored entries.
 */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const entries = await readZipEntries(source);
  for (const { name, method, sizeBytes, storedBytes, isEncrypted } of entries.values()) {
    if (method !== STORED || storedBytes !== sizeBytes) {
      const found = `method ${method}, ${storedBytes} for ${sizeBytes} bytes`;
      throw zipError(source, `expected data without compression, found ${found}`, name);
    }
    if (isEncrypted) throw zipError(source, "expected data without encryption", name);
  }
  return entries;
}

/**
 * Reads a zip file's directory, whatever its entries are stored as.
 *
 * @returns the entries by name, in the order of their bytes.
 * @throws {CheckpointError} if the archive is broken.
 */
export async function readZipEntries(
  source: ByteSource,
  { maxDirectoryBytes = MAX_DIRECTORY_BYTES }: ZipOptions = {},
): Promise<Map<string, ZipEntry>> {
  const { start, end, count } = await findDirectory(source, maxDirectoryBytes);
  const bytes = await readExactly(source, start, end);
  const view = viewOf(bytes);
  const entries: Mutable[] = [];
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
  const sound = view.getUint32(0, true) === LOCAL_SIGNATURE &&
    view.getUint16(8, true) === entry.method;
  if (sound && dataStart + entry.storedBytes <= entry.limit) return dataStart;
  const fault = `expected ${entry.storedBytes} stored bytes at ${entry.start}`;
  throw zipError(source, fault, entry.name);
}

interface Directory {
  start: number;
  end: number;
  count: number;
}

/** Reads the record at the end of the file that says where the directory is. */
async function findDirectory(source: ByteSource, maxBytes: number): Promise<Directory> {
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
  if (sizeBytes > maxBytes || start + sizeBytes > (long?.endRecord ?? endRecord)) {
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

type Mutable = { -readonly [Field in keyof ZipEntry]: ZipEntry[Field] };

/** One record of the directory; `limit` is set once the order of the entries is known. */
function parseEntry(source: ByteSource, record: Uint8Array): Mutable {
  const view = viewOf(record);
  const nameEnd = DIRECTORY_HEADER_BYTES + view.getUint16(28, true);
  const flags = view.getUint16(8, true);
  const name = nameOf(record.subarray(DIRECTORY_HEADER_BYTES, nameEnd), flags);
  const extra = record.subarray(nameEnd, nameEnd + view.getUint16(30, true));
  const long = new Zip64Fields(extra);
  const sizeBytes = long.widen(view.getUint32(24, true));
  const storedBytes = long.widen(view.getUint32(20, true));
  const start = long.widen(view.getUint32(42, true));
  if (![sizeBytes, storedBytes, start].every(Number.isSafeInteger)) {
    throw zipError(source, "expected sizes that a file can have", name);
  }
  return {
    ...{ name, sizeBytes, storedBytes, start, limit: start },
    method: view.getUint16(10, true),
    checksum: view.getUint32(16, true),
    isEncrypted: (flags & ENCRYPTED_FLAG) !== 0,
  };
}

/** The upper half of code page 437, in which names are that say nothing else. */
const CODE_PAGE_437 = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
  "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/** Archivers that write UTF-8 do not always say so. */
function nameOf(bytes: Uint8Array, flags: number): string {
  const name = new TextDecoder().decode(bytes);
  if ((flags & UTF8_FLAG) !== 0 || !name.includes("\ufffd")) return name;
  return Array.from(bytes, (byte) => {
    return byte < 128 ? String.fromCharCode(byte) : CODE_PAGE_437[byte - 128]!;
  }).join("");
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
  entries: Mutable[],
  directoryStart: number,
): Map<string, ZipEntry> {
  entries.sort((a, b) => a.start - b.start);
  const byName = new Map<string, ZipEntry>();
  for (const [i, entry] of entries.entries()) {
    const { name, start, storedBytes } = entry;
    entry.limit = entries[i + 1]?.start ?? directoryStart;
    if (start + LOCAL_HEADER_BYTES + storedBytes > entry.limit) {
      const room = `${start} to ${entry.limit}`;
      throw zipError(source, `expected ${storedBytes} bytes within ${room}`, name);
    }
    if (byName.has(name)) throw zipError(source, "expected names used once", name);
    byName.set(name, entry);
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
