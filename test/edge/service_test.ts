/**
 * `serve` and the bundle as processes of their own: long and live sound, and their end.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { type AudioClassifier, pipeline } from "../../src/classify/pipeline.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { useDevice } from "../../src/devices.ts";
import { fixture } from "../audio/fixtures.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";
import { BUNDLE_COMMANDS, serveCommand, type ServiceCommand, whileRunning } from "./_processes.ts";
import { s16 } from "./_served.ts";
import { StreamClient } from "./_stream_client.ts";

const FOLDER = await Deno.makeTempDir();
const MODEL = `${FOLDER}/model`;
const SETTINGS = { windowSeconds: 0.5, hopSeconds: 0.25, threshold: 0.3 };
const QUERY = "window_seconds=0.5&hop_seconds=0.25&threshold=0.3&began=true&scores=true&top_k=5";

Deno.test.afterAll(() => Deno.remove(FOLDER, { recursive: true }));

await useDevice({ backend: "wasm" });
await saveTinyModel(MODEL);

/** Three seconds that change their pitch. */
function recording(): Float32Array {
  const samples = new Float32Array(24_000);
  for (let part = 0; part < 6; part++) samples.set(tone(4_000, part % 3 + 1), part * 4_000);
  return samples;
}

/** What a classifier of this process finds, in the words of the service. */
async function expected(source: Uint8Array): Promise<unknown[]> {
  const classifier: AudioClassifier = await pipeline("audio-classification", MODEL);
  const found: unknown[] = [];
  const options = {
    ...SETTINGS,
    onScores: ({ start, end, scores }: { start: number; end: number; scores: Float64Array }) => {
      const classes = classifier.labels.map((label, i) => ({ label, score: scores[i]! }));
      found.push({ start, end, scores: classes.sort((a, b) => b.score - a.score) });
    },
  };
  for await (const event of classifier.detect(source, options)) found.push({ ...event });
  classifier.dispose();
  return found;
}

async function postedTo(url: string, bytes: Uint8Array): Promise<unknown[]> {
  const response = await fetch(`${url}detect?${QUERY}`, { method: "POST", body: bytes.slice() });
  const text = await response.text();
  equal(response.status, 200, text);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** Pieces of a live stream; what comes back, without what only greets and ends. */
async function streamedTo(
  url: string,
  bytes: Uint8Array<ArrayBuffer>,
  query: string,
): Promise<unknown[]> {
  const client = new StreamClient(url, `?${QUERY}${query}`);
  await client.ready();
  for (let at = 0; at < bytes.length; at += 1_009) client.send(bytes.slice(at, at + 1_009));
  client.send({ end: true });
  equal((await client.inbox.closing).code, 1000);
  const found = client.inbox.all.filter(({ type }) => type === "scores" || type === "event");
  return found.map(({ type: _, ...rest }) => rest);
}

/** In one order, since events and scores of one block may come in another. */
function sorted(found: unknown[]): string[] {
  return found.map((line) => JSON.stringify(line)).sort();
}

async function hearsAsHere(command: ServiceCommand): Promise<void> {
  const wav = encodeWav(recording(), 8_000);
  const webm = new Uint8Array(await fixture("opus.webm"));
  await whileRunning(command, async (url) => {
    for (const bytes of [wav, webm]) {
      const whole = sorted(await expected(bytes));
      ok(whole.length > 1);
      deepEqual(sorted(await postedTo(url, bytes)), whole);
      deepEqual(sorted(await streamedTo(url, bytes.slice(), "")), whole);
    }
    const raw = wav.slice(44);
    deepEqual(
      sorted(await streamedTo(url, raw, "&rate=8000")),
      sorted(await expected(wav)),
    );
    const { endpoints } = await (await fetch(url)).json();
    deepEqual(Object.keys(endpoints).map((name) => name.replace(/.* /, "")), [
      "/",
      "/detect",
      "/stream",
      "/heads",
      "/heads",
      "/heads/NAME",
      "/heads/NAME",
      "/heads/NAME/examples",
      "/heads/NAME/files",
      "/models",
      "/healthz",
      "/health",
      "/readyz",
      "/livez",
      "/metrics",
      "/openapi.json",
      "/docs",
      "/ui",
    ]);
  });
}

/** A clip that is too long to be heard at once has the scores of `predict`, and a header that says how. */
async function hearsInWindows(command: ServiceCommand, maxSeconds: number): Promise<void> {
  const options = { maxSeconds, longClips: "windows" } as const;
  const classifier = await pipeline("audio-classification", MODEL, options);
  const long = encodeWav(tone(185 * 8_000), 8_000);
  const whole = await classifier(long);
  classifier.dispose();
  await whileRunning(command, async (url) => {
    const response = await fetch(url, { method: "POST", body: long.slice() });
    deepEqual(await response.json(), whole);
    match(
      response.headers.get("x-earshot-warning")!,
      /^The recording has 185.0 s, too many .*windows/,
    );
    const short = await fetch(url, { method: "POST", body: encodeWav(tone(8_000), 8_000).slice() });
    await short.body?.cancel();
    equal(short.headers.get("x-earshot-warning"), null);
  });
}

/** A stream that is open when the process is asked to end hears of it, and the process ends. */
async function endsCleanly(command: ServiceCommand, signal: Deno.Signal): Promise<void> {
  await whileRunning(command, async (url, { end }) => {
    const client = new StreamClient(url, "?rate=8000");
    await client.ready();
    client.send(s16(tone(8_000)));
    const status = end(signal);
    equal((await client.inbox.closing).code, 1001);
    equal((await status).code, 0);
  });
}

const SERVE = serveCommand(MODEL, ["--port", "0"]);

Deno.test("serve hears long and live sound as classifier.detect() does", () => hearsAsHere(SERVE));

Deno.test("serve hears a long clip in windows", () => hearsInWindows(SERVE, 60));

Deno.test("serve closes streams with 1001 and ends", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) await endsCleanly(SERVE, signal);
});

Deno.test("a bundle hears long and live sound as classifier.detect() does, and ends", async () => {
  const cwd = `${FOLDER}/bundle`;
  await bundle({ model: MODEL, output: cwd });
  for (const args of BUNDLE_COMMANDS) await hearsAsHere({ args, cwd });
  await hearsInWindows({ args: BUNDLE_COMMANDS[0]!, cwd }, 60);
  await endsCleanly({ args: BUNDLE_COMMANDS[1]!, cwd }, "SIGTERM");
});
