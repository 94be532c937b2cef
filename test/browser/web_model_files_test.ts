import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { webModelFiles, type WebModelOptions } from "../../src/browser/mod.ts";
import { readExactly } from "../../src/weights/byte_source.ts";

/** A host with some files, which counts what it is asked. */
function host(files: Record<string, string>, headers: Record<string, string> = {}) {
  const asked: string[] = [];
  const fetch = (url: string | URL | Request, { method = "GET" }: RequestInit = {}) => {
    asked.push(`${method} ${url}`);
    const body = files[String(url)];
    if (body === undefined) return Promise.resolve(new Response("none", { status: 404 }));
    const sized = { "content-length": `${new TextEncoder().encode(body).length}`, ...headers };
    return Promise.resolve(new Response(method === "GET" ? body : null, { headers: sized }));
  };
  return { asked, fetch: fetch as typeof globalThis.fetch };
}

const FOLDER = "https://example.org/models/tiny";
const CONFIG = '{"a":1}';
const CONFIG_SHA256 = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";

async function textOf(options: WebModelOptions, name = "config.json", model = FOLDER) {
  const source = await webModelFiles(model, options).open(name);
  return source && new TextDecoder().decode(await readExactly(source, 0, source.sizeBytes));
}

/** A name that no other test has; the cache is gone afterwards. */
async function withCache(run: (cache: string) => Promise<void>): Promise<void> {
  const cache = `earshot-${crypto.randomUUID()}`;
  await run(cache).finally(() => caches.delete(cache));
}

Deno.test("webModelFiles() gives the files of a folder, and none where there is none", async () => {
  const { fetch, asked } = host({ [`${FOLDER}/config.json`]: CONFIG });
  equal(await textOf({ fetch, cache: false }), CONFIG);
  equal(await textOf({ fetch, cache: false }, "model.safetensors"), undefined);
  deepEqual(asked, [`GET ${FOLDER}/config.json`, `GET ${FOLDER}/model.safetensors`]);
});

Deno.test("webModelFiles() takes a page for a file that is not there", async () => {
  const { fetch } = host({ [`${FOLDER}/config.json`]: "<p>" }, { "content-type": "text/html" });
  equal(await textOf({ fetch, cache: false }), undefined);
});

Deno.test("webModelFiles() refuses bytes of another hash than an option or an ETag gives", async () => {
  const { fetch } = host({ [`${FOLDER}/config.json`]: CONFIG });
  const hashes = { "config.json": CONFIG_SHA256 };
  equal(await textOf({ fetch, hashes, cache: false }), CONFIG);
  const wrong = { "config.json": "0".repeat(64) };
  await rejects(textOf({ fetch, hashes: wrong, cache: false }), /expected 0+, found other bytes/);
  const tagged = host({ [`${FOLDER}/config.json`]: CONFIG }, { etag: `"${"1".repeat(64)}"` });
  await rejects(textOf({ fetch: tagged.fetch, cache: false }), { name: "FileError" });
});

Deno.test("webModelFiles() refuses a body that ends too early", async () => {
  const { fetch } = host({ [`${FOLDER}/config.json`]: CONFIG }, { "content-length": "9" });
  await rejects(textOf({ fetch, cache: false }), /expected 9 bytes, found 7/);
});

Deno.test("webModelFiles() asks whether its copy is still good, and uses it where nobody answers", async () => {
  await withCache(async (cache) => {
    const { fetch, asked } = host({ [`${FOLDER}/config.json`]: CONFIG }, { etag: '"one"' });
    await textOf({ fetch, cache });
    equal(await textOf({ fetch, cache }), CONFIG);
    deepEqual(asked, [`GET ${FOLDER}/config.json`, `HEAD ${FOLDER}/config.json`]);
    const changed = host({ [`${FOLDER}/config.json`]: "{}" }, { etag: '"two"' });
    equal(await textOf({ fetch: changed.fetch, cache }), "{}");
    const offline = () => Promise.reject(new TypeError("offline"));
    equal(await textOf({ fetch: offline, cache }), "{}");
  });
});

Deno.test("webModelFiles() holds its copy to a hash, and fetches a damaged one again", async () => {
  await withCache(async (cache) => {
    const { fetch, asked } = host({ [`${FOLDER}/config.json`]: CONFIG });
    const hashes = { "config.json": CONFIG_SHA256 };
    await textOf({ fetch, cache, hashes });
    equal(await textOf({ fetch, cache, hashes }), CONFIG);
    equal(asked.length, 1);
    await (await caches.open(cache)).put(`${FOLDER}/config.json`, new Response('{"a":2}'));
    equal(await textOf({ fetch, cache, hashes }), CONFIG);
    equal(asked.length, 2);
  });
});

const HUB = "https://hub.test";
const COMMIT = "c".repeat(40);
const LISTING = `${HUB}/api/models/acme/tiny/revision/main?blobs=true`;

function hub(overrides: Record<string, unknown> = {}) {
  const siblings = [
    { rfilename: "config.json", size: 7, blobId: "dec8c3e33ec7cd23fbd8cb6ad6f64a0a0b1a3a05" },
    { rfilename: "model.safetensors", lfs: { size: 7, sha256: CONFIG_SHA256 }, ...overrides },
  ];
  return host({
    [LISTING]: JSON.stringify({ sha: COMMIT, siblings }),
    [`${HUB}/acme/tiny/resolve/${COMMIT}/config.json`]: CONFIG,
    [`${HUB}/acme/tiny/resolve/${COMMIT}/model.safetensors`]: CONFIG,
  });
}

Deno.test("webModelFiles() holds files of the hub to the hashes that it lists", async () => {
  const { fetch, asked } = hub();
  const read = (name: string, options: WebModelOptions = { fetch }) =>
    textOf({ cache: false, endpoint: HUB, ...options }, name, "acme/tiny");
  equal(await read("model.safetensors"), CONFIG);
  equal(await read("pytorch_model.bin"), undefined);
  equal(asked.filter((url) => url.includes("/resolve/")).length, 1);
  const bad = hub({ lfs: { size: 7, sha256: "0".repeat(64) } });
  await rejects(read("model.safetensors", { fetch: bad.fetch }), /found other bytes/);
  await rejects(read("config.json"), /expected dec8c3e3.*found other bytes/);
});

Deno.test("webModelFiles() reads a model of the hub again without the hub", async () => {
  await withCache(async (cache) => {
    const { fetch } = hub();
    const name = "model.safetensors";
    await textOf({ fetch, cache, endpoint: HUB }, name, "acme/tiny");
    const offline = () => Promise.reject(new TypeError("offline"));
    equal(await textOf({ fetch: offline, cache, endpoint: HUB }, name, "acme/tiny"), CONFIG);
  });
});

Deno.test("webModelFiles() says that the hub has no such model, and refuses what is no place", async () => {
  const { fetch } = host({});
  await rejects(textOf({ fetch, cache: false, endpoint: HUB }, "config.json", "acme/none"), {
    name: "HubError",
    reason: "repository",
  });
  throws(() => webModelFiles("tiny"), /expected a URL/);
});
