/**
 * Several models in one service.
 *
 * @module
 */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { createModelsApp } from "../../edge/mod.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import { useDevice } from "../../src/devices.ts";
import { cli, withFolder } from "../commands/_command_line.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";
import { serveCommand, whileRunning } from "./_processes.ts";
import { CLIP as SHORT, fakeClassifier, post } from "./_served.ts";

const MODEL = "models/voice_menu";
const CLIP = encodeWav(tone(8_000), 8_000).slice();

async function predicted(model: string) {
  const classifier = await pipeline("audio-classification", model);
  const found = await classifier(CLIP, { topK: 2 });
  classifier.dispose();
  return found;
}

Deno.test("serve answers by several models, each below its name, and counts them apart", async () => {
  await useDevice({ backend: "wasm" });
  await withFolder(async (folder) => {
    const tiny = `${folder}/models/acme/tiny`;
    await Deno.mkdir(tiny, { recursive: true });
    await saveTinyModel(tiny);
    const expected = { menu: await predicted(MODEL), tiny: await predicted(tiny) };
    const args = ["--model", `menu=${MODEL}`, "--models", `${folder}/models`, "--port", "0"];
    const command = serveCommand(MODEL, args);
    const at = command.args.indexOf("--model");
    const all = { ...command, args: command.args.toSpliced(at, 2) };
    await whileRunning(all, async (url) => {
      const ask = async (path: string) => {
        const answer = await fetch(`${url}${path}?top_k=2`, { method: "POST", body: CLIP });
        return [answer.status, await answer.json()];
      };
      // Before anything else is asked.
      for (const path of ["readyz", "models/menu/readyz", "models/acme/tiny/healthz"]) {
        const probe = await fetch(url + path);
        await probe.body?.cancel();
        equal(probe.status, 200, path);
      }
      // What `--models` has comes first, and answers without a name.
      deepEqual(await ask(""), [200, expected.tiny]);
      deepEqual(await ask("models/acme/tiny"), [200, expected.tiny]);
      deepEqual(await ask("v1/models/menu/"), [200, expected.menu]);
      deepEqual(await ask("models/menu/v1"), [200, expected.menu]);
      for (const path of ["models/acme/none", "models/acme", "models/menus"]) {
        const [status, { error }] = await ask(path);
        equal(status, 404, path);
        match(error, /expected a model that GET \/models lists$/);
      }
      const { models } = await (await fetch(`${url}models`)).json();
      deepEqual(
        models.map(({ name, ready }: { name: string; ready: boolean }) => [name, ready]),
        [["acme/tiny", true], ["menu", true]],
      );
      const lines = await fetch(`${url}models/menu/detect`, { method: "POST", body: CLIP });
      equal(lines.status, 200);
      await lines.body?.cancel();
      const { example } = await (await fetch(`${url}models/menu`)).json();
      match(example, /\/models\/menu\/\?top_k=3"$/);
      const metrics = await (await fetch(`${url}metrics`)).text();
      const answered = (model: string) =>
        metrics.match(
          new RegExp(
            `^earshot_requests_total\\{model="${model}",route="/",status="200"\\} (\\d+)`,
            "m",
          ),
        )?.[1];
      deepEqual([answered("acme/tiny"), answered("menu")], ["2", "3"]);
      equal(metrics.match(/^process_resident_memory_bytes/gm)!.length, 1);
      equal(metrics.match(/^# TYPE earshot_queue_length/gm)!.length, 1);
      equal(metrics.match(/^earshot_queue_length\{model=/gm)!.length, 2);
      const { paths } = await (await fetch(`${url}openapi.json`)).json();
      ok("/models/acme/tiny/detect" in paths);
    });
  });
});

Deno.test("serve refuses two models of one name, and a folder without any", async () => {
  const twice = await cli(["serve", "--model", MODEL, "--model", MODEL]);
  equal(twice.code, 2);
  match(twice.stderr, /^Cannot serve two models of the name "voice_menu": .*\n- Give one another/);
  await withFolder(async (folder) => {
    const { code, stderr } = await cli(["serve", "--models", folder]);
    equal(code, 1);
    match(stderr, /^Cannot serve ".*": expected folders with a config.json, found none/);
  });
});

Deno.test("createModelsApp() is as ready as the last of its models, and asks one key for all", async () => {
  const loading = Promise.withResolvers<ReturnType<typeof fakeClassifier>>();
  const key = "a-key-of-more-than-16";
  const models = { a: fakeClassifier(), "b/c": () => loading.promise };
  const app = createModelsApp(models, { apiKeys: [key] });
  const ask = async (path: string, headers: HeadersInit = {}) => {
    const answer = await app.fetch(new Request(`http://localhost/${path}`, { headers }));
    return [answer.status, answer.headers.get("content-type")?.startsWith("text/plain") ?? false];
  };
  const known = { "x-api-key": key };
  await ask("readyz");
  deepEqual(await ask("readyz"), [503, false]);
  loading.resolve(fakeClassifier());
  await loading.promise;
  await app.fetch(post(SHORT));
  deepEqual(await ask("readyz"), [200, false]);
  for (const path of ["metrics", "models", "models/b/c", ""]) {
    equal((await ask(path))[0], 401, path);
    deepEqual(await ask(path, known), [200, path === "metrics"], path);
  }
  await app.close();
  deepEqual(await ask("readyz"), [503, false]);
});

Deno.test("createModelsApp() refuses names that no address has, and none at all", () => {
  throws(() => createModelsApp({}), /expected one, found none/);
  for (const name of ["", "a/b/c", "../a", "a b", "-a"]) {
    throws(() => createModelsApp({ [name]: fakeClassifier() }), RangeError, name);
  }
});

Deno.test("limits are those of all models together", async () => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const slow = Object.assign(async () => {
    begun.resolve();
    await release.promise;
    return [];
  }, { labels: ["a"] });
  const app = createModelsApp({ slow, other: fakeClassifier() }, { maxPending: 1, rateLimit: 4 });
  const statusOf = async (request: Request) => (await app.fetch(request)).status;
  const to = (name: string) => post(SHORT, "audio/wav", `models/${name}`);
  const first = statusOf(to("slow"));
  await begun.promise;
  equal(await statusOf(to("other")), 503);
  release.resolve();
  equal(await first, 200);
  equal(await statusOf(to("other")), 200);
  equal(await statusOf(to("slow")), 200);
  // The client has asked four times, whichever model it was.
  equal(await statusOf(to("other")), 429);
});
