/**
 * Starts the service for hosts that run a program, such as Deno Deploy; an interrupt lets it finish first.
 *
 * @module
 */
import server from "./server.ts";

const running = Deno.serve(server.fetch);
const end = () => server.close().then(() => running.shutdown());
Deno.addSignalListener("SIGINT", end);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", end);
