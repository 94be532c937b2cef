/**
 * Cyclic redundancy checks with the highest bit first, as FLAC and Ogg use them.
 *
 * @module
 */

/** One kind of check: its width in bits, and what each byte does to it, 0 to 3 bytes later. */
export interface Crc {
  bits: 8 | 16 | 32;
  /** Shape: `[4, 256]` */
  table: Uint32Array;
}

/** Prepares a check of 8, 16 or 32 bits; the polynomial is without its highest term. */
export function crcOf(bits: Crc["bits"], polynomial: number): Crc {
  const term = polynomial << 32 - bits;
  const table = new Uint32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte << 24;
    for (let later = 0; later < 4; later++) {
      for (let i = 0; i < 8; i++) value = value << 1 ^ (value < 0 ? term : 0);
      table[later * 256 + byte] = value;
    }
  }
  return { bits, table };
}

/** The check of bytes, going on from that of the bytes before. */
export function crcAfter({ bits, table }: Crc, bytes: Uint8Array, before = 0): number {
  let value = before << 32 - bits;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    const word = value ^
      (bytes[i]! << 24 | bytes[i + 1]! << 16 | bytes[i + 2]! << 8 | bytes[i + 3]!);
    value = table[768 + (word >>> 24)]! ^ table[512 + (word >>> 16 & 255)]! ^
      table[256 + (word >>> 8 & 255)]! ^ table[word & 255]!;
  }
  for (; i < bytes.length; i++) value = value << 8 ^ table[value >>> 24 ^ bytes[i]!]!;
  return value >>> 32 - bits;
}
