/**
 * Reads numbers bit by bit, the lowest bit of a byte first, as Vorbis writes them.
 *
 * @module
 */

import { OutOfBits } from "./_bit_reader.ts";

/** A place in a packet, to the bit. */
export class LsbBitReader {
  readonly #bytes: Uint8Array;
  #byte = 0;
  #bit = 0;

  /** Starts at the first byte, or at a later one. */
  constructor(bytes: Uint8Array, startByte = 0) {
    this.#bytes = bytes;
    this.#byte = startByte;
  }

  /** The next bits as a number of 0 or more; `count` is 0 to 32. */
  read(count: number): number {
    if (count > 24) return this.read(16) + this.read(count - 16) * 2 ** 16;
    const bytes = this.#bytes;
    const at = this.#byte;
    const bit = this.#bit + count;
    const end = at * 8 + bit;
    if (end > bytes.length * 8) throw new OutOfBits("The packet ends too early");
    const word = bytes[at]! | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0) << 16 |
      (bytes[at + 3] ?? 0) << 24;
    this.#byte = at + (bit >> 3);
    const value = word >>> this.#bit & 2 ** count - 1;
    this.#bit = bit & 7;
    return value;
  }

  /**
   * What a table has for the next bits, of which as many are read as its masked part says; zeros stand for what lies
   * past the end. Shape: `[2 ** bits]`, 16 bits at most.
   */
  lookUp(table: Int32Array, lengthMask: number): number {
    const bytes = this.#bytes;
    const at = this.#byte;
    const word = at + 4 <= bytes.length
      ? bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24
      : (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0) << 16;
    const found = table[word >>> this.#bit & table.length - 1]!;
    const bit = this.#bit + (found & lengthMask);
    if (8 * at + bit > 8 * bytes.length) throw new OutOfBits("The packet ends too early");
    this.#byte = at + (bit >> 3);
    this.#bit = bit & 7;
    return found;
  }

  /** Leaves bits out. */
  skip(count: number): void {
    const bit = this.#bit + count;
    const byte = this.#byte + (bit >> 3);
    const over = byte > this.#bytes.length || byte === this.#bytes.length && (bit & 7) > 0;
    if (over) throw new OutOfBits("The packet ends too early");
    this.#byte = byte;
    this.#bit = bit & 7;
  }

  /** The next bit. */
  readBit(): number {
    const byte = this.#bytes[this.#byte];
    if (byte === undefined) throw new OutOfBits("The packet ends too early");
    const bit = byte >> this.#bit & 1;
    if (++this.#bit === 8) {
      this.#bit = 0;
      this.#byte++;
    }
    return bit;
  }

  /** The next bit as a flag. */
  readFlag(): boolean {
    return this.readBit() === 1;
  }
}

/** The bits that a number of 0 or more takes; 0 for 0. */
export function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}
