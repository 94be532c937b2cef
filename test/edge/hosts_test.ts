/**
 * Every target of `bundle` on its own runtime, as a process: scores, sound that goes on, heads, load and the end.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { decodeAudio, encodeWav } from "../../src/audio/mod.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import type { BundleTargetName } from "../../src/commands/_bundle_targets.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { exportHead } from "../../src/export/mod.ts";
import { fixture } from "../audio/fixtures.ts";
import { assertNear } from "../compare.ts";
import { startTestWasm } from "../devices.ts";
import { tone } from "../tiny_model.ts";
import {
  BUNDLE_COMMANDS,
  containerCommand,
  dockerfileWords,
  type ServiceCommand,
  whileRunning,
} from "./_processes.ts";
import { type Runtime, runtime } from "./_runtimes.ts";
import { s16 } from "./_served.ts";
import { StreamClient } from "./_stream_client.ts";
import { workerdCommand } from "./_workerd.ts";

const FOLDER = await Deno.makeTempDir();
const MODEL = "models/voice_menu";
const EXAMPLES = "examples/voice_menu/test";
/** The model's own head, by two names. */
const HEADS = { menu: `${FOLDER}/menu`, again: `${FOLDER}/menu` };
const SETTINGS = { windowSeconds: 0.75, hopSeconds: 0.25, threshold: 0.6, rawScores: true };
const QUERY = "window_seconds=0.75&hop_seconds=0.25&threshold=0.6&raw_scores=true";
const CLIPS = 50;
/** More clips at once than the service has places. */
const MANY = 200;

const device = await startTestWasm({ threads: 1 });
await exportHead({ model: MODEL, output: HEADS.menu });
const classifier = await pipeline("audio-classification", MODEL, { heads: HEADS });
const clips = await exampleClips();

Deno.test.afterAll(async () => {
  classifier.dispose();
  device.dispose();
  await Deno.remove(FOLDER, { recursive: true });
});

/** A target, and how its runtime is started in a bundle. */
interface Place {
  target: BundleTargetName;
  /** Its name in the test's. */
  on: string;
  /** @default the Deno that runs the tests */
  runtime?: Runtime;
  command: (cwd: string) => ServiceCommand | Promise<ServiceCommand>;
  /** What asks it to end, where that is not the host's affair. */
  signal?: Deno.Signal;
}

function on(
  name: "deno" | "node" | "bun",
  args: string[],
): Pick<Place, "runtime" | "command"> {
  const found = runtime(name);
  const env = { PORT: "0", EARSHOT_HOSTNAME: "127.0.0.1" };
  return { runtime: found, command: (cwd) => ({ program: found.path, args, cwd, env }) };
}

const WORKERD = runtime("workerd");

const PLACES: readonly Place[] = [
  {
    ...{ target: "deno", on: "deno serve", signal: "SIGTERM" },
    command: (cwd) => ({ args: BUNDLE_COMMANDS[0]!, cwd }),
  },
  {
    ...{ target: "deploy", on: "Deno 2.5", signal: "SIGINT" },
    ...on("deno", ["run", "--allow-all", "main.js"]),
  },
  { target: "node", on: "Node 20", signal: "SIGTERM", ...on("node", ["main.js"]) },
  { target: "bun", on: "Bun", signal: "SIGTERM", ...on("bun", ["main.js"]) },
  { target: "container", on: "its command", signal: "SIGTERM", command: containerCommand },
  {
    ...{ target: "cloudflare", on: "workerd", runtime: WORKERD },
    command: (cwd) => workerdCommand(WORKERD.path, cwd),
  },
];

for (const place of PLACES) {
  Deno.test({
    name: `bundle() for ${place.target} serves on ${place.on}${place.runtime?.skipped ?? ""}`,
    ignore: place.runtime?.isMissing,
    fn: () => servesAll(place),
  });
}

for (const place of PLACES.filter(({ target }) => target === "bun" || target === "cloudflare")) {
  Deno.test({
    name: `a bundle for ${place.target} tells its clients apart${place.runtime?.skipped ?? ""}`,
    ignore: place.runtime?.isMissing,
    fn: () => tellsClientsApart(place),
  });
}

