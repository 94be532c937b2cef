/**
 * Pieces of files that were read and taken apart, kept up to a limit; the oldest use goes first.
 *
 * @module
 */

/** Keeps what was read last. */
export class ChunkCache {
  readonly #chunks = new Map<string, { value: Promise<unknown>; bytes: number }>();
  readonly #limitBytes: number;
  #bytes = 0;

  /** @param limitBytes most memory that is kept; the latest chunk stays, however large. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The chunk of this key, read where it is not kept; one that fails is not kept. */
  get<T>(key: string, bytes: number, read: () => Promise<T>): Promise<T> {
    const known = this.#chunks.get(key);
    if (known !== undefined) {
      this.#chunks.delete(key);
      this.#chunks.set(key, known);
      return known.value as Promise<T>;
    }
    const value = read();
    value.catch(() => this.#drop(key));
    this.#chunks.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#chunks.keys()) {
      if (this.#bytes <= this.#limitBytes || oldest === key) break;
      this.#drop(oldest);
    }
    return value;
  }

  #drop(key: string): void {
    this.#bytes -= this.#chunks.get(key)?.bytes ?? 0;
    this.#chunks.delete(key);
  }
}
