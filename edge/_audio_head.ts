/**
 * A look at the first bytes of sound that comes in pieces, before anything is made of them.
 *
 * @module
 */

/** As many of the first bytes as tell most formats. */
const HEAD_BYTES = 512;

/**
 * The same bytes, the first of them together.
 *
 * @param check gets the first 512 bytes, or all where there are fewer, and throws where they will not do.
 */
export async function* checkedPieces(
  pieces: AsyncIterable<Uint8Array>,
  check: (head: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let head: Uint8Array = new Uint8Array(0);
  let isChecked = false;
  for await (const piece of pieces) {
    if (isChecked) {
      yield piece;
      continue;
    }
    head = joined(head, piece);
    if (head.length < HEAD_BYTES) continue;
    check(head);
    isChecked = true;
    yield head;
  }
  if (isChecked) return;
  check(head);
  yield head;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
