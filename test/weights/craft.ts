/**
 * Safetensors files made by hand, so that a test can break one rule and no other.
 *
 * @module
 */

/** A file of this header text and these data bytes, with the right header length unless given. */
export function craftSafetensors(
  header: string | Uint8Array,
  data: Uint8Array | number = 0,
  headerBytes?: bigint,
): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const body = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + text.byteLength + body.byteLength);
  const length = headerBytes ?? BigInt(text.byteLength);
  new DataView(file.buffer).setBigUint64(0, length, true);
  file.set(text, 8);
  file.set(body, 8 + text.byteLength);
  return file;
}

/** A small seeded generator (mulberry32): the same cases in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}
