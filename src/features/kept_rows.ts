/**
 * What windows of one recording have in common, kept while windows may still need it.
 *
 * A row is what was computed of the samples from one place of the recording on, and of nothing else. Windows come in
 * the order of their starts, so that what begins before one is needed by none that follows: no more is held than the
 * rows of the windows that overlap.
 *
 * @module
 */

/** Rows of numbers of one length, each by the number of its first sample. */
export class KeptRows {
  readonly #rows = new Map<number, Float32Array>();
  /** Those of rows that were forgotten, to be written again. */
  readonly #spare: Float32Array[] = [];

  /** How many there are. */
  get size(): number {
    return this.#rows.size;
  }

  /** The row that begins with a sample, where it is kept; to be read only. */
  get(start: number): Float32Array | undefined {
    return this.#rows.get(start);
  }

  /** Keeps a copy of a row. */
  set(start: number, row: Float32Array): void {
    const copy = this.#spare.pop() ?? new Float32Array(row.length);
    copy.set(row);
    this.#rows.set(start, copy);
  }

  /** Gives up the rows that begin before a sample. */
  forgetBefore(sample: number): void {
    for (const [start, row] of this.#rows) {
      if (start >= sample) continue;
      this.#rows.delete(start);
      this.#spare.push(row);
    }
  }
}
