/**
 * Takes a stream of a kind in an Ogg file apart into its packets, page by page.
 *
 * Pages carry a checksum, which is held against their bytes. A page that is cut off ends the file with
 * a warning; a wrong checksum, a page that is missing or other bytes between pages are errors. Of
 * several streams side by side the others are left out. A stream that follows (`_ogg_chain.ts`) is
 * only noticed. Written after RFC 3533.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { crcAfter, crcOf } from "./_crc.ts";

/** A page's worth of packets. */
export interface OggPage {
  /** The packets that end in the page. */
  packets: Uint8Array[];
  /** The place in time at the end of the last of them, in the codec's unit, where it is stated. */
  granule?: number;
  /** Whether the stream ends here. */
  isLast: boolean;
}

interface Page {
  flags: number;
  granule: number;
  serial: number;
  sequence: number;
  /** Sizes of the pieces of packets. */
  lacing: Uint8Array;
  data: Uint8Array;
}

/** What every page begins with: "OggS". */
const CAPTURE = [0x4f, 0x67, 0x67, 0x53];
const HEADER_BYTES = 27;
const CHECKSUM_AT = 22;
const CONTINUED = 1;
const BEGINS = 2;
const ENDS = 4;

/** A piece of this size goes on with the next one. */
const FULL_PIECE = 255;

/** Most bytes of one packet: far above any codec's, below what would be a burden. */
const MAX_PACKET_BYTES = 2 ** 24;

const PAGE_CRC = crcOf(32, 0x04c11db7);
const NO_CHECKSUM = new Uint8Array(4);

/** Reads the first stream whose first packet begins with `magic`. */
export class OggReader {
  readonly #reader: ByteReader;
  readonly #magic: string;
  readonly #file?: string;
  #page?: OggPage;
  #serial?: number;
  #sequence?: number;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #isEnded = false;
  #hasSound = false;
  /** What is odd about the stream, once its end was read. */
  warning?: string;
  /** Whether another stream of the kind begins where this one has ended. */
  isFollowed = false;

  /** Starts at the place of the reader. */
  constructor(reader: ByteReader, magic: string, file?: string) {
    this.#reader = reader;
    this.#magic = magic;
    this.#file = file;
  }

