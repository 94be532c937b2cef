/**
 * Requests as Hugging Face's clients and others send them, against `serve` as a process of its own.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { encodeWav } from "../../src/audio/mod.ts";
import { tone } from "../tiny_model.ts";
import { serveCommand, whileRunning } from "./_processes.ts";
import { base64 } from "./_served.ts";

const SERVE = serveCommand("models/voice_menu", ["--port", "0"]);
const CLIP = encodeWav(tone(8_000), 8_000).slice();
const JSON_TYPE = { "content-type": "application/json" };

interface Answer {
  status: number;
  body: { error?: string; length?: number };
  warning: string | null;
}

async function ask(url: string, body: BodyInit, headers: HeadersInit = {}): Promise<Answer> {
  const response = await fetch(url, { method: "POST", body, headers });
  const warning = response.headers.get("x-earshot-warning");
  return { status: response.status, body: await response.json(), warning };
}

/** The first line of the answer to a request that no `fetch` would send. */
async function statusOf(url: string, request: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(4_096);
  const count = await connection.read(bytes);
  return new TextDecoder().decode(bytes.subarray(0, count ?? 0)).split("\r\n")[0]!;
}

Deno.test("serve takes parameters as clients write them, and names those that it ignores", async () => {
  await whileRunning(SERVE, async (url) => {
    const whole = await ask(url, CLIP);
    const inputs = base64(CLIP);
    const json = (value: unknown) => ask(url, JSON.stringify(value), JSON_TYPE);
    deepEqual(await json({ inputs, parameters: null }), whole);
    deepEqual(await json({ inputs: `data:audio/wav;base64,${inputs}` }), whole);
    const text = await json({ inputs, parameters: { top_k: "2", topk: 1, "ü": 0 } });
    deepEqual([text.status, text.body.length], [200, 2]);
    match(text.warning!, /^Ignored parameter "topk", .*; Ignored parameter "\?"/);
    const odd = await json({ inputs, parameters: { top_k: "two" } });
    deepEqual([odd.status, odd.warning], [400, null]);
    const bare = await ask(url, JSON.stringify({ inputs }), { "content-type": "text/plain" });
    equal(bare.status, 415);
    match(bare.body.error!, /Content-Type: application\/json$/);
    deepEqual(await ask(`${url}v1`, CLIP), whole);
    deepEqual(await ask(`${url}v1/`, CLIP), whole);
    equal((await fetch(`${url}v1/healthz`).then((r) => (r.body?.cancel(), r))).status, 200);
    equal((await ask(`${url}v1x`, CLIP)).status, 404);
  });
});

Deno.test("serve takes the file of a form, and parameters beside it", async () => {
  await whileRunning(SERVE, async (url) => {
    const form = new FormData();
    form.append("file", new File([CLIP], "clip.wav"));
    deepEqual(await ask(url, form), await ask(url, CLIP));
    form.append("top_k", "1");
    form.append("language", "en");
    const { status, body, warning } = await ask(url, form);
    deepEqual([status, body.length], [200, 1]);
    match(warning!, /"language"/);
    const empty = new FormData();
    empty.append("top_k", "1");
    match((await ask(url, empty)).body.error!, /expected a file in it/);
  });
});

Deno.test("serve unpacks gzip, within its limits", async () => {
  await whileRunning(SERVE, async (url) => {
    const gzip = { "content-encoding": "gzip" };
    deepEqual(await ask(url, gzipSync(CLIP).slice(), gzip), await ask(url, CLIP));
    const broken = gzipSync(CLIP).slice(0, 500);
    equal((await ask(url, broken, gzip)).status, 400);
    equal((await ask(url, CLIP, { "content-encoding": "br" })).status, 415);
    const bomb = gzipSync(new Uint8Array(200 * 2 ** 20)).slice();
    ok(bomb.length < 2 ** 20);
    equal((await ask(url, bomb, gzip)).status, 413);
  });
});

