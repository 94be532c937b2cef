/**
 * Starts the service for hosts that run a program, such as Deno Deploy; an interrupt lets it finish first.
 *
 * @module
 */
import server from "./server.ts";

const running = Deno.serve(server.fetch);

/** Answers what it has taken; the thread of inference would go on otherwise. */
async function end(): Promise<void> {
  await server.close();
  await running.shutdown();
  Deno.exit();
}

Deno.addSignalListener("SIGINT", end);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", end);
