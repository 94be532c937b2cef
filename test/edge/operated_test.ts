/**
 * Keys, the access log and traces, of `serve` and of a bundle as processes of their own.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { createApp } from "../../edge/mod.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { cli, withFolder } from "../commands/_command_line.ts";
import { tone } from "../tiny_model.ts";
import { BUNDLE_COMMANDS, serveCommand, type ServiceCommand, whileRunning } from "./_processes.ts";
import { fakeClassifier, post } from "./_served.ts";
import { StreamClient } from "./_stream_client.ts";

const MODEL = "models/voice_menu";
const CLIP = encodeWav(tone(8_000), 8_000).slice();
const KEYS = ["key-of-the-first-client", "key-of-the-second-client"] as const;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;

async function statusOf(url: string, headers: HeadersInit = {}, init: RequestInit = {}) {
  const response = await fetch(url, { ...init, headers });
  await response.body?.cancel();
  return response.status;
}

async function asksForKeys(command: ServiceCommand): Promise<void> {
  const lines: string[] = [];
  await whileRunning({ ...command, onLine: (line) => void lines.push(line) }, async (url) => {
    const clip = { method: "POST", body: CLIP };
    const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
    for (const key of KEYS) {
      equal(await statusOf(url, bearer(key), clip), 200);
      equal(await statusOf(url, { "x-api-key": key }, clip), 200);
    }
    const wrong: HeadersInit[] = [{}, bearer("x"), bearer(KEYS[0].slice(1)), {
      "x-api-key": KEYS.join(","),
    }];
    for (const headers of wrong) {
      const refused = await fetch(url, { ...clip, headers });
      equal(refused.status, 401);
      equal(refused.headers.get("www-authenticate"), "Bearer");
      match(
        (await refused.json()).error,
        /^Cannot take the request: expected a key of this service/,
      );
    }
    for (const path of ["", "metrics", "heads", "none"]) equal(await statusOf(url + path), 401);
    for (const path of ["livez", "readyz", "healthz", "health", "v1/livez"]) {
      equal(await statusOf(url + path), 200, path);
    }
    equal(await statusOf(`${url}metrics`, bearer(KEYS[1])), 200);
    await asksPagesForKeys(url);
  });
  ok(lines.length > 0);
  const secret = KEYS.flatMap((key) => [key, btoa(key).replaceAll("=", "")]);
  for (const line of lines) ok(!secret.some((text) => line.includes(text)), line);
}

/** A page has nothing but subprotocols to put its key into. */
async function asksPagesForKeys(url: string): Promise<void> {
  const offered = (key: string) => `key.${btoa(key).replaceAll("=", "")}`;
  const page = new StreamClient(url, "?rate=8000", ["earshot", offered(KEYS[1])]);
  await page.ready();
  equal(page.socket.protocol, "earshot");
  page.send({ end: true });
  await page.inbox.closing;
  for (const text of [offered("another-key-than-those"), "key.%", "key."]) {
    await rejects(new StreamClient(url, "?rate=8000", ["earshot", text]).ready(), /closed with/);
  }
}

Deno.test("serve and a bundle ask for a key, and leave probes open", async () => {
  await withFolder(async (folder) => {
    const file = `${folder}/keys`;
    await Deno.writeTextFile(file, `${KEYS.join("\n")}\n`);
    const args = ["--port", "0", "--access-log", "on"];
    await asksForKeys(serveCommand(MODEL, [...args, "--api-keys-file", file]));
    const cwd = `${folder}/bundle`;
    await bundle({ model: MODEL, output: cwd, settings: { accessLog: "on" } });
    const env = { EARSHOT_API_KEYS: KEYS.join(",") };
    const [verb, ...rest] = BUNDLE_COMMANDS[1]!;
    await asksForKeys({ args: [verb!, "--allow-env=EARSHOT_*", ...rest], cwd, env });
    const settings = { accessLog: "on", apiKeysFile: "../keys" };
    await bundle({ model: MODEL, output: cwd, settings, overwrite: true });
    const [first, , ...others] = BUNDLE_COMMANDS[1]!;
    await asksForKeys({ args: [first!, "--allow-read=..", ...others], cwd });
  });
});

Deno.test("a key is given by no flag, is not short, and leaves metrics open where that is chosen", async () => {
  const { code, stderr } = await cli(["serve", "--api-keys", KEYS[0]]);
  deepEqual([code, stderr.includes(KEYS[0])], [2, false]);
  throws(() => createApp(fakeClassifier(), { apiKeys: ["short"] }), /16 or more printable/);
  const app = createApp(fakeClassifier(), { apiKeys: KEYS, openMetrics: true });
  equal((await app.fetch(new Request("http://localhost/metrics"))).status, 200);
  equal((await app.fetch(post("x"))).status, 401);
});