/** One may ask once a minute; Cloudflare names it in a header, elsewhere it is the other side of the connection. */
async function tellsClientsApart({ target, command }: Place): Promise<void> {
  const output = `${FOLDER}/${target}-clients`;
  await bundle({ model: MODEL, output, target, settings: { rateLimit: 1 } });
  const started = await command(output);
  const url = started.url ?? freeUrl();
  const env = { ...started.env, EARSHOT_HOSTNAME: "::", PORT: new URL(url).port };
  await whileRunning({ ...started, env, url }, async (url) => {
    const asked = async (address: string, as: string) => {
      const headers = { "cf-connecting-ip": as };
      const response = await fetch(url.replace("127.0.0.1", address), { headers });
      await response.body?.cancel();
      return response.status;
    };
    const other = target === "bun" ? "[::1]" : "127.0.0.1";
    deepEqual(
      [await asked("127.0.0.1", "192.0.2.1"), await asked("127.0.0.1", "192.0.2.1")],
      [200, 429],
    );
    equal(await asked(other, "192.0.2.2"), 200);
  });
}

/** An address that nobody listens on. */
function freeUrl(): string {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return `http://127.0.0.1:${listener.addr.port}/`;
}

async function servesAll({ target, on, command, signal }: Place): Promise<void> {
  const output = `${FOLDER}/${target}`;
  await bundle({ model: MODEL, heads: HEADS, output, target });
  await whileRunning(await command(output), async (url, { end }) => {
    const answered = await answersClips(url) + await answersHeads(url);
    await hearsAsHere(url);
    await countsRequests(url, answered, target !== "cloudflare");
    const { thread } = await (await fetch(`${url}healthz`)).json();
    equal(thread, target === "cloudflare" ? "the service's" : "own");
    await turnsSomeAway(url);
    if (target === "node" || target === "bun") await refusesHostile(url);
    if (target === "node") await keepsConnections(url);
    if (target === "container") await isHealthy(output, url);
    if (signal) await endsCleanly(url, () => end(signal), on);
  });
}

/** Posts a clip; its answer, which has to be one. */
async function posted(url: string, clip: Uint8Array): Promise<unknown> {
  const response = await fetch(url, { method: "POST", body: clip.slice() });
  const text = await response.text();
  equal(response.status, 200, text);
  return JSON.parse(text);
}

/** Every kind of recording once, and then fifty clips, four at a time; how many there were. */
async function answersClips(url: string): Promise<number> {
  const files = ["mpeg1.mp3", "mono.opus", "stereo.ogg", "opus.webm", "stereo.m4a", "mono24.flac"];
  for (const name of files) {
    const clip = new Uint8Array(await fixture(name));
    assertNear(await posted(url, clip), await classifier(clip));
  }
  const clips = Array.from(
    { length: 50 },
    (_, i) => encodeWav(tone(1_000 * (i % 9 + 1), i), 8_000),
  );
  const asked = clips.values();
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (const clip of asked) assertNear(await posted(url, clip), await classifier(clip));
  }));
  return files.length + clips.length;
}

async function answersHeads(url: string): Promise<number> {
  const clip = clips[0]!;
  assertNear(await posted(`${url}?head=again`, clip), await classifier(clip, { head: "again" }));
  assertNear(await posted(`${url}heads`, clip), await classifier.heads.classify(clip));
  return 1;
}

/** The first clips of the model's test set. */
async function exampleClips(): Promise<Uint8Array[]> {
  const folders = Array.from(Deno.readDirSync(EXAMPLES), ({ name }) => name).sort();
  const files = folders.flatMap((folder) =>
    Array.from(Deno.readDirSync(`${EXAMPLES}/${folder}`), ({ name }) => `${folder}/${name}`).sort()
  );
  return await Promise.all(
    files.slice(0, CLIPS).map((name) => Deno.readFile(`${EXAMPLES}/${name}`)),
  );
}

/** Words that follow one another. */
async function recording(): Promise<Float32Array> {
  const words = await Promise.all([0, 20, 40].map(async (i) => {
    return (await decodeAudio(clips[i]!)).samples;
  }));
  return Float32Array.from(words.flatMap((samples) => [...samples]));
}

/** Events of `/detect` and `/stream` are those of `detect()`. */
async function hearsAsHere(url: string): Promise<void> {
  const wav = encodeWav(await recording(), 8_000);
  const expected = (await Array.fromAsync(classifier.detect(wav, SETTINGS)))
    .filter(({ state }) => state === "ended").map((event) => ({ ...event }));
  ok(expected.length > 0);
  const response = await fetch(`${url}detect?${QUERY}`, { method: "POST", body: wav.slice() });
  const lines = (await response.text()).trimEnd().split("\n");
  assertNear(lines.map((line) => JSON.parse(line)), expected);
  const client = new StreamClient(url, `?${QUERY}&rate=8000`, ["other", "earshot"]);
  await client.ready();
  equal(client.socket.protocol, "earshot");
  const bytes = wav.slice(44);
  for (let at = 0; at < bytes.length; at += 5_000) client.send(bytes.slice(at, at + 5_000));
  client.send({ end: true });
  equal((await client.inbox.closing).code, 1000);
  assertNear(client.inbox.of("event"), expected);
}

