/**
 * The life of a program that runs the service: it takes requests, and ends when it is asked to.
 *
 * @module
 */
import type { Address, HostProgram } from "./host.ts";
import type { App } from "./mod.ts";

/** Takes requests until a signal; what was taken is answered then, and the thread of inference ended. */
export async function runProgram(
  app: App,
  program: HostProgram,
  address: Address,
): Promise<void> {
  const running = await program.listen(app.fetch, address);
  if (running.url) console.log(`Listening on ${running.url}`);
  program.onSignal(async () => {
    await app.close();
    await running.shutdown();
    program.exit(0);
  });
}
