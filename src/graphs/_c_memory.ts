/**
 * Where the tensors of a pass lie in one block of memory: each from the call that makes it to the last that reads it.
 *
 * @module
 */

/** A tensor that is made: its numbers, and the calls from and up to which it is needed. */
export interface Span {
  id: number;
  size: number;
  from: number;
  to: number;
}

/** Where each tensor begins, and the numbers of the whole block. */
export interface Layout {
  offsets: ReadonlyMap<number, number>;
  size: number;
}

/** Puts the largest first, each at the lowest place that is free in all its time. */
export function layOut(spans: readonly Span[]): Layout {
  const placed: (Span & { offset: number })[] = [];
  for (const span of spans.toSorted((a, b) => b.size - a.size)) {
    const beside = placed
      .filter(({ from, to }) => from <= span.to && to >= span.from)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of beside) {
      if (offset + span.size <= other.offset) break;
      offset = Math.max(offset, other.offset + other.size);
    }
    placed.push({ ...span, offset });
  }
  return {
    offsets: new Map(placed.map(({ id, offset }) => [id, offset])),
    size: placed.reduce((most, { offset, size }) => Math.max(most, offset + size), 0),
  };
}
