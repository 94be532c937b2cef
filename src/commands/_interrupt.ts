/**
 * Ctrl-C as a signal that lets a command finish what it has begun.
 *
 * @module
 */

/** A terminal's Ctrl-C may come twice: from the terminal itself, and through `deno task`. */
const SAME_PRESS_MS = 300;

/** What a shell calls a process that a signal has ended: 128 and the number of the signal. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Why a command was to end, as the reason of the aborted signal. */
export class Interruption extends DOMException {
  /** The exit code that says so. */
  readonly exitCode: number;

  /** @param exitCode what the process is to end with. */
  constructor(exitCode: number) {
    super("Interrupted", "AbortError");
    this.exitCode = exitCode;
  }
}

/**
 * Aborts at the first Ctrl-C, or when the process is asked to end, with an {@linkcode Interruption}; a second Ctrl-C ends
 * it at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  let pressedAt: number | undefined;
  const interrupt = (exitCode: number) => () => {
    const now = performance.now();
    if (pressedAt !== undefined && now - pressedAt > SAME_PRESS_MS) Deno.exit(exitCode);
    pressedAt ??= now;
    controller.abort(new Interruption(exitCode));
  };
  Deno.addSignalListener("SIGINT", interrupt(EXIT_CODES.SIGINT));
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", interrupt(EXIT_CODES.SIGTERM));
  }
  return controller.signal;
}

/** What a command ends with that its signal has interrupted. */
export function interruptedCode({ reason }: AbortSignal): number {
  return reason instanceof Interruption ? reason.exitCode : EXIT_CODES.SIGINT;
}
