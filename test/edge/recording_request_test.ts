import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type App, createApp } from "../../edge/mod.ts";
import { nextTurn } from "../../edge/_queue.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { fixture } from "../audio/fixtures.ts";
import { CLIP, fakeClassifier, fakeDetector, loudness } from "./_served.ts";

const silent = { log: () => {} };

/** A recording of two sounds. */
const RECORDING = encodeWav(loudness("0550077700"), 8_000).slice();

function ask(app: App, body: BodyInit | null, query = "", init: RequestInit = {}) {
  const request = new Request(`http://localhost/detect${query}`, { method: "POST", body, ...init });
  return app.fetch(request);
}

function linesOf(text: string): Record<string, unknown>[] {
  return text.trimEnd().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** A body to which the test adds as it likes. */
function growingBody() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  return { body: readable, writer: writable.getWriter() };
}

/** The lines of an answer one by one. */
async function* lineByLine(response: Response): AsyncGenerator<Record<string, unknown>> {
  let rest = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line);
  }
}

Deno.test("POST /detect answers with the events of a recording, a line of JSON each", async () => {
  const app = createApp(fakeDetector(), silent);
  const response = await ask(app, RECORDING);
  equal(response.status, 200);
  equal(response.headers.get("content-type"), "application/x-ndjson");
  ok(response.headers.has("x-request-id"));
  const text = await response.text();
  match(text, /\n$/);
  deepEqual(linesOf(text).map(({ start, end, label, state }) => [start, end, label, state]), [
    [0.1, 3 * 0.1, "yes", "ended"],
    [0.5, 8 * 0.1, "yes", "ended"],
  ]);
});

Deno.test("POST /detect holds a file whose description stands behind its sound, up to a limit", async () => {
  const file = await fixture("s16.mov");
  const body = () => ReadableStream.from([file.slice(0, 1_000), file.slice(1_000)]);
  const window = "?window_seconds=0.02&scores=true";
  const held = await ask(createApp(fakeDetector(), silent), body(), window);
  equal(held.status, 200);
  ok(linesOf(await held.text()).length > 1);
  const refused = await ask(
    createApp(fakeDetector(), { ...silent, maxAheadBytes: 900 }),
    body(),
    window,
  );
  equal(refused.status, 422);
  match((await refused.json()).error, /expected a recording that can be read in order/);
});

Deno.test("POST /detect answers when no more of a long body is to come than may be in memory", async () => {
  const app = createApp(fakeDetector(), { ...silent, maxAheadBytes: 2_000, statusWaitMs: 1 });
  const { body, writer } = growingBody();
  const headers = { "content-length": String(RECORDING.length) };
  let status = 0;
  const answer = ask(app, body, "", { headers }).then((response) => {
    status = response.status;
    return response;
  });
  const most = RECORDING.length - 2_001;
  await writer.write(RECORDING.slice(0, most));
  // It has been taken, and what it holds has been found, when more is asked for.
  await writer.ready;
  await nextTurn();
  equal(status, 0);
  const rest = writer.write(RECORDING.slice(most)).then(() => writer.close());
  equal(linesOf(await (await answer).text()).length, 2);
  await rest;
});

Deno.test("POST /detect ends with a line for a client that is too far ahead of the answer", async () => {
  const detector = fakeDetector();
  const app = createApp(detector, { ...silent, maxAheadBytes: 8_000 });
  const pieces = function* () {
    yield RECORDING.slice(0, 44 + 2 * 3_600);
    for (let i = 0; i < 1_000; i++) yield new Uint8Array(2 * 800);
  };
  const response = await ask(app, ReadableStream.from(pieces()), "?window_seconds=0.1");
  const lines = linesOf(await response.text());
  equal(response.status, 200);
  match(String(lines.at(-1)!.error), /at most 8000 bytes ahead of what was listened to/);
});

Deno.test("POST /detect takes its parameters from the query", async () => {
  const app = createApp(fakeDetector(), silent);
  const query = "?threshold=0.6&scores=1&began=true&top_k=1&window_seconds=0.2";
  const lines = linesOf(await (await ask(app, RECORDING, query)).text());
  equal(lines.filter((line) => "scores" in line).length, 5);
  equal((lines[0]!.scores as unknown[]).length, 1);
  deepEqual(lines.filter((line) => "state" in line).map(({ state }) => state), ["began", "ended"]);
});

Deno.test("POST /detect takes bare samples with their rate, and is silent where there is nothing", async () => {
  const app = createApp(fakeDetector(), silent);
  const samples = loudness("0000");
  const body = new Uint8Array(samples.buffer as ArrayBuffer);
  const response = await ask(app, body, "?rate=8000&encoding=f32");
  deepEqual([response.status, await response.text()], [200, ""]);
});

Deno.test("POST /detect tells of an event while the recording still comes", async () => {
  const app = createApp(fakeDetector(), silent);
  const { body, writer } = growingBody();
  const answer = ask(app, body);
  const half = 44 + 2 * 3_600;
  await writer.write(RECORDING.slice(0, half));
  const response = await answer;
  const lines = lineByLine(response);
  equal((await lines.next()).value!.state, "ended");
  await writer.write(RECORDING.slice(half));
  await writer.close();
  equal((await lines.next()).value!.start, 0.5);
  equal((await lines.next()).done, true);
});

