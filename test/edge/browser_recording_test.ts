/**
 * What Chromium's MediaRecorder makes of a microphone goes through `/stream` while it is recorded, and through `/` and
 * `/stream` of `serve` as it is.
 *
 * The microphone is a file, the page is served here; whoever has no Chromium sees a skip.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { createApp, upgradeOnDeno } from "../../edge/mod.ts";
import { decodeAudio, encodeWav } from "../../src/audio/mod.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import { useDevice } from "../../src/devices.ts";
import { BROWSER, BROWSER_NOTE, NO_BROWSER } from "../chromium.ts";
import { tone } from "../tiny_model.ts";
import { serveCommand, whileRunning } from "./_processes.ts";
import { fakeDetector } from "./_served.ts";
import { StreamClient } from "./_stream_client.ts";

/** For a browser that hangs; no answer takes so long on any machine. */
const PATIENCE_MS = 300_000;
const MODEL = join(import.meta.dirname!, "..", "..", "models", "voice_menu");
const RECORDING_MS = 2_000;
const PIECE_MS = 100;

/** What the page has seen. */
interface Recorded {
  mimeType: string;
  /** The whole recording, in base64. */
  recording: string;
  code: number;
  messages: Record<string, unknown>[];
  error?: string;
}

/** Records, sends each piece over the socket as it comes, and in the end all of it to the test. */
const PAGE = `<script type="module">
  const tell = (found) => fetch("/recorded", { method: "POST", body: JSON.stringify(found) });
  try {
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: plain });
    const socket = new WebSocket("/stream?window_seconds=0.1&scores=true&top_k=2");
    const [pieces, messages] = [[], []];
    socket.onmessage = ({ data }) => messages.push(JSON.parse(data));
    await new Promise((resolve) => socket.onopen = resolve);
    const recorder = new MediaRecorder(microphone);
    recorder.ondataavailable = ({ data }) => {
      pieces.push(data);
      socket.send(data);
    };
    recorder.onstop = () => socket.send(JSON.stringify({ end: true }));
    socket.onclose = async ({ code }) => {
      const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
      const recording = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      tell({ mimeType: recorder.mimeType, recording, code, messages });
    };
    recorder.start(${PIECE_MS});
    setTimeout(() => recorder.stop(), ${RECORDING_MS});
  } catch (error) {
    tell({ error: String(error) });
  }
</script>`;

/** Has the browser record from a file through an application. */
async function recordedBy(browser: string): Promise<Recorded> {
  const folder = await Deno.makeTempDir({ prefix: "earshot-browser-" });
  await Deno.writeFile(`${folder}/microphone.wav`, encodeWav(tone(96_000), 48_000));
  const recorded = Promise.withResolvers<Recorded>();
  const app = createApp(fakeDetector(), { upgradeWebSocket: upgradeOnDeno });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/stream") return await app.fetch(request);
      if (pathname === "/recorded") recorded.resolve(await request.json());
      return new Response(PAGE, { headers: { "content-type": "text/html" } });
    },
  );
  const args = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${folder}/microphone.wav`,
    `--user-data-dir=${folder}/profile`,
    `http://127.0.0.1:${server.addr.port}/`,
  ];
  const child = new Deno.Command(browser, { args, stdout: "null", stderr: "null" }).spawn();
  const giveUp = () => recorded.reject(new RangeError(`Cannot use "${browser}": no answer`));
  const tooLong = setTimeout(giveUp, PATIENCE_MS);
  child.status.then(giveUp);
  try {
    return await recorded.promise;
  } finally {
    clearTimeout(tooLong);
    child.kill("SIGTERM");
    await child.status;
    await app.close();
    await server.shutdown();
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** What `serve` makes of a recording, at once and live. */
async function served(recording: Uint8Array<ArrayBuffer>, windowSeconds: number) {
  const found: { clip?: unknown; live?: unknown; code?: number } = {};
  await whileRunning(serveCommand(MODEL, ["--port", "0"]), async (url) => {
    const response = await fetch(`${url}?top_k=3`, { method: "POST", body: recording });
    found.clip = await response.json();
    const query =
      `?window_seconds=${windowSeconds}&hop_seconds=${windowSeconds}&scores=true&top_k=4`;
    const stream = new StreamClient(url, query);
    await stream.ready();
    stream.send(recording);
    stream.send({ end: true });
    found.code = (await stream.inbox.closing).code;
    // A model that rejects says "none" besides, which is no class of its own.
    found.live = stream.inbox.of("scores").map(({ scores }) => {
      const classes = (scores as { label: string }[]).filter(({ label }) => label !== "none");
      return classes.slice(0, 3);
    });
  });
  return found;
}

/** The same from the recording's samples, in this process. */
async function classified(recording: Uint8Array<ArrayBuffer>, windowSeconds: number) {
  const device = await useDevice({ backend: "wasm", threads: 1 });
  const classifier = await pipeline("audio-classification", MODEL);
  try {
    const clip = await classifier(recording, { topK: 3 });
    const live: unknown[] = [];
    const sound = classifier.detect(recording, {
      windowSeconds,
      hopSeconds: windowSeconds,
      onScores: ({ scores }) => {
        const all = classifier.labels.map((label, i) => ({ label, score: scores[i]! }));
        live.push(all.sort((a, b) => b.score - a.score).slice(0, 3));
      },
    });
    await Array.fromAsync(sound);
    return { clip, live, code: 1000 };
  } finally {
    classifier.dispose();
    device.dispose();
  }
}

Deno.test({
  name: `a recording of Chromium goes through / and /stream of serve as it is${BROWSER_NOTE}`,
  ignore: NO_BROWSER !== undefined,
  fn: async () => {
    const { error, mimeType, recording, code, messages } = await recordedBy(BROWSER ?? "chromium");
    equal(error, undefined);
    equal(code, 1000, JSON.stringify(messages.at(-1)));
    const bytes = Uint8Array.from(atob(recording), (character) => character.charCodeAt(0));
    const { samples, sampleRateHz } = await decodeAudio(bytes);
    const size = sampleRateHz / 10;
    const expected = Array.from({ length: Math.floor(samples.length / size) }, (_, i) => {
      return Math.max(...samples.subarray(i * size, (i + 1) * size).map(Math.abs));
    });
    ok(expected.length >= 10 && expected.some((loudness) => loudness > 0.1), `${expected}`);
    const heard = messages.filter(({ type }) => type === "scores").map(({ scores }) => {
      const found = scores as { label: string; score: number }[];
      return found.find(({ label }) => label === "yes")!.score;
    });
    deepEqual(heard, expected);
    deepEqual(await served(bytes, 0.5), await classified(bytes, 0.5));
    console.log(
      `${mimeType}: ${(samples.length / sampleRateHz).toFixed(2)} s, ${bytes.length} bytes`,
    );
  },
});