/** What `/metrics` says is what was asked. */
async function countsRequests(url: string, answered: number, hasMemory: boolean): Promise<void> {
  const text = await (await fetch(`${url}metrics`)).text();
  const count = (labels: string) => Number(text.split(`{${labels}} `)[1]?.match(/^\d+/)?.[0] ?? 0);
  equal(count('route="/",status="200"'), answered);
  equal(count('route="/heads",status="200"'), 1);
  equal(count('route="/stream",status="101"'), 1);
  equal(/^process_resident_memory_bytes \d{7}/m.test(text), hasMemory);
}

/** Some of many clips at once are answered, the others refused, and all is well after. */
async function turnsSomeAway(url: string): Promise<void> {
  const clip = encodeWav(tone(40_000), 8_000);
  const statuses = await Promise.all(Array.from({ length: MANY }, async () => {
    const response = await fetch(url, { method: "POST", body: clip.slice() });
    await response.body?.cancel();
    return response.status;
  }));
  deepEqual([...new Set(statuses)].sort(), [200, 503]);
  assertNear(await posted(url, clip), await classifier(clip));
}

/** What no client of the web would send. */
async function refusesHostile(url: string): Promise<void> {
  const headers = Array.from({ length: 3_000 }, (_, i) => `X-${i}: ${"a".repeat(20)}`);
  const upgrade = ["Connection: Upgrade", "Upgrade: websocket"];
  equal(await statusOf(url, "GET / HTTP/1.1", headers), 431);
  equal(await statusOf(url, "POST / HTTP/1.1", ["Content-Length: 21474836480"]), 413);
  equal(await statusOf(url, "OPTIONS * HTTP/1.1", []), 400);
  equal(await statusOf(url, "GET //elsewhere/x HTTP/1.1", []), 404);
  equal(await statusOf(url, "GET /stream HTTP/1.1", upgrade), 400);
  equal(await statusOf(url, "GET /livez HTTP/1.1", [], "a b/c"), 400);
  equal((await (await fetch(`${url}livez`)).json()).status, "alive");
}

/** Longer than a proxy in front, which would send its next request into an end. */
async function keepsConnections(url: string): Promise<void> {
  const response = await fetch(`${url}livez`);
  await response.body?.cancel();
  equal(response.headers.get("keep-alive"), "timeout=75");
}

/** Sends a request as it stands; the status of its answer. */
async function statusOf(
  url: string,
  line: string,
  headers: string[],
  host = "localhost",
): Promise<number> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const text = [line, `Host: ${host}`, ...headers, "", ""].join("\r\n");
  await connection.write(new TextEncoder().encode(text));
  const bytes = new Uint8Array(64);
  await connection.read(bytes);
  return Number(new TextDecoder().decode(bytes).split(" ")[1]);
}

/** A clip in hand is answered, a stream hears of the end, and the process ends well. */
async function endsCleanly(
  url: string,
  end: () => Promise<Deno.CommandStatus>,
  on: string,
): Promise<void> {
  // Of much more a bundle's own limit of memory makes windows, whose scores are others.
  const clip = encodeWav(tone(20 * 8_000), 8_000);
  const expected = await classifier(clip);
  const client = new StreamClient(url, "?rate=8000");
  await client.ready();
  client.send(s16(tone(8_000)));
  let isAnswered = false;
  const answer = posted(url, clip).finally(() => isAnswered = true);
  while (!isAnswered && !await isBusy(url));
  const status = end();
  assertNear(await answer, expected);
  const { code } = await client.inbox.closing;
  // `deno serve` closes it too, and then the connection at once, so that a client may have no code.
  ok(code === 1001 || (on === "deno serve" && code === 0), `${code}`);
  deepEqual(client.inbox.of("error"), [{ error: "The service is ending" }]);
  equal((await status).code, 0);
}

async function isBusy(url: string): Promise<boolean> {
  const text = await (await fetch(`${url}metrics`)).text();
  return /^earshot_queue_length [1-9]/m.test(text);
}

/** The container's probe sees the service, and nothing where there is none. */
async function isHealthy(cwd: string, url: string): Promise<void> {
  const text = await Deno.readTextFile(`${cwd}/Dockerfile`);
  match(text, /^USER deno$/m);
  const [, ...args] = dockerfileWords(text, "HEALTHCHECK .*? CMD");
  for (const [port, code] of [[new URL(url).port, 0], ["1", 1]] as const) {
    const probe = new Deno.Command(Deno.execPath(), { args, cwd, env: { PORT: port } });
    equal((await probe.output()).code, code);
  }
}
