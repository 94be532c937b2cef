/**
 * The browser's entry and the static site in Chromium: the scores are the pipeline's, and nothing leaves the machine.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { encodeWav } from "../../src/audio/mod.ts";
import { type Classification, pipeline } from "../../src/classify/pipeline.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { useDevice } from "../../src/devices.ts";
import { accessFaults, openPage, tabTo, withBrowser } from "../chromium.ts";
import { zipFiles } from "../zip_files.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";

const ENTRY = fileURLToPath(new URL("../../src/browser/mod.ts", import.meta.url));
const FOLDER = await Deno.makeTempDir({ prefix: "earshot-site-" });
const MODEL = `${FOLDER}/model`;
const CLIP = encodeWav(tone(8_000, 3), 8_000).slice();

const device = await useDevice({ backend: "wasm" });
await saveTinyModel(MODEL);
const classifier = await pipeline("audio-classification", MODEL);
const EXPECTED = await classifier(CLIP);

Deno.test.afterAll(async () => {
  classifier.dispose();
  device.dispose();
  await Deno.remove(FOLDER, { recursive: true });
});

const TYPES: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css" };

/** Serves a folder, isolated, so that pages may have threads. */
async function whileServed(folder: string, use: (url: string) => Promise<void>): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
      const bytes = await Deno.readFile(`${folder}${name}`).catch(() => undefined);
      const headers = {
        "content-type": TYPES[name.replace(/^.*\./, "")] ?? "application/octet-stream",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
      };
      return new Response(bytes ?? "none", { status: bytes ? 200 : 404, headers });
    },
  );
  await use(`http://127.0.0.1:${server.addr.port}/`).finally(() => server.shutdown());
}

function expectScores(
  found: Classification[],
  expected: Classification[],
  what: string,
  tolerance = 1e-6,
): void {
  deepEqual(found.map(({ label }) => label), expected.map(({ label }) => label), what);
  for (const [i, { score }] of found.entries()) {
    ok(
      Math.abs(score - expected[i]!.score) <= tolerance,
      `${what}: ${score}, ${expected[i]!.score}`,
    );
  }
}

/** What the page of the entry does, as text: it is another program. */
const PROGRAM = `
  import { liveSamples, pipeline } from "./mod.js";
  const requests = [];
  const counting = (url, init) => (requests.push(String(url)), fetch(url, init));
  const load = (options) =>
    pipeline("audio-classification", "./model/", { fetch: counting, ...options });
  const bytes = Uint8Array.from(atob("${
  btoa(String.fromCharCode(...CLIP))
}"), (c) => c.charCodeAt(0));
  const clip = new Blob([bytes], { type: "audio/wav" });
  const found = { isolated: crossOriginIsolated };
  const classifier = await load();
  found.blob = await classifier(clip);
  const context = new OfflineAudioContext(1, 1, 8000);
  found.buffer = await classifier(await context.decodeAudioData(await clip.arrayBuffer()));
  found.firstRequests = requests.splice(0).length;
  classifier.dispose();
  const again = await load();
  found.again = await again(new Float32Array(8000), { samplingRate: 8000 });
  found.methods = requests.length;
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const recorded = new Promise((resolve) => recorder.ondataavailable = ({ data }) => resolve(data));
  const sound = await liveSamples(stream);
  recorder.start();
  found.windows = [];
  const events = again.detect(sound, {
    samplingRate: sound.samplingRate,
    windowSeconds: 0.5,
    hopSeconds: 0.25,
    onScores: ({ start, end }) => {
      found.windows.push([start, end]);
      if (found.windows.length === 3) sound.stop();
    },
  });
  for await (const event of events) void event;
  recorder.stop();
  found.recorded = (await again(await recorded)).length;
  for (const track of stream.getTracks()) track.stop();
  globalThis.found = found;
`;

async function bundleEntry(folder: string): Promise<void> {
  const esbuild = await import("esbuild");
  await esbuild.build({
    entryPoints: [ENTRY],
    outdir: folder,
    ...{ bundle: true, splitting: true, format: "esm", platform: "browser", logLevel: "silent" },
  }).finally(() => esbuild.stop());
  await Deno.writeTextFile(`${folder}/page.js`, PROGRAM);
  const page = '<title>t</title><script type="module" src="page.js"></script>';
  await Deno.writeTextFile(`${folder}/index.html`, page);
  await Deno.mkdir(`${folder}/model`);
  for await (const { name } of Deno.readDir(MODEL)) {
    await Deno.copyFile(`${MODEL}/${name}`, `${folder}/model/${name}`);
  }
}