/** Lines of the access log. */
type Line = Record<string, unknown>;

function accessLines(lines: readonly string[]): Line[] {
  return lines.filter((line) => line.startsWith('{"time"')).map((line) => JSON.parse(line));
}

Deno.test("the access log has a line for each request, with what it brought and no more", async () => {
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  const command = serveCommand(MODEL, ["--port", "0", "--access-log", "on"]);
  await whileRunning({ ...command, onLine }, async (url, { end }) => {
    const headers = { traceparent: TRACEPARENT, "x-request-id": "mine" };
    const clip = await fetch(`${url}?top_k=1&secret=x`, { method: "POST", body: CLIP, headers });
    await clip.body?.cancel();
    match(
      clip.headers.get("traceparent")!,
      new RegExp(`^00-${TRACE}-(?!b7ad6b7169203331)\\w{16}-01$`),
    );
    const events = await fetch(`${url}detect`, { method: "POST", body: CLIP });
    await events.text();
    const stream = new StreamClient(url, "?rate=8000");
    await stream.ready();
    stream.send(CLIP.slice(44));
    stream.send({ end: true });
    await stream.inbox.closing;
    equal(await statusOf(`${url}none`, { traceparent: "00-bad" }), 404);
    await end("SIGTERM");
  });
  const found = accessLines(lines);
  deepEqual(found.map(({ method, path, status }) => [method, path, status]), [
    ["POST", "/", 200],
    ["POST", "/detect", 200],
    ["GET", "/stream", 101],
    ["GET", "/none", 404],
  ]);
  deepEqual(found.map(({ audioSeconds }) => audioSeconds), [1, 1, 1, undefined]);
  const [clip, , , none] = found;
  deepEqual([clip!.requestId, clip!.traceId, none!.traceId], ["mine", TRACE, undefined]);
  for (const { time, durationMs, requestId } of found) {
    ok(Date.parse(time as string) > 0 && durationMs as number >= 0);
    ok((requestId as string).length > 0);
  }
  ok(!lines.join().includes("secret"));
});

Deno.test("a sampled access log has few lines, and every failure of the service", async () => {
  const lines: string[] = [];
  let isBroken = false;
  const work = () => isBroken ? Promise.reject(new TypeError("broken")) : Promise.resolve();
  const log = (line: string) => void lines.push(line);
  const app = createApp(fakeClassifier([], work), { accessLog: "sampled", accessLogRate: 0, log });
  const ask = async () => await (await app.fetch(post(CLIP))).body?.cancel();
  for (let i = 0; i < 5; i++) await ask();
  deepEqual(lines, []);
  isBroken = true;
  await ask();
  deepEqual(accessLines(lines).map(({ status }) => status), [500]);
  const all = createApp(fakeClassifier(), { accessLog: "sampled", accessLogRate: 1, log });
  await (await all.fetch(post(CLIP))).body?.cancel();
  deepEqual(accessLines(lines).map(({ status }) => status), [500, 200]);
});

Deno.test("serve and a bundle make spans where OTEL_DENO is set", async () => {
  await withFolder(async (folder) => {
    const cwd = `${folder}/bundle`;
    await bundle({ model: MODEL, output: cwd });
    const commands = [
      serveCommand(MODEL, ["--port", "0"]),
      { args: BUNDLE_COMMANDS[1]!, cwd },
    ];
    for (const command of commands) {
      const lines: string[] = [];
      const onLine = (line: string) => void lines.push(line);
      const env = { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_PROTOCOL: "console" };
      await whileRunning({ ...command, env, onLine }, async (url, { end }) => {
        const headers = { traceparent: TRACEPARENT };
        const clip = await fetch(url, { method: "POST", body: CLIP, headers });
        equal(clip.status, 200);
        await clip.body?.cancel();
        ok(clip.headers.get("traceparent")!.startsWith(`00-${TRACE}-`));
        await end("SIGTERM");
      });
      const spans = lines.filter((line) => line.startsWith("SPAN") && line.includes(TRACE));
      deepEqual(spans.map((line) => line.match(/^SPAN (.*) \[/)![1]).sort(), [
        "POST /",
        "compute",
        "wait",
      ]);
      ok(lines.some((line) => /^ +http.route: \/$/.test(line)));
    }
  });
});
