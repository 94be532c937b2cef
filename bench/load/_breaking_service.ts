/**
 * The service on one thread of inference that breaks when it is told to: `_breaking_service.ts MODEL`.
 *
 * @module
 */
import { classifierPool } from "../../edge/classifier_pool.ts";
import { createApp } from "../../edge/mod.ts";
import { webWorker } from "../../edge/web_worker.ts";

const thread = new URL("_breaking_thread.ts", import.meta.url);
const start = webWorker(thread, `breaking ${Deno.args[0]}`);
const app = createApp(() => classifierPool(start));
await app.load();
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`Listening on http://127.0.0.1:${port}/`),
}, app.fetch);
