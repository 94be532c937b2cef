/**
 * What the service counts and says of itself, against what its clients counted.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createApp } from "../../edge/mod.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { tone } from "../tiny_model.ts";
import { serveCommand, whileRunning } from "./_processes.ts";
import { CLIP, fakeClassifier, fakeDetector, post } from "./_served.ts";

const MODEL = "models/voice_menu";
const ONE_SECOND = encodeWav(tone(8_000), 8_000).slice();

/** The figures of `/metrics` by name and labels. */
async function figures(response: Response): Promise<Record<string, number>> {
  equal(response.headers.get("content-type"), "text/plain; version=0.0.4");
  const lines = (await response.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  return Object.fromEntries(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

function requestsIn(found: Record<string, number>): Record<string, number> {
  const entries = Object.entries(found).filter(([name]) => name.includes("requests_total"));
  return Object.fromEntries(entries.map(([name, count]) => [name.replace(/.*{/, "{"), count]));
}

Deno.test("serve's /metrics adds up to what its clients counted", async () => {
  await whileRunning(serveCommand(MODEL, ["--port", "0"]), async (url) => {
    const counted: Record<string, number> = {};
    const ask = async (path: string, route: string, init: RequestInit = {}) => {
      const response = await fetch(url + path, init);
      await response.body?.cancel();
      const labels = `{route="${route}",status="${response.status}"}`;
      counted[labels] = (counted[labels] ?? 0) + 1;
    };
    const clip = { method: "POST", body: ONE_SECOND };
    await Promise.all(Array.from({ length: 40 }, () => ask("", "/", clip)));
    await ask("detect?window_seconds=1", "/detect", clip);
    for (const path of ["livez", "readyz", "healthz", "health"]) await ask(path, `/${path}`);
    await ask("?top_k=0", "/", clip);
    await ask("none", "other");
    await ask("heads", "/heads");
    for (const name of ["a", "b"]) await ask(`heads/${name}`, "/heads/NAME", { method: "DELETE" });
    await ask("heads/a/examples?label=x", "/heads/NAME/examples", { method: "POST" });
    await ask("", "/", { method: "PUT" });
    await ask("metrics", "/metrics");
    const found = await figures(await fetch(`${url}metrics`));
    deepEqual(requestsIn(found), counted);
    const classified = counted['{route="/",status="200"}']!;
    equal(found.earshot_audio_seconds_total, classified + 1);
    ok(found.earshot_computing_seconds_total! > 0);
    ok(found.earshot_decoding_seconds_total! > 0);
    ok(found.earshot_waiting_seconds_total! > 0);
    ok(found.process_resident_memory_bytes! > 2 ** 24);
    equal(found.earshot_queue_length, 0);
    equal(found.earshot_bodies_in_flight, 0);
    equal(found.earshot_bodies_bytes, 0);
    equal(found.earshot_model_ready, 1);
  });
});

Deno.test("createApp() counts what is in hand while it is", async () => {
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const app = createApp(
    fakeClassifier([], () => {
      begun.resolve();
      return done;
    }),
    { maxPending: 1 },
  );
  const ask = (path: string) => app.fetch(new Request(`http://localhost/${path}`));
  await ask("readyz");
  const status = async () => (await (await ask("readyz")).json()).status;
  equal(await status(), "ready");
  const answer = app.fetch(post(CLIP));
  const { promise: sent, resolve: send } = Promise.withResolvers<void>();
  const slow = new ReadableStream({ pull: (controller) => sent.then(() => controller.close()) });
  const empty = app.fetch(post(slow));
  await begun.promise;
  const found = await figures(await ask("metrics"));
  deepEqual([found.earshot_queue_length, found.earshot_queue_limit], [1, 1]);
  equal(found.earshot_bodies_in_flight, 1);
  equal(found.earshot_bodies_bytes, CLIP.length);
  const full = await ask("readyz");
  deepEqual([full.status, full.headers.get("retry-after")], [503, "1"]);
  deepEqual(await full.json(), { status: "full" });
  finish();
  equal((await answer).status, 200);
  equal(await status(), "ready");
  // A body that came while the place was taken would be refused unseen.
  send();
  equal((await empty).status, 400);
});

Deno.test("createApp() is ready from the model's loading to its own end", async () => {
  const { promise: loaded, resolve: load } = Promise.withResolvers<void>();
  const app = createApp(() => loaded.then(() => fakeDetector()));
  const ask = async (path: string) => {
    const response = await app.fetch(new Request(`http://localhost/${path}`));
    return [response.status, await response.json()];
  };
  deepEqual(await ask("readyz"), [503, { status: "starting" }]);
  deepEqual(await ask("livez"), [200, { status: "alive" }]);
  deepEqual(await ask("health"), [503, { status: "loading" }]);
  load();
  await app.fetch(post(CLIP));
  deepEqual(await ask("readyz"), [200, { status: "ready" }]);
  deepEqual(await ask("health"), await ask("healthz"));
  await app.close();
  deepEqual(await ask("readyz"), [503, { status: "ending" }]);
  deepEqual(await ask("livez"), [200, { status: "alive" }]);
});

Deno.test("serve answers a recording that is cut off, with the warning of predict", async () => {
  await whileRunning(serveCommand(MODEL, ["--port", "0"]), async (url) => {
    const body = ONE_SECOND.slice(0, 12_000);
    const response = await fetch(url, { method: "POST", body });
    await response.body?.cancel();
    equal(response.status, 200);
    match(response.headers.get("x-earshot-warning")!, /^Odd audio: /);
    const whole = await fetch(url, { method: "POST", body: ONE_SECOND });
    await whole.body?.cancel();
    equal(whole.headers.get("x-earshot-warning"), null);
  });
});
