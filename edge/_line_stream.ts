/**
 * An answer that grows: lines of JSON, each on its way as soon as it is known.
 *
 * @module
 */

/** How far the lines may run ahead of the client. */
const AHEAD_BYTES = 2 ** 16;

/** Lines of JSON as the body of an answer. */
export class LineStream {
  /** The body. */
  readonly body: ReadableStream<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #first = Promise.withResolvers<void>();
  #pulled = Promise.withResolvers<void>();
  #isOpen = true;

  /** @param onGone hears that the client reads no more. */
  constructor(onGone: () => void) {
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => {
        this.#pulled.resolve();
        this.#pulled = Promise.withResolvers();
      },
      cancel: () => {
        this.#isOpen = false;
        this.#pulled.resolve();
        onGone();
      },
    }, { highWaterMark: AHEAD_BYTES, size: (line) => line.length });
  }

  /** Resolves with the first line. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  /** Bytes that were written and not read. */
  get waitingBytes(): number {
    return AHEAD_BYTES - (this.#controller.desiredSize ?? AHEAD_BYTES);
  }

  /** Adds a line. */
  write(value: unknown): void {
    if (!this.#isOpen) return;
    this.#controller.enqueue(this.#encoder.encode(`${JSON.stringify(value)}\n`));
    this.#first.resolve();
  }

  /** Resolves when the client has read what went before, but for a little. */
  async room(): Promise<void> {
    while (this.#isOpen && (this.#controller.desiredSize ?? 0) <= 0) await this.#pulled.promise;
  }

  /** Ends the answer. */
  end(): void {
    if (this.#isOpen) this.#controller.close();
    this.#isOpen = false;
  }
}
