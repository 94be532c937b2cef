/**
 * Ctrl-C as a signal that lets a command finish what it has begun.
 *
 * @module
 */

/** A terminal's Ctrl-C may come twice: from the terminal itself, and through `deno task`. */
const SAME_PRESS_MS = 300;

/** Aborts at the first Ctrl-C, or when the process is asked to end; a second Ctrl-C ends it at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  let pressedAt: number | undefined;
  const interrupt = () => {
    const now = performance.now();
    if (pressedAt !== undefined && now - pressedAt > SAME_PRESS_MS) Deno.exit(1);
    pressedAt ??= now;
    controller.abort();
  };
  Deno.addSignalListener("SIGINT", interrupt);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", interrupt);
  return controller.signal;
}
