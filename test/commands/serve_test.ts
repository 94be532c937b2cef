import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { encodeWav } from "../../src/audio/mod.ts";
import { type Classification, pipeline } from "../../src/classify/pipeline.ts";
import { serve } from "../../src/commands/serve.ts";
import { useDevice } from "../../src/devices.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";

const CLIP = encodeWav(tone(2_000), 8_000).slice();

/** Serves the tiny model while `use` runs. */
async function whileServing(
  use: (url: string, end: () => void, model: string) => Promise<void>,
): Promise<string[]> {
  await useDevice({ backend: "wasm" });
  const model = `${await Deno.makeTempDir()}/model`;
  await saveTinyModel(model);
  const controller = new AbortController();
  const lines: string[] = [];
  const { promise: listening, resolve: onListen } = Promise.withResolvers<number>();
  const log = (line: string) => void lines.push(line);
  const served = serve({ model, settings: { port: 0 }, signal: controller.signal, log, onListen });
  const end = () => controller.abort();
  try {
    await use(`http://127.0.0.1:${await listening}/`, end, model);
  } finally {
    end();
    await served;
    await Deno.remove(`${model}/..`, { recursive: true });
  }
  return lines;
}

Deno.test("serve() answers with the pipeline's scores, and says where it listens", async () => {
  let place = "";
  const lines = await whileServing(async (url, _end, model) => {
    place = url;
    const response = await fetch(`${url}?top_k=2`, { method: "POST", body: CLIP });
    const answer: Classification[] = await response.json();
    equal(answer.length, 2);
    const classifier = await pipeline("audio-classification", model);
    deepEqual(answer, await classifier(CLIP, { topK: 2 }));
    classifier.dispose();
    const health = await fetch(`${url}healthz`);
    deepEqual([health.status, await health.json()], [200, { status: "ready", thread: "own" }]);
  });
  match(lines[0]!, /^Device: .+ \(.+\)$/);
  match(lines[1]!, /^Serving .*model on http:\/\/127\.0\.0\.1:\d+\/$/);
  equal(lines[2], `  curl --data-binary @clip.wav "${place}?top_k=3"`);
  deepEqual(lines.slice(3), [`  ${place}ui is a page to speak to`]);
});

Deno.test("serve() answers others while it computes a long clip", async () => {
  await whileServing(async (url) => {
    const long = encodeWav(tone(59 * 8_000), 8_000).slice();
    let isAnswered = false;
    const clip = fetch(url, { method: "POST", body: long }).then(async (response) => {
      isAnswered = true;
      equal(response.status, 200);
      await response.body?.cancel();
    });
    let answered = 0;
    for (; !isAnswered; answered++) {
      const health = await fetch(`${url}healthz`);
      await health.body?.cancel();
    }
    await clip;
    // A service that computes in its own thread answers some before and after.
    ok(answered > 50, `${answered} answers`);
  });
});

Deno.test("serve() answers what it has in hand before it ends", async () => {
  await whileServing(async (url, end) => {
    const answers = Array.from({ length: 3 }, () => fetch(url, { method: "POST", body: CLIP }));
    await fetch(`${url}healthz`).then((response) => response.body?.cancel());
    end();
    for (const answer of answers) {
      const response = await answer;
      equal(response.status, 200);
      await response.body?.cancel();
    }
    await rejects(fetch(url));
  });
});

Deno.test("serve() says so where the port is taken or the model is not there", async () => {
  await whileServing(async (url) => {
    const model = Deno.makeTempDirSync();
    await saveTinyModel(model);
    await rejects(serve({ model, settings: { port: Number(new URL(url).port) } }), (error) => {
      ok(error instanceof RangeError);
      match(error.message, /^Cannot listen on port \d+: expected a free one, found it in use$/);
      equal((error as { hint?: string }).hint, "Name another one with --port");
      return true;
    });
    await Deno.remove(model, { recursive: true });
    await rejects(
      serve({ model, settings: { port: 0 } }),
      /expected a model directory, found nothing/,
    );
  });
});

Deno.test("serve loads no model code into the thread that takes requests", async () => {
  const serve = new URL("../../src/commands/serve.ts", import.meta.url);
  const code = `await import("${serve}"); console.log("_tfengine" in globalThis);`;
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const command = new Deno.Command(Deno.execPath(), { args: ["eval", "--config", config, code] });
  const { stdout } = await command.output();
  equal(new TextDecoder().decode(stdout), "false\n");
});
