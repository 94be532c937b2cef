/**
 * Several heads in `serve` and in a bundle, and heads that are taught there.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import { namedHeads } from "../../src/commands/_heads.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { serve, type ServeOptions } from "../../src/commands/serve.ts";
import { startTestWasm } from "../devices.ts";
import { saveTinyHead } from "../tiny_heads.ts";
import { saveTinyModel, TINY_LABELS, tone } from "../tiny_model.ts";
import { zipFiles } from "../zip_files.ts";
import { cli } from "./_command_line.ts";

const TOKEN = "0123456789abcdef-secret";
const CLIP = encodeWav(tone(2_000), 8_000).slice();
const COLOURS = ["red", "green", "blue"];
const SIZES = ["small", "large"];

/** A folder with the model `backbone`, and the heads `colours-head` and `sizes-head`. */
async function withHeads(body: (folder: string) => Promise<void>): Promise<void> {
  const device = await startTestWasm({ threads: 1 });
  const folder = await Deno.makeTempDir();
  try {
    await saveTinyModel(`${folder}/backbone`);
    await saveTinyHead(folder, "colours", COLOURS);
    const fields = { use_weighted_layer_sum: true };
    await saveTinyHead(folder, "sizes", SIZES, { seed: 4, fields });
    await body(folder);
  } finally {
    device.dispose();
    await Deno.remove(folder, { recursive: true });
  }
}

async function whileServing(
  options: Omit<ServeOptions, "signal" | "onListen">,
  use: (url: string) => Promise<void>,
): Promise<string[]> {
  const controller = new AbortController();
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const { promise, resolve: onListen } = Promise.withResolvers<number>();
  const { signal } = controller;
  const served = serve({
    ...options,
    settings: { port: 0, ...options.settings },
    signal,
    log,
    onListen,
  });
  try {
    await use(`http://127.0.0.1:${await Promise.race([promise, served])}/`);
  } finally {
    controller.abort();
    await served;
  }
  return lines;
}

const post = (url: string, body: Uint8Array<ArrayBuffer> = CLIP, headers = {}) =>
  fetch(url, { method: "POST", body, headers });

const json = async (response: Promise<Response>, status = 200) => {
  const found = await response;
  const text = await found.text();
  equal(found.status, status, text);
  return JSON.parse(text);
};

const headsIn = (folder: string) => ({
  colours: `${folder}/colours-head`,
  sizes: `${folder}/sizes-head`,
});

/** What the whole models say of the clip. */
async function expectedIn(folder: string) {
  const answers: Record<string, unknown> = {};
  for (const name of ["backbone", "colours", "sizes"]) {
    const classifier = await pipeline("audio-classification", `${folder}/${name}`);
    answers[name] = await classifier(CLIP);
    classifier.dispose();
  }
  return answers;
}

