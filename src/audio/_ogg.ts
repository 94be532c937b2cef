/**
 * Takes an Ogg file apart into the packets of its first stream of a kind.
 *
 * Pages carry a checksum, which is held against their bytes. A page that is cut off ends the file with
 * a warning; a wrong checksum, a page that is missing or other bytes between pages are errors. Of
 * several streams side by side the others are left out, and so is a stream that follows. Written
 * after RFC 3533.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { crcAfter, crcOf } from "./_crc.ts";

/** One stream of an Ogg file. */
export interface OggStream {
  /** Its packets, the codec's headers first. */
  packets: Uint8Array[];
  /** By packet that ends a page: the place in time that the page states, in the codec's unit. */
  granules: Map<number, number>;
  /** Whether the page that ends the stream is there. */
  isEnded: boolean;
  warning?: string;
}

interface Page {
  flags: number;
  granule: number;
  serial: number;
  sequence: number;
  /** Sizes of the pieces of packets. */
  lacing: Uint8Array;
  dataStart: number;
  end: number;
}

const HEADER_BYTES = 27;
const CHECKSUM_AT = 22;
const CONTINUED = 1;
const BEGINS = 2;
const ENDS = 4;

/** A piece of this size goes on with the next one. */
const FULL_PIECE = 255;

const PAGE_CRC = crcOf(32, 0x04c11db7);
const NO_CHECKSUM = new Uint8Array(4);

/** Reads the packets of the first stream whose first packet begins with `magic`. */
export function readOgg(bytes: Uint8Array, magic: string, file?: string): OggStream {
  const packets = new PacketReader(bytes, magic, file);
  let at = 0;
  while (at < bytes.length && !packets.isEnded) {
    const page = readPage(bytes, at, file);
    if (page === undefined) break;
    packets.add(page);
    at = page.end;
  }
  return packets.finish(bytes.length - at);
}

/** The page at a byte, or undefined where the file ends within it. */
function readPage(bytes: Uint8Array, start: number, file?: string): Page | undefined {
  const head = String.fromCharCode(...bytes.subarray(start, start + 4));
  if (!"OggS".startsWith(head)) {
    throw audioError(`expected an Ogg page at byte ${start}, found other bytes`, file);
  }
  if (start + HEADER_BYTES > bytes.length) return undefined;
  const lacingEnd = start + HEADER_BYTES + bytes[start + 26]!;
  const lacing = bytes.subarray(start + HEADER_BYTES, lacingEnd);
  const end = lacingEnd + lacing.reduce((sum, size) => sum + size, 0);
  if (lacingEnd > bytes.length || end > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  if (checksumOf(bytes.subarray(start, end)) !== view.getUint32(CHECKSUM_AT, true)) {
    throw audioError(`expected a sound Ogg page at byte ${start}, found a wrong checksum`, file);
  }
  return {
    flags: view.getUint8(5),
    granule: view.getInt32(10, true) * 2 ** 32 + view.getUint32(6, true),
    serial: view.getUint32(14, true),
    sequence: view.getUint32(18, true),
    lacing,
    dataStart: lacingEnd,
    end,
  };
}

function checksumOf(page: Uint8Array): number {
  const before = crcAfter(PAGE_CRC, page.subarray(0, CHECKSUM_AT));
  const without = crcAfter(PAGE_CRC, NO_CHECKSUM, before);
  return crcAfter(PAGE_CRC, page.subarray(CHECKSUM_AT + 4), without);
}

/** Puts the packets of one stream together, page by page. */
class PacketReader {
  readonly #bytes: Uint8Array;
  readonly #magic: string;
  readonly #file?: string;
  readonly #packets: Uint8Array[] = [];
  readonly #granules = new Map<number, number>();
  #serial?: number;
  #sequence = 0;
  #pieces: Uint8Array[] = [];
  isEnded = false;

  constructor(bytes: Uint8Array, magic: string, file?: string) {
    this.#bytes = bytes;
    this.#magic = magic;
    this.#file = file;
  }

  add(page: Page): void {
    if (this.#serial === undefined && !this.#begins(page)) return;
    this.#serial ??= page.serial;
    if (page.serial !== this.#serial) return;
    this.#requireNext(page);
    const before = this.#packets.length;
    let at = page.dataStart;
    for (const size of page.lacing) {
      this.#pieces.push(this.#bytes.subarray(at, at + size));
      at += size;
      if (size < FULL_PIECE) this.#endPacket();
    }
    if (this.#packets.length > before && page.granule >= 0) {
      this.#granules.set(this.#packets.length - 1, page.granule);
    }
    this.isEnded = (page.flags & ENDS) !== 0;
  }

  /** What was read, with a warning where the stream is cut or more follows it. */
  finish(restBytes: number): OggStream {
    if (this.#packets.length === 0) {
      throw audioError("expected the first page of an Ogg stream, found none", this.#file);
    }
    const warning = !this.isEnded
      ? "Truncated: the last page of the Ogg stream is missing"
      : restBytes > 0
      ? `${restBytes} bytes follow the end of the first Ogg stream; they are left out`
      : undefined;
    return {
      packets: this.#packets,
      granules: this.#granules,
      isEnded: this.isEnded,
      warning,
    };
  }

  #begins({ flags, dataStart, end }: Page): boolean {
    const magicEnd = Math.min(dataStart + this.#magic.length, end);
    const head = String.fromCharCode(...this.#bytes.subarray(dataStart, magicEnd));
    return (flags & BEGINS) !== 0 && head === this.#magic;
  }

  #requireNext({ sequence, flags }: Page): void {
    const expected = this.#packets.length === 0 && this.#pieces.length === 0
      ? sequence
      : this.#sequence + 1;
    if (sequence !== expected) {
      throw audioError(`expected Ogg page ${expected}, found page ${sequence}`, this.#file);
    }
    const isContinued = (flags & CONTINUED) !== 0;
    if (isContinued !== this.#pieces.length > 0) {
      throw audioError("expected packets that go on from page to page, found a gap", this.#file);
    }
    this.#sequence = sequence;
  }

  #endPacket(): void {
    const [first, ...others] = this.#pieces;
    this.#pieces = [];
    if (others.length === 0) {
      this.#packets.push(first!);
      return;
    }
    const size = others.reduce((sum, { length }) => sum + length, first!.length);
    const packet = new Uint8Array(size);
    let at = 0;
    for (const piece of [first!, ...others]) {
      packet.set(piece, at);
      at += piece.length;
    }
    this.#packets.push(packet);
  }
}
