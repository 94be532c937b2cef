/**
 * Bytes from one that sends when it likes to one that takes when it can.
 *
 * A WebSocket cannot be made to wait, so what is not yet taken is counted, and the sender is told when it is too much.
 *
 * @module
 */

/** Pieces of bytes in order, to be taken once. */
export class ByteChannel implements AsyncIterable<Uint8Array> {
  readonly #maxBytes: number;
  readonly #onTaken: (bytes: number) => void;
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  #end?: { error?: unknown };
  #wake = Promise.withResolvers<void>();

  /**
   * @param maxBytes how much may wait to be taken.
   * @param onTaken hears of each piece when it is taken.
   */
  constructor(maxBytes: number, onTaken: (bytes: number) => void = () => {}) {
    this.#maxBytes = maxBytes;
    this.#onTaken = onTaken;
  }

  /** Whether nothing waits to be taken. */
  get isEmpty(): boolean {
    return this.#heldBytes === 0;
  }

  /** Takes a piece in; false where there is no room for it, and it is dropped. */
  push(piece: Uint8Array): boolean {
    if (this.#end) return true;
    if (this.#heldBytes + piece.length > this.#maxBytes) return false;
    this.#heldBytes += piece.length;
    this.#pieces.push(piece);
    this.#wake.resolve();
    return true;
  }

  /** Nothing more comes; what is there can still be taken. */
  end(): void {
    this.#end ??= {};
    this.#wake.resolve();
  }

  /** Drops what is there; whoever takes gets the error. */
  fail(error: unknown): void {
    this.#end = { error };
    this.#pieces = [];
    this.#heldBytes = 0;
    this.#wake.resolve();
  }

  /** The pieces as they come. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) {
        this.#heldBytes -= piece.length;
        this.#onTaken(piece.length);
        yield piece;
      } else if (this.#end) {
        if ("error" in this.#end) throw this.#end.error;
        return;
      } else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }
}
