/**
 * The service under load, as processes of its own: what the runtime does between two jobs shows nowhere else.
 *
 * @module
 */
import { deepEqual } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { withFolder } from "../commands/_command_line.ts";
import { tone } from "../tiny_model.ts";
import { BUNDLE_COMMANDS, serveCommand, type ServiceCommand, whileRunning } from "./_processes.ts";

const MODEL = "models/voice_menu";
const CLIP = encodeWav(tone(8_000), 8_000).slice();

/** Posts a clip that often at once; the statuses of the answers, each once. */
async function statusesOf(url: string, requests: number): Promise<number[]> {
  const statuses = new Set<number>();
  await Promise.all(Array.from({ length: requests }, async () => {
    const response = await fetch(url, { method: "POST", body: CLIP });
    await response.body?.cancel();
    statuses.add(response.status);
  }));
  return [...statuses].sort();
}

async function turnsSomeAway(command: ServiceCommand): Promise<void> {
  await whileRunning(command, async (url) => {
    deepEqual(await statusesOf(url, 1), [200]);
    deepEqual(await statusesOf(url, 200), [200, 503]);
    deepEqual(await statusesOf(url, 1), [200]);
  });
}

Deno.test("serve turns requests away when more come than it has places", async () => {
  await turnsSomeAway(serveCommand(MODEL, ["--port", "0"]));
});

Deno.test("a bundle turns requests away when more come than it has places", async () => {
  await withFolder(async (folder) => {
    await bundle({ model: MODEL, output: `${folder}/bundle` });
    for (const args of BUNDLE_COMMANDS) {
      await turnsSomeAway({ args, cwd: `${folder}/bundle` });
    }
  });
});
