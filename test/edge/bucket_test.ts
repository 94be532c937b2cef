/**
 * A bundle for Cloudflare Workers whose weights are in a bucket (R2) or a namespace (KV), on miniflare, which has both
 * as Cloudflare's own code.
 *
 * @module
 */
import { equal, match } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { withFolder } from "../commands/_command_line.ts";
import { assertNear } from "../compare.ts";
import { useDevice } from "../../src/devices.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";
import { whileRunning } from "./_processes.ts";
import { runtime, runtimePackage } from "./_runtimes.ts";

const NODE = runtime("node");
const MINIFLARE = runtimePackage("miniflare");
const SCRIPT = new URL("_miniflare.mjs", import.meta.url).pathname;
const CLIP = encodeWav(tone(4_000), 8_000);

/** Posts a clip to a bundle whose weights are kept so; the answer, and what was logged. */
async function askedWith(
  bundle: string,
  kind: "r2" | "kv",
  state: "right" | "changed" | "missing" = "right",
): Promise<{ status: number; answer: unknown; log: string }> {
  const lines: string[] = [];
  let asked = { status: 0, answer: undefined as unknown };
  const args = [SCRIPT, MINIFLARE.path, bundle, kind, state];
  const onLine = (line: string) => void lines.push(line);
  await whileRunning({ program: NODE.path, args, cwd: bundle, onLine }, async (url) => {
    const response = await fetch(url, { method: "POST", body: CLIP.slice() });
    asked = { status: response.status, answer: await response.json() };
  });
  return { ...asked, log: lines.join("\n") };
}

Deno.test({
  name: `a Worker takes its weights of a bucket, and none that were changed${MINIFLARE.skipped}`,
  ignore: NODE.isMissing || MINIFLARE.isMissing,
  fn: () =>
    withFolder(async (folder) => {
      const device = await useDevice({ backend: "wasm", threads: 1 });
      await saveTinyModel(`${folder}/model`);
      const classifier = await pipeline("audio-classification", `${folder}/model`);
      const expected = await classifier(CLIP);
      classifier.dispose();
      device.dispose();
      const output = `${folder}/worker`;
      await bundle({
        ...{ model: `${folder}/model`, output, target: "cloudflare" },
        maxScriptBytes: (await Deno.stat(`${folder}/model/model.safetensors`)).size - 1,
      });
      for (const kind of ["r2", "kv"] as const) {
        const { status, answer } = await askedWith(output, kind);
        equal(status, 200);
        assertNear(answer, expected);
        const missing = await askedWith(output, kind, "missing");
        equal(missing.status, 503);
        match(missing.log, /Cannot fetch \\"model\/model.safetensors\\": expected it by binding/);
      }
      const changed = await askedWith(output, "r2", "changed");
      equal(changed.status, 503);
      match(
        changed.log,
        /Cannot use \\"model\/model.safetensors\\": expected \d+ bytes of SHA-256/,
      );
    }),
});