/** Asks a service of the heads `colours` and `sizes` for all that it has. */
async function askAll(url: string, expected: Record<string, unknown>): Promise<void> {
  deepEqual(await json(post(url)), expected.backbone);
  deepEqual(await json(post(`${url}heads/colours`)), expected.colours);
  deepEqual(await json(post(`${url}?head=sizes`)), expected.sizes);
  const { colours, sizes } = expected;
  deepEqual(await json(post(`${url}heads`)), { colours, sizes });
  const { heads } = await json(fetch(`${url}heads`));
  deepEqual(heads, [{ name: "colours", labels: COLOURS }, { name: "sizes", labels: SIZES }]);
  for (const path of ["heads/none", "?head=no%20ne", "detect?head=none"]) {
    const { error } = await json(post(`${url}${path}`), 404);
    match(error, /^Cannot find head: expected one of colours, sizes, found "no/);
  }
  const events = await post(`${url}detect?head=sizes&scores=true&window_seconds=0.2&threshold=0`);
  equal(events.status, 200);
  const labels = (await events.text()).trim().split("\n").flatMap((line) => {
    const { scores, label } = JSON.parse(line);
    return scores ? scores.map((score: { label: string }) => score.label) : [label];
  });
  deepEqual([...new Set(labels)].sort(), SIZES.toSorted());
}

Deno.test("serve() answers with each head as the whole models do, and with all at once", async () => {
  await withHeads(async (folder) => {
    const expected = await expectedIn(folder);
    const options = { model: `${folder}/backbone`, heads: headsIn(folder) };
    const lines = await whileServing(options, async (url) => {
      await askAll(url, expected);
      const { error } = await json(post(`${url}heads/new/examples?label=a`), 403);
      match(error, /^Cannot teach/);
    });
    ok(lines.some((line) => line.includes("/heads/colours?top_k=3")));
  });
});

Deno.test("a bundle answers with its heads", async () => {
  await withHeads(async (folder) => {
    const expected = await expectedIn(folder);
    const output = `${folder}/service`;
    const { files } = await bundle({
      model: `${folder}/backbone`,
      heads: headsIn(folder),
      output,
    });
    ok(files.some(({ name }) => name === "heads/sizes/head.safetensors"));
    const env = { EARSHOT_TEACH_TOKEN: TOKEN };
    const rights = ["--allow-read=.", "--allow-net", "--allow-env=EARSHOT_TEACH_TOKEN"];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["serve", "--no-check", "--port", "0", ...rights, "server.js"],
      ...{ cwd: output, env, stdout: "piped", stderr: "piped" },
    }).spawn();
    try {
      const url = await addressIn(child.stderr);
      await askAll(url, expected);
      await teachTones(`${url}heads/pitch`);
      equal((await json(post(`${url}heads/pitch`, clipOf(1.02))))[0].label, "low");
    } finally {
      child.kill("SIGKILL");
      await Promise.all([child.status, child.stdout.cancel()]);
    }
  });
});

/** The address that `deno serve` prints; what comes later is thrown away. */
async function addressIn(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    text += value ?? "";
    const [address] = /http:\/\/\S+:\d+\//.exec(text) ?? [];
    if (address) {
      reader.cancel();
      return address.replace("0.0.0.0", "127.0.0.1");
    }
    if (done) throw new TypeError(`expected an address, found ${text}`);
  }
}

const clipOf = (pitch: number) => encodeWav(tone(2_000, pitch), 8_000).slice();
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

/** Teaches a head to tell low tones from high ones. */
async function teachTones(url: string): Promise<void> {
  let state;
  for (const pitch of [1, 1.05, 1.1, 4, 4.1, 4.2]) {
    const label = pitch < 2 ? "low" : "high";
    state = await json(post(`${url}/examples?label=${label}`, clipOf(pitch), AUTHORIZED));
  }
  deepEqual(state.labels, { low: 3, high: 3 });
  equal(state.ready, true);
}

Deno.test("serve() learns a head from examples, and saves it where it may", async () => {
  await withHeads(async (folder) => {
    const { colours } = headsIn(folder);
    const saveHeads = `${folder}/saved`;
    const options = {
      model: `${folder}/backbone`,
      heads: { colours },
      settings: { teachToken: TOKEN },
      saveHeads,
    };
    let taught: unknown;
    let files: Record<string, Uint8Array> = {};
    const lines = await whileServing(options, async (url) => {
      const first = await json(post(`${url}heads/pitch/examples?label=low`, clipOf(1), AUTHORIZED));
      deepEqual(first, { name: "pitch", labels: { low: 1 }, ready: false, saved: false });
      await json(post(`${url}heads/pitch`), 404);
      const early = fetch(`${url}heads/pitch/files`, { headers: AUTHORIZED });
      match((await json(early, 409)).error, /expected examples of two labels or more/);
      await teachTones(`${url}heads/tones`);
      taught = await json(post(`${url}heads/tones`, clipOf(4.15)));
      equal((taught as { label: string }[])[0]!.label, "high");
      const { heads } = await json(fetch(`${url}heads`));
      deepEqual(heads.at(-1), {
        ...{ name: "tones", labels: ["low", "high"] },
        examples: { low: 3, high: 3 },
      });
      await refusals(url);
      const archive = await fetch(`${url}heads/tones/files`, { headers: AUTHORIZED });
      equal(archive.headers.get("content-type"), "application/zip");
      files = await zipFiles(await archive.bytes());
      const gone = await fetch(`${url}heads/tones`, { method: "DELETE", headers: AUTHORIZED });
      equal(gone.status, 204);
      await json(post(`${url}heads/tones`), 404);
      await json(fetch(`${url}heads/colours`, { method: "DELETE", headers: AUTHORIZED }), 404);
    });
    equal(lines.some((line) => line.includes(TOKEN)), false);
    const classifier = await pipeline("audio-classification", `${folder}/backbone`, {
      head: `${saveHeads}/tones`,
    });
    deepEqual(await classifier(clipOf(4.15)), taught);
    classifier.dispose();
    deepEqual(Object.keys(files).sort(), ["config.json", "head.safetensors"]);
    for (const [name, bytes] of Object.entries(files)) {
      deepEqual(bytes, await Deno.readFile(`${saveHeads}/tones/${name}`), name);
    }
    deepEqual([...Deno.readDirSync(saveHeads)].map(({ name }) => name), ["tones"]);
  });
});

