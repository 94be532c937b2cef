/**
 * Cyclic redundancy checks with the highest bit first, as FLAC and Ogg use them.
 *
 * @module
 */

/** One kind of check: its width in bits and what each byte does to it. */
export interface Crc {
  bits: 8 | 16 | 32;
  table: Uint32Array;
}

/** Prepares a check of 8, 16 or 32 bits; the polynomial is without its highest term. */
export function crcOf(bits: Crc["bits"], polynomial: number): Crc {
  const shift = 32 - bits;
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte << 24;
    for (let i = 0; i < 8; i++) value = value << 1 ^ (value < 0 ? polynomial << shift : 0);
    return value;
  });
  return { bits, table };
}

/** The check of bytes, going on from that of the bytes before. */
export function crcAfter({ bits, table }: Crc, bytes: Uint8Array, before = 0): number {
  let value = before << 32 - bits;
  for (let i = 0; i < bytes.length; i++) value = value << 8 ^ table[value >>> 24 ^ bytes[i]!]!;
  return value >>> 32 - bits;
}
