/**
 * The page, served for a classifier that needs no model.
 *
 * @module
 */
import { createApp, upgradeOnDeno } from "../../../edge/mod.ts";
import { serviceDocuments } from "../../../src/commands/_service_documents.ts";
import { fakeDetector } from "../_served.ts";

/** Serves a page for a classifier that answers by loudness. */
export async function whileServed(
  use: (url: string) => Promise<void>,
  options: { ui?: boolean } = { ui: true },
): Promise<void> {
  const documents = serviceDocuments({ hasHeads: false, hasPage: true });
  const app = createApp(fakeDetector(), {
    ...options,
    documents,
    upgradeWebSocket: upgradeOnDeno,
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, app.fetch);
  try {
    await use(`http://127.0.0.1:${server.addr.port}/`);
  } finally {
    await app.close();
    await server.shutdown();
  }
}