Deno.test("serve answers 400 to a Host that is none", async () => {
  await whileRunning(SERVE, async (url) => {
    for (const host of ["a b", "a/b", "<x>", "a:b"]) {
      const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      match(await statusOf(url, request), /^HTTP\/1.1 400/, host);
    }
    for (const host of ["a.example:80", "[::1]:8000", "a_b"]) {
      const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      match(await statusOf(url, request), /^HTTP\/1.1 200/, host);
    }
  });
});

const RECORDING = encodeWav(tone(40_000), 8_000).slice();
const ASKED = { window_seconds: "0.5", hop_seconds: "0.5", threshold: "0", scores: "true" };
const QUERY = `?${new URLSearchParams(ASKED)}`;

interface Found {
  status: number;
  lines: Record<string, unknown>[];
  warning: string | null;
}

async function detect(url: string, body: BodyInit, headers: HeadersInit = {}): Promise<Found> {
  const { hostname, port, pathname, search } = new URL(url);
  const place = `http://${hostname}:${port}${pathname}detect${search}`;
  const response = await fetch(place, { method: "POST", body, headers });
  const texts = (await response.text()).split("\n").filter((line) => line !== "");
  const lines = texts.map((line) => JSON.parse(line));
  return { status: response.status, lines, warning: response.headers.get("x-earshot-warning") };
}

Deno.test("serve takes recordings for /detect packed, in forms, below /v1, and names what it ignores", async () => {
  await whileRunning(SERVE, async (url) => {
    const whole = await detect(url + QUERY, RECORDING);
    deepEqual([whole.status, whole.lines.length > 5, whole.warning], [200, true, null]);
    deepEqual(await detect(`${url}v1/${QUERY}`, RECORDING), whole);
    const gzip = { "content-encoding": "gzip" };
    deepEqual(await detect(url + QUERY, gzipSync(RECORDING).slice(), gzip), whole);
    equal((await detect(url + QUERY, gzipSync(RECORDING).slice(0, 900), gzip)).status, 400);
    const form = new FormData();
    for (const [name, value] of Object.entries(ASKED)) form.append(name, value);
    form.append("file", new File([RECORDING], "recording.wav"));
    form.append("behind", "x");
    deepEqual(await detect(url, form), whole);
    const odd = await detect(`${url}${QUERY}&windowseconds=1`, RECORDING);
    deepEqual(odd.lines, whole.lines);
    match(odd.warning!, /^Ignored parameter "windowseconds"/);
  });
});

Deno.test("serve says of a cut recording that it is, in the header or behind the last event", async () => {
  await whileRunning(SERVE, async (url) => {
    const cut = RECORDING.slice(0, 30_000);
    const quiet = await detect(`${url}?threshold=1`, cut);
    match(quiet.warning!, /^Odd audio: .*runcated/);
    const { warning, lines } = await detect(url + QUERY, cut);
    equal(warning, null);
    match(lines.at(-1)!.warning as string, /^Odd audio: .*runcated/);
  });
});

Deno.test("serve bounds what it says of ignored parameters", async () => {
  await whileRunning(SERVE, async (url) => {
    const names = Array.from({ length: 5_000 }, (_, i) => `parameter${i}`);
    const parameters = Object.fromEntries(names.map((name) => [name, 1]));
    const body = JSON.stringify({ inputs: base64(CLIP), parameters });
    const { status, warning } = await ask(url, body, JSON_TYPE);
    deepEqual([status, warning!.length < 1_000], [200, true]);
    const query = await ask(`${url}?${names.slice(0, 100).join("&")}`, CLIP);
    deepEqual([query.status, query.warning], [200, warning]);
  });
});

Deno.test("serve below a path of a proxy names that path in its example", async () => {
  await whileRunning(
    serveCommand("models/voice_menu", ["--port", "0", "--base-path", "/audio/one/"]),
    async (url) => {
      const whole = await ask(url, CLIP);
      for (const path of ["audio/one", "audio/one/", "audio/one/v1", "v1/"]) {
        deepEqual(await ask(url + path, CLIP), whole, path);
      }
      equal((await ask(`${url}audio/oneself`, CLIP)).status, 404);
      for (const path of ["", "audio/one"]) {
        const { example } = await (await fetch(url + path)).json();
        equal(example, `curl --data-binary @clip.wav "${url}audio/one/?top_k=3"`);
      }
    },
  );
});