interface Found {
  isolated: boolean;
  blob: Classification[];
  buffer: Classification[];
  firstRequests: number;
  again: Classification[];
  methods: number;
  windows: [number, number][];
  recorded: number;
}

Deno.test("the entry classifies whatever a browser has, from its cache the second time", async () => {
  const folder = `${FOLDER}/entry`;
  await bundleEntry(folder);
  await withBrowser(tone(96_000), async (browser) => {
    await whileServed(folder, async (url) => {
      const { page, faults, asked } = await openPage(browser, url);
      page.on("pageerror", () => page.close());
      await page.waitForFunction("globalThis.found");
      const found = await page.evaluate("globalThis.found") as Found;
      deepEqual(faults, []);
      equal(found.isolated, true);
      expectScores(found.blob, EXPECTED, "a Blob");
      // Chromium divides 16-bit samples by 32767.
      expectScores(found.buffer, EXPECTED, "an AudioBuffer", 1e-4);
      const silence = { samples: new Float32Array(8_000), samplingRate: 8_000 };
      expectScores(found.again, await classifier(silence), "samples");
      deepEqual(found.windows.slice(0, 3), [[0, 0.5], [0.25, 0.75], [0.5, 1]]);
      equal(found.recorded, 5);
      const weights = asked.filter((line) => line.endsWith("model.safetensors"));
      deepEqual(weights.map((line) => line.split(" ")[0]), ["GET", "HEAD"]);
    });
  });
});

/** Records an example with the keyboard, and waits until it is counted. */
async function record(page: Page, number: number, label: string): Promise<void> {
  const place = `#classes li:nth-child(${number})`;
  await tabTo(page, `${place} input[type="text"]`);
  await page.keyboard.type(label);
  await tabTo(page, `${place} button:first-of-type`);
  await page.keyboard.press("Enter");
  await page.locator(`${place} .hint`).filter({ hasText: "1 example" }).waitFor();
}

Deno.test("the static site teaches a head by keyboard, and sends nothing", async () => {
  const site = `${FOLDER}/site`;
  await bundle({ model: MODEL, output: site, target: "static" });
  await withBrowser(tone(96_000), async (browser) => {
    await whileServed(site, async (url) => {
      const { page, faults, asked } = await openPage(browser, url, { width: 390 });
      await page.locator("#speak:not([disabled])").waitFor();
      match(await page.locator("#about").innerText(), /^5 classes, in this browser on \d+ thread/);
      // deno-lint-ignore no-explicit-any -- playwright's types want Node's Buffer
      const buffer: any = (await import("node:buffer")).Buffer.from(CLIP);
      await page.setInputFiles("#file", { name: "clip.wav", mimeType: "audio/wav", buffer });
      const rows = page.locator("#bars li");
      await rows.nth(4).waitFor();
      deepEqual(
        (await rows.allInnerTexts()).map((text) => text.split(/\s+/)[0]),
        EXPECTED.map(({ label }) => label),
      );
      await record(page, 1, "hum");
      await record(page, 2, "whistle");
      await tabTo(page, "#train");
      await page.keyboard.press("Enter");
      await page.locator("#download:not([hidden])").waitFor();
      deepEqual(await accessFaults(page), []);
      equal(await page.locator("#head").inputValue(), "mine");
      const waiting = page.waitForEvent("download");
      await tabTo(page, "#download");
      await page.keyboard.press("Enter");
      await (await waiting).saveAs(`${FOLDER}/mine.zip`);
      deepEqual(faults, []);
      const others = asked.filter((line) => !line.startsWith(`GET ${url}`) && !/ blob:/.test(line));
      deepEqual(others.filter((line) => !line.startsWith(`HEAD ${url}`)), []);
    });
  });
  await Deno.mkdir(`${FOLDER}/mine`);
  for (
    const [name, bytes] of Object.entries(await zipFiles(await Deno.readFile(`${FOLDER}/mine.zip`)))
  ) {
    await Deno.writeFile(`${FOLDER}/${name}`, bytes);
  }
  const taught = await pipeline("audio-classification", MODEL, { head: `${FOLDER}/mine` });
  deepEqual((await taught(CLIP)).map(({ label }) => label).sort(), ["hum", "whistle"]);
  taught.dispose();
});