Deno.test("POST /detect refuses with a status what shows before the first line", async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const app = createApp(fakeDetector(), { log, maxDetectBytes: RECORDING.length });
  const large = { headers: { "content-length": "20000000000" } };
  const form = { headers: { "content-type": "multipart/form-data; boundary=x" } };
  const json = { headers: { "content-type": "application/json" } };
  const nan = new Uint8Array(Float32Array.of(0, NaN).buffer);
  const cases: [Promise<Response>, number, RegExp][] = [
    [ask(app, null), 400, /expected audio as the body, found nothing/],
    [ask(app, new Uint8Array(0)), 400, /expected audio as the body, found nothing/],
    [ask(app, "hello, world"), 415, /expected WAV, FLAC, .*, found plain text/],
    [ask(app, new Uint8Array(600).fill(250)), 422, /expected audio, found an unknown format/],
    [ask(app, RECORDING.slice(0, 30)), 422, /^Cannot decode audio/],
    [ask(app, nan, "?rate=8000&encoding=f32"), 422, /expected finite samples, found NaN/],
    [ask(app, RECORDING, "?threshold=high"), 400, /Cannot use threshold/],
    [ask(app, RECORDING, "?rate=1"), 400, /Cannot use rate/],
    [ask(app, RECORDING, "?window_seconds=61"), 400, /expected windows of at most 60 s/],
    [ask(app, RECORDING, "", form), 400, /^Cannot read the form: expected a file in it/],
    [ask(app, "{}", "", json), 415, /expected the file's bytes as the body .*, or a form/],
    [ask(app, RECORDING, "", { headers: { "content-encoding": "br" } }), 415, /expected .* gzip/],
    [ask(app, RECORDING, "", large), 413, /expected at most \d+ bytes/],
    [ask(app, new Blob([RECORDING, "x"]).stream(), "?threshold=1"), 413, /expected at most/],
  ];
  for (const [answer, status, error] of cases) {
    const response = await answer;
    const text = (await response.json()).error;
    equal(response.status, status, text);
    match(text, error);
  }
  const get = await app.fetch(new Request("http://localhost/detect"));
  deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
  equal((await ask(createApp(fakeClassifier(), silent), RECORDING)).status, 501);
  deepEqual(lines, []);
});

Deno.test("POST /detect has a last line for what goes wrong after the first", async () => {
  const samples = loudness("0500");
  samples[samples.length - 1] = NaN;
  const broken = new Uint8Array(samples.buffer as ArrayBuffer);
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const { body, writer } = growingBody();
  const answer = ask(createApp(fakeDetector(), { log }), body, "?rate=8000&encoding=f32");
  await writer.write(broken.slice(0, 10_000));
  const found = lineByLine(await answer);
  equal((await found.next()).value!.state, "ended");
  await writer.write(broken.slice(10_000));
  await writer.close();
  match(
    (await found.next()).value!.error as string,
    /^Cannot decode audio: expected finite samples/,
  );
  equal((await found.next()).done, true);
  deepEqual(lines, []);
  let windows = 0;
  const work = () => windows++ < 5 ? Promise.resolve() : Promise.reject(new TypeError("secret"));
  const response = await ask(createApp(fakeDetector({ work }), { log }), RECORDING);
  equal(response.status, 200);
  equal(linesOf(await response.text()).at(-1)!.error, "The server failed on this request");
  equal(JSON.parse(lines.join()).error, "TypeError: secret");
});

Deno.test("POST /detect does not let the status wait for ever, nor the body, nor the whole", async () => {
  const { body, writer } = growingBody();
  const app = createApp(fakeDetector(), { ...silent, statusWaitMs: 1, bodyTimeoutMs: 20 });
  const answer = ask(app, body);
  await writer.write(RECORDING.slice(0, 600));
  const response = await answer;
  equal(response.status, 200);
  match(linesOf(await response.text()).at(-1)!.error as string, /more of it within 0.02 s$/);
  const slow = createApp(fakeDetector(), { ...silent, detectTimeoutMs: 1 });
  const late = await ask(slow, new ReadableStream());
  deepEqual([late.status, (await late.json()).error], [
    408,
    "Cannot detect: expected an end within 0.001 s",
  ]);
});

Deno.test("POST /detect goes no further than its client reads, and gives up on one that does not", async () => {
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  const limits = { bodyTimeoutMs: 20, maxAheadBytes: 2 ** 21 };
  const app = createApp(fakeDetector({ onEnd }), { ...silent, ...limits });
  let pulls = 0;
  const samples = new Uint8Array(loudness("0123456789").buffer as ArrayBuffer);
  const endless = new ReadableStream({
    pull: (controller) => {
      pulls++;
      controller.enqueue(samples);
    },
  });
  const query = "?rate=8000&encoding=f32&scores=true&window_seconds=0.01";
  const response = await ask(app, endless, query);
  await ended;
  ok(pulls < 100, `${pulls} pieces were read`);
  const lines = linesOf(await response.text());
  match(
    lines.at(-1)!.error as string,
    /^Cannot (send events: expected them to be read within|take the recording: .* bytes ahead of)/,
  );
});

Deno.test("POST /detect stops for a client that vanishes, and gives its place back", async () => {
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  const app = createApp(fakeDetector({ onEnd }), { ...silent, maxSessions: 1 });
  const { body, writer } = growingBody();
  const answer = ask(app, body);
  await writer.write(RECORDING.slice(0, 44 + 2 * 3_600));
  const response = await answer;
  equal((await ask(app, RECORDING)).status, 503);
  await response.body!.cancel();
  await ended;
  await writer.closed.catch(() => {});
  let next = await ask(app, RECORDING);
  for (; next.status === 503; next = await ask(app, RECORDING)) await nextTurn();
  equal(linesOf(await next.text()).length, 2);
});

Deno.test("close() ends a detection with a last line", async () => {
  const app = createApp(fakeDetector(), silent);
  const { body, writer } = growingBody();
  const answer = ask(app, body);
  await writer.write(RECORDING.slice(0, 44 + 2 * 3_600));
  const response = await answer;
  await app.close();
  deepEqual(linesOf(await response.text()).at(-1), { error: "The service is ending" });
  equal((await ask(app, CLIP)).status, 503);
});
