/**
 * A file of vectors by key, written once and whole:
 *
 *     EARSHOT1 <size: u32> <count: u32>      numbers of a vector, number of vectors; little-endian as all of it
 *     <key: 32 bytes> ...                    in the order of the vectors
 *     <SHA-256: 32 bytes> <size floats> ...  of key and vector, then the vector
 *
 * Whatever was cut off or altered is found by these hashes when it is read.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { fileSource, writeFileAtomic } from "../../files.ts";

const MAGIC = new TextEncoder().encode("EARSHOT1");
const HASH_BYTES = 32;
const HEADER_BYTES = MAGIC.length + 8;

/** Where a vector lies. */
export interface Place {
  file: string;
  /** Of its hash, in bytes. */
  start: number;
  /** Numbers of the vector. */
  size: number;
}

/**
 * Writes vectors of one size into a file.
 *
 * @throws {FileError} where it cannot be written.
 */
export async function writeSegment(
  file: string,
  vectors: ReadonlyMap<string, Float32Array>,
): Promise<void> {
  const size = vectors.values().next().value!.length;
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MAGIC);
  const view = new DataView(header.buffer);
  view.setUint32(MAGIC.length, size, true);
  view.setUint32(MAGIC.length + 4, vectors.size, true);
  const keys = Array.from(vectors.keys(), (key) => Uint8Array.fromHex(key));
  const rows = Array.from(vectors, ([key, values]) => [hashOf(key, values), bytesOf(values)]);
  await writeFileAtomic(file, [header, ...keys, ...rows.flat()]);
}

/**
 * Where a file has which vectors, as far as it goes; nothing where it is no such file.
 *
 * @throws {FileError} where it cannot be read.
 */
export async function placesIn(file: string): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const source = await fileSource(file);
  try {
    if (source.sizeBytes < HEADER_BYTES) return places;
    const header = await source.read(0, HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset);
    if (!MAGIC.every((byte, i) => header[i] === byte)) return places;
    const size = view.getUint32(MAGIC.length, true);
    const count = view.getUint32(MAGIC.length + 4, true);
    const first = HEADER_BYTES + count * HASH_BYTES;
    if (first > source.sizeBytes) return places;
    const keys = await source.read(HEADER_BYTES, first);
    for (let i = 0; i < count; i++) {
      const key = keys.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES).toHex();
      places.set(key, { file, size, start: first + i * (HASH_BYTES + 4 * size) });
    }
    return places;
  } finally {
    source[Symbol.dispose]();
  }
}

/**
 * The vectors of one file at these places; undefined for those that are not as they were written.
 *
 * @throws {FileError} where it cannot be read.
 */
export async function readVectors(
  file: string,
  wanted: readonly ({ key: string } & Place)[],
): Promise<(Float32Array | undefined)[]> {
  const source = await fileSource(file);
  try {
    const found: (Float32Array | undefined)[] = [];
    for (const { key, start, size } of wanted) {
      const end = start + HASH_BYTES + 4 * size;
      const bytes = end <= source.sizeBytes ? await source.read(start, end) : undefined;
      const values = bytes && new Float32Array(bytes.slice(HASH_BYTES).buffer);
      const isWhole = values && hashOf(key, values).every((byte, i) => bytes[i] === byte);
      found.push(isWhole ? values : undefined);
    }
    return found;
  } finally {
    source[Symbol.dispose]();
  }
}

function hashOf(key: string, values: Float32Array): Uint8Array {
  return createHash("sha256").update(key).update(bytesOf(values)).digest();
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
