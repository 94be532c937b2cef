/**
 * A model that is larger than a script of Cloudflare Workers: its files from outside, compared with their hashes, within
 * the memory that there is.
 *
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { useDevice } from "../../src/devices.ts";
import { Wav2Vec2FeatureExtractor } from "../../src/features/mod.ts";
import { buildModel } from "../../src/models/mod.ts";
import { savePretrained } from "../../src/pretrained.ts";
import { PRESETS } from "../../src/train/options/presets.ts";
import { withFolder } from "../commands/_command_line.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";
import { whileRunning } from "./_processes.ts";
import { runtime } from "./_runtimes.ts";
import { emptyWorkerCommand, workerdCommand } from "./_workerd.ts";

const WORKERD = runtime("workerd");
const RATE = 16_000;
const ISOLATE_BYTES = 128 * 2 ** 20;

/** A place that has the files of a bundle, and notes what is asked for. */
interface Store extends AsyncDisposable {
  port: number;
  asked: string[];
}

function storeOf(folder: string, change: (bytes: Uint8Array) => void = () => {}): Store {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    asked.push(name);
    const bytes = Deno.readFileSync(`${folder}/${name}`);
    change(bytes);
    return new Response(bytes);
  });
  const { port } = server.addr;
  return { port, asked, [Symbol.asyncDispose]: () => server.shutdown() };
}

function urlBinding({ port }: Store): string {
  return `(name = "EARSHOT_FILES_URL", text = "http://127.0.0.1:${port}/")`;
}

/** The preset `small` with random weights in 32 bits, which is larger than a script may be. */
async function saveSmallModel(directory: string): Promise<void> {
  const device = await useDevice({ backend: "wasm", threads: 1 });
  const model = await buildModel({ ...PRESETS.small.config }, { seed: 1, labels: ["no", "yes"] });
  await savePretrained(directory, model, new Wav2Vec2FeatureExtractor({ samplingRate: RATE }));
  model.dispose();
  device.dispose();
}

/** The most that a process has taken; what Linux says of others, Deno reads with all rights alone. */
async function residentBytes(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  const status = new TextDecoder().decode(stdout);
  return Number(status.match(/VmHWM:\s+(\d+) kB/)![1]) * 1024;
}

Deno.test({
  name:
    `workerd hears 30 s with "small", whose weights it fetches, within its memory${WORKERD.skipped}`,
  ignore: WORKERD.isMissing,
  fn: () =>
    withFolder(async (folder) => {
      await saveSmallModel(`${folder}/small`);
      const output = `${folder}/worker`;
      await bundle({ model: `${folder}/small`, output, target: "cloudflare" });
      let emptyBytes = 0;
      await whileRunning(await emptyWorkerCommand(WORKERD.path, folder), async (_, { pid }) => {
        emptyBytes = await residentBytes(pid);
      });
      await using store = storeOf(output);
      const command = await workerdCommand(WORKERD.path, output, [urlBinding(store)]);
      await whileRunning(command, async (url, { pid }) => {
        const clip = encodeWav(tone(30 * RATE), RATE);
        const response = await fetch(url, { method: "POST", body: clip.slice() });
        equal(response.status, 200, await response.text());
        const bytes = await residentBytes(pid) - emptyBytes;
        ok(bytes <= ISOLATE_BYTES, `${bytes} of ${ISOLATE_BYTES} bytes`);
      });
      equal(store.asked.join(), "model/model.safetensors");
    }),
});

Deno.test({
  name: `workerd takes weights of a namespace, and none that were changed${WORKERD.skipped}`,
  ignore: WORKERD.isMissing,
  fn: () =>
    withFolder(async (folder) => {
      const device = await useDevice({ backend: "wasm", threads: 1 });
      await saveTinyModel(`${folder}/model`);
      device.dispose();
      const output = `${folder}/worker`;
      await bundle({
        ...{ model: `${folder}/model`, output, target: "cloudflare" },
        maxScriptBytes: 2_000,
      });
      const clip = encodeWav(tone(4_000), 8_000);
      const post = (url: string) => fetch(url, { method: "POST", body: clip.slice() });

      await using sound = storeOf(output);
      const kept = `(name = "EARSHOT_FILES", kvNamespace = "store")`;
      const inside = await workerdCommand(WORKERD.path, output, [kept], sound.port);
      await whileRunning(inside, async (url) => {
        const response = await post(url);
        equal(response.status, 200, await response.text());
      });
      ok(sound.asked.includes("model/model.safetensors"));

      await using changed = storeOf(output, (bytes) => bytes[bytes.length - 1]! ^= 1);
      const lines: string[] = [];
      const outside = await workerdCommand(WORKERD.path, output, [urlBinding(changed)]);
      await whileRunning({ ...outside, onLine: (line) => lines.push(line) }, async (url) => {
        const response = await post(url);
        equal(response.status, 503);
        equal((await response.json()).error, "The model cannot be loaded");
      });
      match(lines.join("\n"), /Cannot use \\"model\/[^"]+\\": expected \d+ bytes of SHA-256/);
    }),
});
