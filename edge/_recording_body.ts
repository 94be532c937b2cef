/**
 * The body of a recording in pieces, which may be slow but must not stand still.
 *
 * It is read no faster than it is taken, until the answer begins. From then on Deno takes the rest of a body into its
 * memory whether it is read or not (2.8.3 and later; looked at in 2.9.6), so that it is read as it comes and counted:
 * who is too far ahead is turned away. A body that is known to be longer gets its answer later.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { brokenOff, tooLarge } from "./_bodies.ts";
import { ByteChannel } from "./_byte_channel.ts";
import { withDeadline } from "./_deadline.ts";
import { unpackedBody } from "./_packed_body.ts";
import type { Limits } from "./_service.ts";

/** The pieces of one body, to be taken once. */
export class RecordingBody implements AsyncIterable<Uint8Array> {
  readonly #limits: Limits;
  readonly #signal: AbortSignal;
  readonly #body: ReadableStream<Uint8Array> | null;
  readonly #ahead: ByteChannel;
  /** What the client has said that there is. */
  readonly #statedBytes: number;
  #reader?: ReadableStreamDefaultReader<Uint8Array>;
  #readBytes = 0;
  #answerHasBegun = false;

  /**
   * @param request its body is not touched before a piece is wanted.
   * @param signal ends the reading.
   * @throws {HTTPException} 413 where it is stated to be too large, 415 where it is packed in a way that is not read.
   */
  constructor(request: Request, limits: Limits, signal: AbortSignal) {
    this.#limits = limits;
    this.#signal = signal;
    // What a packed body unfolds to is not known.
    const isPacked = request.headers.has("content-encoding");
    this.#statedBytes = isPacked ? 0 : Number(request.headers.get("content-length") ?? 0);
    if (this.#statedBytes > limits.maxDetectBytes) throw tooLarge(limits.maxDetectBytes);
    this.#body = unpackedBody(request);
    this.#ahead = new ByteChannel(limits.maxAheadBytes);
  }

  /** Whether what is left of it, as far as that is known, may all be in memory. */
  get isNearEnd(): boolean {
    return this.#statedBytes - this.#readBytes <= this.#limits.maxAheadBytes;
  }

  /** The answer begins now. */
  answerBegins(): void {
    this.#answerHasBegun = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    this.#reader = this.#body?.getReader();
    const stop = () => void this.#reader?.cancel(this.#signal.reason).catch(() => {});
    this.#signal.addEventListener("abort", stop);
    try {
      while (!this.#answerHasBegun) {
        const piece = await this.#next();
        if (piece === undefined) return;
        yield piece;
      }
      this.#readAhead();
      yield* this.#ahead;
    } finally {
      this.#signal.removeEventListener("abort", stop);
      stop();
    }
  }

  async #readAhead(): Promise<void> {
    try {
      for (let piece = await this.#next(); piece; piece = await this.#next()) {
        if (!this.#ahead.push(piece)) throw tooFarAhead(this.#limits.maxAheadBytes);
      }
      this.#ahead.end();
    } catch (error) {
      this.#ahead.fail(error);
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) return undefined;
    const { bodyTimeoutMs, maxDetectBytes } = this.#limits;
    const late = `Cannot read the body: expected more of it within ${bodyTimeoutMs / 1000} s`;
    const reading = this.#reader.read().catch(brokenOff);
    const { done, value } = await withDeadline(reading, bodyTimeoutMs, late);
    this.#signal.throwIfAborted();
    if (done) return undefined;
    this.#readBytes += value.length;
    if (this.#readBytes > maxDetectBytes) throw tooLarge(maxDetectBytes);
    return value;
  }
}

function tooFarAhead(maxBytes: number): HTTPException {
  const expected = `expected at most ${maxBytes} bytes ahead of what was listened to`;
  return new HTTPException(413, {
    message: `Cannot take the recording: ${expected}; send it with its length, or more slowly`,
  });
}
