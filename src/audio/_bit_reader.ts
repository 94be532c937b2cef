/**
 * Reads numbers bit by bit, the highest bit of a byte first, as FLAC and MP3 write them.
 *
 * Reading past the end throws `OutOfBits`, which a decoder turns into a warning or an error of its
 * own; nothing is ever made up.
 *
 * @module
 */

/** The bytes ended in the middle of something. */
export class OutOfBits extends RangeError {}

/** A place in a run of bytes, to the bit. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #byte: number;
  #bit = 0;

  /** Starts at a byte. */
  constructor(bytes: Uint8Array, startByte = 0) {
    this.#bytes = bytes;
    this.#byte = startByte;
  }

  /** The bytes that are read. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The byte that the next bit is in. */
  get byte(): number {
    return this.#byte;
  }

  /** Bits read and skipped since the first byte. */
  get position(): number {
    return this.#byte * 8 + this.#bit;
  }

  /** Goes on from a bit counted from the first byte. */
  seek(position: number): void {
    this.#byte = Math.floor(position / 8);
    this.#bit = position % 8;
  }

  /** Goes on at the next whole byte. */
  alignToByte(): void {
    if (this.#bit > 0) this.#advance(8 - this.#bit);
  }

  /** The next bits as a number of 0 or more; `count` is 0 to 32. */
  read(count: number): number {
    if (count > 24) return this.read(count - 16) * 2 ** 16 + this.read(16);
    if (count === 0) return 0;
    const bits = this.peek(count);
    this.#advance(count);
    return bits;
  }

  /** The next bits as a number with a sign in two's complement; `count` is 1 to 33. */
  readSigned(count: number): number {
    if (count <= 24) {
      const shift = 32 - count;
      return this.read(count) << shift >> shift;
    }
    return this.readSigned(count - 16) * 2 ** 16 + this.read(16);
  }

  /** The next bits without going on; zeros stand for what lies past the end. `count` is 1 to 24. */
  peek(count: number): number {
    return wordAt(this.#bytes, this.#byte) << this.#bit >>> 32 - count;
  }

  /** Leaves bits out. */
  skip(count: number): void {
    this.#advance(count);
  }

  /** The number of zeros before the next one, which is read too. */
  readUnary(): number {
    let zeros = 0;
    for (;;) {
      const found = Math.clz32(this.peek(24)) - 8;
      if (found < 24) {
        this.#advance(found + 1);
        return zeros + found;
      }
      this.#advance(24);
      zeros += 24;
    }
  }

  /** Fills an array with numbers in a Rice code: zeros and a one, then `parameter` bits, 0 to 30. */
  readRice(parameter: number, out: Float64Array): void {
    const bytes = this.#bytes;
    const safe = bytes.length - 4;
    const mask = 2 ** parameter - 1;
    let byte = this.#byte;
    let bit = this.#bit;
    for (let i = 0; i < out.length; i++) {
      // Most numbers lie within 24 bits, of which one look is enough.
      const word = byte <= safe
        ? (bytes[byte]! << 24 | bytes[byte + 1]! << 16 | bytes[byte + 2]! << 8 |
          bytes[byte + 3]!) << bit
        : 0;
      const zeros = Math.clz32(word);
      const length = zeros + 1 + parameter;
      if (length <= 24) {
        const folded = zeros << parameter | word >>> 32 - length & mask;
        out[i] = folded >>> 1 ^ -(folded & 1);
        bit += length;
        byte += bit >> 3;
        bit &= 7;
        continue;
      }
      this.#byte = byte;
      this.#bit = bit;
      const folded = this.readUnary() * 2 ** parameter + this.read(parameter);
      out[i] = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
      byte = this.#byte;
      bit = this.#bit;
    }
    this.#byte = byte;
    this.#bit = bit;
  }

  #advance(count: number): void {
    const bit = this.#bit + count;
    this.#byte += bit >> 3;
    this.#bit = bit & 7;
    const over = this.#byte > this.#bytes.length ||
      this.#byte === this.#bytes.length && this.#bit > 0;
    if (over) throw new OutOfBits("The bytes end too early");
  }
}

/** Four bytes as a number whose highest byte comes first; zeros stand for what lies past the end. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return at + 4 <= bytes.length
    ? bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!
    : lastWord(bytes, at);
}

function lastWord(bytes: Uint8Array, at: number): number {
  const byte = (i: number) => bytes[at + i] ?? 0;
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}