  /** The next packet, or undefined at the end. */
  *nextPacket(): Asking<Uint8Array | undefined> {
    while (!this.#page?.packets.length) {
      this.#page = yield* this.nextPage();
      if (this.#page === undefined) return undefined;
    }
    return this.#page.packets.shift();
  }

  /** The next page that ends a packet, or what is left of one; undefined at the end. */
  *nextPage(): Asking<OggPage | undefined> {
    const page = this.#page;
    this.#page = undefined;
    if (page?.packets.length) return page;
    while (!this.#isEnded) {
      const start = this.#reader.position;
      const page = yield* this.#readPage();
      if (page === undefined) break;
      if (this.#serial === undefined && !this.#begins(page)) continue;
      this.#serial ??= page.serial;
      if (page.serial !== this.#serial) {
        // Streams side by side begin before there is sound; what begins later follows one that was cut off.
        if (!this.#hasSound || !this.#begins(page)) continue;
        this.#reader.seek(start);
        break;
      }
      this.#hasSound ||= page.granule > 0;
      const packets = this.#packetsOf(page);
      this.#isEnded = (page.flags & ENDS) !== 0;
      if (packets.length === 0) continue;
      const granule = page.granule >= 0 ? page.granule : undefined;
      return { packets, granule, isLast: this.#isEnded };
    }
    yield* this.#finish();
    return undefined;
  }

  /** The page at the reader's place, or undefined where the file ends within it. */
  *#readPage(): Asking<Page | undefined> {
    const reader = this.#reader;
    const start = reader.position;
    const head = yield* reader.peek(HEADER_BYTES);
    if (!"OggS".startsWith(String.fromCharCode(...head.subarray(0, 4)))) {
      const found = `expected an Ogg page at byte ${start}, found other bytes`;
      throw audioError(found, this.#file);
    }
    if (head.length < HEADER_BYTES) return undefined;
    const lacingEnd = HEADER_BYTES + head[HEADER_BYTES - 1]!;
    const withLacing = yield* reader.peek(lacingEnd);
    if (withLacing.length < lacingEnd) return undefined;
    const size = withLacing.subarray(HEADER_BYTES).reduce((sum, piece) => sum + piece, lacingEnd);
    const bytes = yield* reader.take(size);
    if (bytes.length < size) {
      reader.seek(start);
      return undefined;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, size);
    if (checksumOf(bytes) !== view.getUint32(CHECKSUM_AT, true)) {
      const found = `expected a sound Ogg page at byte ${start}, found a wrong checksum`;
      throw audioError(found, this.#file);
    }
    return {
      flags: view.getUint8(5),
      granule: view.getInt32(10, true) * 2 ** 32 + view.getUint32(6, true),
      serial: view.getUint32(14, true),
      sequence: view.getUint32(18, true),
      lacing: bytes.subarray(HEADER_BYTES, lacingEnd),
      data: bytes.subarray(lacingEnd),
    };
  }

  #begins({ flags, data }: Pick<Page, "flags" | "data">): boolean {
    const head = String.fromCharCode(...data.subarray(0, this.#magic.length));
    return (flags & BEGINS) !== 0 && head === this.#magic;
  }

  #packetsOf(page: Page): Uint8Array[] {
    this.#requireNext(page);
    const packets: Uint8Array[] = [];
    let at = 0;
    for (const size of page.lacing) {
      this.#pieces.push(page.data.subarray(at, at + size));
      this.#pieceBytes += size;
      at += size;
      if (size === FULL_PIECE) continue;
      packets.push(joined(this.#pieces, this.#pieceBytes));
      this.#pieces = [];
      this.#pieceBytes = 0;
    }
    if (this.#pieceBytes > MAX_PACKET_BYTES) {
      const found = `expected Ogg packets of at most ${MAX_PACKET_BYTES} bytes, found a longer one`;
      throw audioError(found, this.#file);
    }
    // What is kept until the next page must not hold on to a piece of the file, nor change with it.
    this.#pieces = this.#pieces.map((piece) => piece.slice());
    return packets;
  }

  #requireNext({ sequence, flags }: Page): void {
    const expected = this.#sequence === undefined ? sequence : this.#sequence + 1;
    if (sequence !== expected) {
      throw audioError(`expected Ogg page ${expected}, found page ${sequence}`, this.#file);
    }
    const isContinued = (flags & CONTINUED) !== 0;
    if (isContinued !== this.#pieces.length > 0) {
      throw audioError("expected packets that go on from page to page, found a gap", this.#file);
    }
    this.#sequence = sequence;
  }

  *#isFollowed(): Asking<boolean> {
    const head = yield* this.#reader.peek(HEADER_BYTES + 255 + this.#magic.length);
    if (head.length < HEADER_BYTES || !CAPTURE.every((byte, i) => head[i] === byte)) return false;
    const data = head.subarray(HEADER_BYTES + head[HEADER_BYTES - 1]!);
    return this.#begins({ flags: head[5]!, data });
  }

  /** Notes what is missing at the end of the stream, or follows it. */
  *#finish(): Asking<void> {
    if (this.#serial === undefined) {
      throw audioError("expected the first page of an Ogg stream, found none", this.#file);
    }
    this.isFollowed = yield* this.#isFollowed();
    if (!this.#isEnded) {
      this.warning ??= "Truncated: the last page of the Ogg stream is missing";
      return;
    }
    const { sizeBytes, position } = this.#reader;
    const rest = sizeBytes === undefined
      ? (yield* this.#reader.peek(1)).length
      : sizeBytes - position;
    if (rest === 0) return;
    const what = sizeBytes === undefined ? "More bytes" : `${rest} bytes`;
    this.warning ??= `${what} follow the end of the first Ogg stream; they are left out`;
  }
}

function checksumOf(page: Uint8Array): number {
  const before = crcAfter(PAGE_CRC, page.subarray(0, CHECKSUM_AT));
  const without = crcAfter(PAGE_CRC, NO_CHECKSUM, before);
  return crcAfter(PAGE_CRC, page.subarray(CHECKSUM_AT + 4), without);
}

function joined(pieces: Uint8Array[], size: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
