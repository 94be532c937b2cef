/**
 * Reads numbers bit by bit, the lowest bit of a byte first, as Vorbis writes them.
 *
 * @module
 */

import { OutOfBits } from "./_bit_reader.ts";

/** A place in a packet, to the bit. */
export class LsbBitReader {
  /** All bytes, of which the loops over many numbers read a word at a time. */
  readonly view: DataView;
  /** Bits that there are. */
  readonly end: number;
  /** Bits before the place. */
  position: number;

  /** Starts at the first byte, or at a later one. */
  constructor(bytes: Uint8Array, startByte = 0) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.end = 8 * bytes.length;
    this.position = 8 * startByte;
  }

  /** The next bits as a number of 0 or more; `count` is 0 to 32. */
  read(count: number): number {
    if (count > 24) return this.read(16) + this.read(count - 16) * 2 ** 16;
    const value = this.#next() & (1 << count) - 1;
    this.skip(count);
    return value;
  }

  /**
   * What a table has for the next bits, of which as many are read as its masked part says; zeros stand for what lies
   * past the end. Shape: `[2 ** bits]`, 16 bits at most.
   */
  lookUp(table: Int32Array, lengthMask: number): number {
    const found = table[this.#next() & table.length - 1]!;
    this.skip(found & lengthMask);
    return found;
  }

  /** Leaves bits out. */
  skip(count: number): void {
    const position = this.position + count;
    if (position > this.end) throw new OutOfBits("The packet ends too early");
    this.position = position;
  }

  /** The next bit. */
  readBit(): number {
    return this.read(1);
  }

  /** The next bit as a flag. */
  readFlag(): boolean {
    return this.readBit() === 1;
  }

  /** 25 bits or more from the place on, the next one lowest, with zeros past the end. */
  #next(): number {
    const { view, position } = this;
    const at = position >> 3;
    const word = at + 4 <= view.byteLength ? view.getInt32(at, true) : lastBytes(view, at);
    return word >>> (position & 7);
  }
}

function lastBytes(view: DataView, start: number): number {
  let word = 0;
  for (let at = view.byteLength - 1; at >= start; at--) word = word << 8 | view.getUint8(at);
  return word;
}

/** The bits that a number of 0 or more takes; 0 for 0. */
export function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}
