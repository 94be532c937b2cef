/**
 * The ways in which a thread of inference breaks.
 *
 * @module
 */

/** The byte that asks for each. */
export const BREAKS = { trap: 1, memory: 2, hang: 3 } as const;

/** A module whose one function is `unreachable`. */
const TRAP = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0],
  ...[7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11],
);

/**
 * Breaks this thread as a byte asks for; any other byte does nothing.
 *
 * @param hangMs how long it hangs: longer than anyone waits, and not for ever, since Deno does not stop a thread that
 * never comes back.
 */
export function breakBy(byte: number | undefined, hangMs: number): void {
  if (byte === BREAKS.trap) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(TRAP));
    (exports.f as () => void)();
  } else if (byte === BREAKS.memory) {
    void new Float64Array(2 ** 33);
  } else if (byte === BREAKS.hang) {
    const end = performance.now() + hangMs;
    while (performance.now() < end);
  }
}
