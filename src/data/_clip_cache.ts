/**
 * Decoded clips kept in memory, up to a limit.
 *
 * What came first stays: an epoch goes once through all clips, and there a cache that drops the
 * oldest would hold none of them when they come round again.
 *
 * @module
 */

/** Samples by clip number, no more than fit. */
export class ClipCache {
  readonly #clips = new Map<number, Float32Array>();
  #freeBytes: number;

  /** @param limitBytes most memory that the samples take. */
  constructor(limitBytes: number) {
    this.#freeBytes = limitBytes;
  }

  /** The samples of a clip, where they are kept. */
  get(index: number): Float32Array | undefined {
    return this.#clips.get(index);
  }

  /** Keeps the samples of a clip where there is room for them. */
  add(index: number, samples: Float32Array): void {
    if (this.#clips.has(index) || samples.byteLength > this.#freeBytes) return;
    this.#clips.set(index, samples);
    this.#freeBytes -= samples.byteLength;
  }
}
