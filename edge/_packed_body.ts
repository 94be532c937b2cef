/**
 * Bodies that were packed for the way (`Content-Encoding: gzip`), unpacked piece by piece.
 *
 * All limits are for what is unpacked: whoever reads counts it, and stops.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";

/** So much is unpacked at a time: 1,000 times as much may come of it. */
const PIECE_BYTES = 4_096;

/**
 * The body of a request as it was before it was packed.
 *
 * @throws {HTTPException} with status 415 where it was packed in another way than gzip.
 */
export function unpackedBody({ headers, body }: Request): ReadableStream<Uint8Array> | null {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() || "identity";
  if (encoding === "identity" || body === null) return body;
  if (encoding === "gzip" || encoding === "x-gzip") {
    const pieces = ReadableStream.from(smallPieces(body));
    return pieces.pipeThrough(new DecompressionStream("gzip"));
  }
  const message = `Cannot unpack the body: expected Content-Encoding gzip, found ${
    encoding.slice(0, 40)
  }`;
  throw new HTTPException(415, { message });
}

async function* smallPieces(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  for await (const piece of body) {
    for (let at = 0; at < piece.length; at += PIECE_BYTES) {
      yield piece.slice(at, at + PIECE_BYTES);
    }
  }
}
