/**
 * Reads bytes from elsewhere, and no more of them than the reader is ready to hold.
 *
 * @module
 */

/**
 * All bytes of a stream, or nothing where there are more than `maxBytes`; the rest is then not read.
 *
 * @example
 * ```ts
 * import { readBounded } from "./bounded_stream.ts";
 * import { equal } from "node:assert/strict";
 *
 * const body = () => new Response("three").body;
 * equal((await readBounded(body(), 5))?.length, 5);
 * equal(await readBounded(body(), 4), undefined);
 * ```
 */
export async function readBounded(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return joined(chunks, sizeBytes);
}

/** Chunks as one array; the very chunk where there is one. */
export function joined(chunks: Uint8Array[], sizeBytes: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
