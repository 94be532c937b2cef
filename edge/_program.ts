/**
 * The life of a program that runs the service: it takes requests, and ends when it is asked to.
 *
 * @module
 */
import type { Address, HostProgram, Listening } from "./host.ts";
import { endService } from "./ending.ts";
import { reasonOf } from "./_failure.ts";
import { listenFailure } from "./listen_failure.ts";
import type { App } from "./mod.ts";
import { DEFAULT_SETTINGS, type ServiceSettings } from "./settings.ts";

/** What a shell gives for a program that was interrupted. */
const INTERRUPTED = 130;

/** Takes requests until a signal; what was taken is answered then, and the threads of inference ended. */
export async function runProgram(
  app: App,
  program: HostProgram,
  settings: ServiceSettings,
): Promise<void> {
  await loaded(app, program);
  const running = await listening(app, program, settings);
  if (running.url) console.log(`Listening on ${running.url}`);
  endBySignals(app, { program, running, settings });
}

/** What was taken is answered after the first signal to end; a second one ends the process at once. */
export function endBySignals(
  app: Pick<App, "close">,
  { program, running, settings }: {
    program: Pick<HostProgram, "onSignal" | "exit">;
    running: Listening;
    settings: ServiceSettings;
  },
): void {
  const { shutdownSeconds = DEFAULT_SETTINGS.shutdownSeconds! } = settings;
  let isEnding = false;
  program.onSignal(async () => {
    // Who asks twice does not want to wait.
    if (isEnding) return program.exit(INTERRUPTED);
    isEnding = true;
    await endService(app, () => running.shutdown(), shutdownSeconds);
    program.exit(0);
  });
}

/** A model that cannot be loaded ends the program, in one line. */
async function loaded(app: App, program: HostProgram): Promise<void> {
  try {
    await app.load();
  } catch (error) {
    console.error(reasonOf(error));
    program.exit(1);
    throw error;
  }
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