async function refusals(url: string): Promise<void> {
  const wrong = { authorization: `Bearer ${TOKEN.replace("0", "1")}` };
  for (const headers of [{}, wrong, { authorization: TOKEN }]) {
    const refused = await post(`${url}heads/x/examples?label=a`, CLIP, headers);
    equal(refused.status, 401);
    equal(refused.headers.get("www-authenticate"), "Bearer");
    await refused.body?.cancel();
  }
  await json(fetch(`${url}heads/tones`, { method: "DELETE" }), 401);
  const teach = (path: string) => post(`${url}heads/${path}`, CLIP, AUTHORIZED);
  for (
    const path of ["x/examples", "x/examples?label=", "x/examples?label=%00", ".x/examples?label=a"]
  ) {
    match((await json(teach(path), 400)).error, /^Cannot teach/);
  }
  match((await json(teach("colours/examples?label=a"), 409)).error, /found one that was given/);
  const empty = post(`${url}heads/x/examples?label=a`, new Uint8Array(0), AUTHORIZED);
  await json(empty, 400);
  await json(post(`${url}heads/x/examples?label=a`, CLIP.slice(0, 30), AUTHORIZED), 422);
}

Deno.test("serve() ends at a head of another backbone, and at bad names", async () => {
  await withHeads(async (folder) => {
    const options = { model: `${folder}/sizes`, heads: headsIn(folder) };
    await whileServing(options, async () => {});
    const config = `${folder}/colours-head/config.json`;
    const text = (await Deno.readTextFile(config)).replace(
      /"fingerprint": "./,
      '"fingerprint": "f',
    );
    await Deno.writeTextFile(config, text.replace(/"fingerprint": "f./, '"fingerprint": "ff'));
    await rejects(whileServing(options, async () => {}), /expected a backbone of fingerprint/);
  });
  deepEqual(namedHeads(["a=b", "c=d=e"]), { a: "b", c: "d=e" });
  for (const text of ["a", "=b", "a=", "a b=c", "../a=b"]) {
    let message = "";
    try {
      namedHeads([text]);
    } catch (error) {
      message = (error as Error).message;
    }
    match(message, /expected NAME=DIR/, text);
  }
  const typed = await cli(["serve", "--save-heads", "x"]);
  deepEqual([typed.code, /expected "--teach-token-file"/.test(typed.stderr)], [2, true]);
});

Deno.test("one head of several is gone while it is in use", async () => {
  await withHeads(async (folder) => {
    const heads = headsIn(folder);
    const classifier = await pipeline("audio-classification", `${folder}/backbone`, { heads });
    deepEqual(classifier.labels, TINY_LABELS);
    const clip = { samples: tone(4_000), samplingRate: 8_000 };
    const settings = { head: "sizes", windowSeconds: 0.1, hopSeconds: 0.1, threshold: 0 };
    const events = classifier.detect(clip, settings);
    await events.next();
    classifier.heads.remove("sizes");
    ok((await Array.fromAsync(events)).length > 0);
    await rejects(classifier(clip, { head: "sizes" }), /one of colours, found "sizes"/);
    classifier.dispose();
  });
});
