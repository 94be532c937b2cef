/**
 * Starts the service for hosts that run a program, such as Deno Deploy; an interrupt lets it finish first.
 *
 * @module
 */
import server from "./server.ts";

await server.run();
