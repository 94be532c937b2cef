/**
 * The life of a program that runs the service: it takes requests, and ends when it is asked to.
 *
 * @module
 */
import type { Address, HostProgram, Listening } from "./host.ts";
import { listenFailure } from "./listen_failure.ts";
import type { App } from "./mod.ts";

/** Takes requests until a signal; what was taken is answered then, and the thread of inference ended. */
export async function runProgram(
  app: App,
  program: HostProgram,
  address: Address,
): Promise<void> {
  const running = await listening(app, program, address);
  if (running.url) console.log(`Listening on ${running.url}`);
  program.onSignal(async () => {
    await app.close();
    await running.shutdown();
    program.exit(0);
  });
}

async function listening(
  app: App,
  program: HostProgram,
  address: Address,
): Promise<Listening> {
  try {
    return await program.listen(app.fetch, address);
  } catch (error) {
    const failure = listenFailure(error, address);
    if (!failure) throw error;
    console.error(failure.message);
    program.exit(1);
    throw failure;
  }
}
