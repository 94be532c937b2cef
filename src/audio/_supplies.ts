/**
 * Where the bytes of a recording come from when they are not all in memory.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { ByteRange, ByteSupply } from "./_byte_reader.ts";
import type { ReadableBytes } from "./duration.ts";

/** What is read of a file at once. */
const PIECE_BYTES = 2 ** 16;

/** A source of bytes that may be given up. */
export interface ClosableSupply extends ByteSupply {
  /** Bytes of the whole, where they are known. */
  readonly sizeBytes?: number;
  /** The headers are read: what has passed is not asked for again. */
  opened?(): void;
  /** Gives back what the source holds. */
  close(): Promise<void>;
}

/** A file of which any part can be read. */
export function fileSupply(source: ReadableBytes): ClosableSupply {
  const { sizeBytes } = source;
  return {
    sizeBytes,
    bytesOf: async ({ start, least, most }) => {
      const end = Math.min(start + Math.min(most, Math.max(least, PIECE_BYTES)), sizeBytes);
      return start >= end ? new Uint8Array(0) : await source.read(start, end);
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Bytes that come one piece after the other; what was asked for and passed is forgotten.
 *
 * While the headers are read it is kept, up to a limit: they may turn out to stand behind the sound.
 */
export class StreamSupply implements ClosableSupply {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #file?: string;
  #held: Uint8Array = new Uint8Array(0);
  #start = 0;
  #isEnded = false;
  #room: Uint8Array = new Uint8Array(0);
  /** Bytes up to which all is kept. */
  #keptBytes: number;

  /** Reads from an iterable of pieces, or from a stream of the web. */
  constructor(
    source: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
    { file, maxHeldBytes }: { file?: string; maxHeldBytes: number },
  ) {
    this.#keptBytes = maxHeldBytes;
    this.#pieces = Symbol.asyncIterator in source
      ? source[Symbol.asyncIterator]()
      : piecesOf(source);
    this.#file = file;
  }

  /** Waits until the range is there, or the stream has ended. */
  async bytesOf({ start, least, most }: ByteRange): Promise<Uint8Array> {
    if (start < this.#start) {
      const hint = "Save it as a file first, or write it so that it can be streamed";
      const found = `to go back from byte ${this.#start} to byte ${start}`;
      throw audioError(
        `expected a recording that can be read in order, found ${found}`,
        this.#file,
        {
          hint,
        },
      );
    }
    await this.#hold(start, start + least);
    const at = Math.min(start - this.#start, this.#held.length);
    const rest = this.#held.subarray(at);
    if (this.#keptBytes === 0) {
      this.#held = rest;
      this.#start = start;
    }
    return rest.subarray(0, Math.min(most, rest.length));
  }

  opened(): void {
    this.#keptBytes = 0;
    this.#room = new Uint8Array(0);
  }

  async close(): Promise<void> {
    this.#isEnded = true;
    await this.#pieces.return?.();
  }

  async #hold(start: number, end: number): Promise<void> {
    const pieces = [this.#held];
    let heldStart = this.#start;
    let heldEnd = heldStart + this.#held.length;
    while (heldEnd < end && !this.#isEnded) {
      const { done, value } = await this.#pieces.next();
      if (done) {
        this.#isEnded = true;
        break;
      }
      if (heldEnd > this.#keptBytes) this.#keptBytes = 0;
      if (heldEnd <= start && this.#keptBytes === 0) {
        // Nothing of what is held is wanted any more.
        pieces.length = 0;
        heldStart = heldEnd;
      }
      pieces.push(value);
      heldEnd += value.length;
    }
    this.#start = heldStart;
    if (pieces.length === 1) this.#held = pieces[0]!;
    else this.#held = this.#keptBytes > 0 ? this.#appended(pieces) : joined(pieces);
  }

  /** What is kept, of which the first piece is what was held, lies in a room that doubles: few bytes may come at a time. */
  #appended(pieces: Uint8Array[]): Uint8Array {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const [held, ...added] = pieces as [Uint8Array, ...Uint8Array[]];
    let at = held.length;
    if (held.buffer !== this.#room.buffer || size > this.#room.length) {
      this.#room = new Uint8Array(Math.max(size, 2 * this.#room.length));
      this.#room.set(held);
    }
    for (const piece of added) {
      this.#room.set(piece, at);
      at += piece.length;
    }
    return this.#room.subarray(0, size);
  }
}

function joined(pieces: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The pieces of a stream, where streams are no iterables. */
async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
