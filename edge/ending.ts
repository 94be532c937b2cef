/**
 * How a service ends: what it has taken is answered, the rest refused, within a time that is stated.
 *
 * @module
 */
import type { App } from "./mod.ts";

/**
 * Ends a service.
 *
 * @param app refuses what comes now with status 503, and answers what it has.
 * @param shutdown takes no more connections; resolves when none is left.
 * @param withinSeconds a client that does not finish is not waited for longer.
 */
export async function endService(
  app: Pick<App, "close">,
  shutdown: () => Promise<void>,
  withinSeconds: number,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, withinSeconds * 1_000));
  await Promise.race([app.close().then(shutdown), late]);
  clearTimeout(timer);
}
