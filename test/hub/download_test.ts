import assert from "node:assert/strict";
import type { FileError, HubError } from "../../src/errors.ts";
import { cachedRepository, type HubFile } from "../../src/hub/cache.ts";
import { type Download, downloadBlob } from "../../src/hub/_download.ts";
import { hubFiles, type HubProgress } from "../../src/hub/mod.ts";
import type { HubSettings } from "../../src/hub/settings.ts";
import { writeToFullDisk } from "../full_disk.ts";
import type { Fault } from "./hub.ts";
import { filesBelow, type HubTest, hubTest, noise } from "./_fixtures.ts";

const WEIGHTS = noise(200_000);
const CONFIG = JSON.stringify({ text: "small, and kept by git".repeat(20) });

interface Prepared {
  repository: ReturnType<typeof cachedRepository>;
  weights: Download;
  config: Download;
}

/** A repository on the hub, and what downloads of its two files need. */
async function prepare({ hub, options }: HubTest): Promise<Prepared> {
  hub.addRepository("acme/tiny", { "model.safetensors": WEIGHTS, "config.json": CONFIG });
  const { files, commit } = await hubFiles("acme/tiny", options);
  const download = (name: string): Download => {
    const file: HubFile = files.find(({ path }) => path === name)!;
    const url = `${hub.url}/acme/tiny/resolve/${commit}/${name}`;
    return { url, file, subject: { type: "model", id: "acme/tiny", file: name, revision: commit } };
  };
  const repository = cachedRepository(options.cacheDirectory, "model", "acme/tiny");
  return { repository, weights: download("model.safetensors"), config: download("config.json") };
}

async function fetched(
  test: HubTest,
  prepared: Prepared,
  which: "weights" | "config" = "weights",
  settings?: HubSettings,
): Promise<Uint8Array> {
  const used = settings ?? await test.settings();
  return await Deno.readFile(await downloadBlob(used, prepared.repository, prepared[which]));
}

/** The files of the cache beside the notes of commits. */
async function held({ cacheDirectory }: HubTest): Promise<string[]> {
  return (await filesBelow(cacheDirectory)).filter((path) => !path.includes("/refs/"));
}

const TO_WEIGHTS = { path: "/objects/" };
const TO_CONFIG = { path: "/resolve-cache/" };

hubTest("downloadBlob() asks again for a body that is damaged once", async (test) => {
  const prepared = await prepare(test);
  const flip: Fault = { kind: "flip", at: 70_001 };
  test.hub.misbehave({ ...TO_WEIGHTS, times: 1, fault: flip });
  test.hub.misbehave({ ...TO_CONFIG, times: 1, fault: flip });
  assert.deepEqual(await fetched(test, prepared), WEIGHTS);
  assert.equal(new TextDecoder().decode(await fetched(test, prepared, "config")), CONFIG);
});

for (const which of ["weights", "config"] as const) {
  hubTest(`downloadBlob() keeps nothing of damaged ${which}`, async (test) => {
    const prepared = await prepare(test);
    test.hub.misbehave({ path: "/", fault: { kind: "flip", at: 11 } });
    await assert.rejects(fetched(test, prepared, which), (error: HubError) => {
      assert.equal(error.reason, "damaged");
      assert.match(error.message, /^Cannot download file ".*" of model "acme\/tiny" from http.*: /);
      assert.match(
        error.message,
        /expected \d+ bytes with (SHA-256|git hash) [0-9a-f]{40,64}, found/,
      );
      return true;
    });
    assert.deepEqual(await held(test), []);
  });
}

hubTest("downloadBlob() refuses a body that is too long", async (test) => {
  const prepared = await prepare(test);
  const { file } = prepared.weights;
  const shorter = { ...prepared.weights, file: { ...file, sizeBytes: file.sizeBytes - 1 } };
  const download = downloadBlob(await test.settings(), prepared.repository, shorter);
  await assert.rejects(download, { reason: "damaged" });
  assert.deepEqual(await held(test), []);
});

for (const honest of [true, false]) {
  const how = honest ? "ends early" : "breaks";
  hubTest(`downloadBlob() goes on where a body ${how}`, async (test) => {
    const prepared = await prepare(test);
    test.hub.misbehave({
      ...TO_WEIGHTS,
      times: 2,
      fault: { kind: "short", bytes: 65_000, honest },
    });
    assert.deepEqual(await fetched(test, prepared), WEIGHTS);
    const ranges = test.hub.requests.filter(({ server }) => server === "storage")
      .map(({ headers }) => [headers.get("Range"), headers.has("If-Range")]);
    const expected = [[null, false], ["bytes=65000-", true], ["bytes=130000-", true]];
    assert.deepEqual(ranges, expected);
  });
}

hubTest("downloadBlob() gives up on a body that never comes, and keeps nothing", async (test) => {
  const prepared = await prepare(test);
  const settings = await test.settings();
  test.hub.misbehave({ ...TO_WEIGHTS, fault: { kind: "short", bytes: 0, honest: true } });
  await assert.rejects(fetched(test, prepared, "weights", settings), {
    name: "HubError",
    reason: "unreachable",
    message: /expected 200000 bytes, found 0$/,
  });
  assert.deepEqual(settings.pauses, [500, 1000, 2000]);
  const blobs = (await held(test)).filter((path) => !path.endsWith(".incomplete"));
  assert.deepEqual(blobs, []);
});

hubTest("a later download goes on where a stopped one was", async (test) => {
  const prepared = await prepare(test);
  const stop = new AbortController();
  const onProgress = ({ receivedBytes }: HubProgress) => {
    if (receivedBytes >= 65_000) stop.abort();
  };
  test.hub.misbehave({ ...TO_WEIGHTS, times: 1, fault: { kind: "stall", bytes: 65_000 } });
  const settings = await test.settings({ signal: stop.signal, onProgress });
  await assert.rejects(fetched(test, prepared, "weights", settings), { name: "AbortError" });
  assert.deepEqual(await fetched(test, prepared), WEIGHTS);
  const last = test.hub.requests.findLast(({ server }) => server === "storage");
  assert.equal(last?.headers.get("Range"), "bytes=65000-");
});

hubTest("what another process left behind is checked too", async (test) => {
  const prepared = await prepare(test);
  const blob = prepared.repository.blob(prepared.weights.file);
  await Deno.mkdir(blob.slice(0, blob.lastIndexOf("/")), { recursive: true });
  for (const leftover of [noise(1000, 7), noise(200_000, 7), noise(300_000, 7)]) {
    await Deno.writeFile(`${blob}.earshot.incomplete`, leftover);
    assert.deepEqual(await fetched(test, prepared), WEIGHTS);
    await Deno.remove(blob);
  }
});

hubTest("downloadBlob() begins anew where the server knows no ranges", async (test) => {
  const prepared = await prepare(test);
  const blob = prepared.repository.blob(prepared.weights.file);
  await Deno.mkdir(blob.slice(0, blob.lastIndexOf("/")), { recursive: true });
  await Deno.writeFile(`${blob}.earshot.incomplete`, WEIGHTS.subarray(0, 1000));
  const withoutRanges: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.delete("Range");
    return fetch(input, { ...init, headers });
  };
  const settings = await test.settings({ fetch: withoutRanges });
  assert.deepEqual(await fetched(test, prepared, "weights", settings), WEIGHTS);
  assert.equal(test.hub.requests.filter(({ server }) => server === "storage").length, 1);
});

hubTest("two downloads of one file at once fetch it once", async (test) => {
  const prepared = await prepare(test);
  const two = [fetched(test, prepared), fetched(test, prepared)];
  assert.deepEqual(await Promise.all(two), [WEIGHTS, WEIGHTS]);
  assert.equal(test.hub.requests.filter(({ server }) => server === "storage").length, 1);
});

/** Runs `body` with a function that ends the latest wait of `delayMs` at once. */
async function withTimer(
  delayMs: number,
  body: (elapse: () => void) => Promise<void>,
): Promise<void> {
  const { setTimeout } = globalThis;
  let latest = () => {};
  globalThis.setTimeout = ((callback: () => void, ms: number) => {
    if (ms === delayMs) latest = callback;
    return setTimeout(callback, ms);
  }) as typeof setTimeout;
  try {
    await body(() => latest());
  } finally {
    globalThis.setTimeout = setTimeout;
  }
}

hubTest("a body that stops coming is given up", async (test) => {
  const prepared = await prepare(test);
  const settings = await test.settings({ timeoutSec: 3600 });
  await withTimer(3600e3, async (onStall) => {
    test.hub.misbehave({ ...TO_WEIGHTS, fault: { kind: "stall", bytes: 0, onStall } });
    await assert.rejects(fetched(test, prepared, "weights", settings), {
      reason: "unreachable",
      message:
        /^Cannot reach "http:\/\/localhost:\d+": expected an answer, found nothing for 3600 s$/,
    });
    test.hub.behave();
    test.hub.misbehave({ ...TO_WEIGHTS, times: 1, fault: { kind: "stall", bytes: 9000, onStall } });
    assert.deepEqual(await fetched(test, prepared, "weights", settings), WEIGHTS);
  });
});

hubTest("a full disk in the middle leaves nothing behind", async (test) => {
  const prepared = await prepare(test);
  const { write } = Deno.FsFile.prototype;
  let writes = 0;
  Deno.FsFile.prototype.write = function (this: Deno.FsFile, bytes: Uint8Array) {
    return ++writes > 1 ? Promise.resolve().then(writeToFullDisk) : write.call(this, bytes);
  };
  try {
    await assert.rejects(fetched(test, prepared), (error: FileError) => {
      assert.deepEqual([error.name, error.code], ["FileError", "ENOSPC"]);
      assert.match(error.message, /^Cannot write ".*": the disk is full$/);
      return true;
    });
  } finally {
    Deno.FsFile.prototype.write = write;
  }
  assert.ok(writes > 1);
  assert.deepEqual(await held(test), []);
  assert.deepEqual(await fetched(test, prepared), WEIGHTS);
});

hubTest("onProgress is called for every part up to the whole", async (test) => {
  const prepared = await prepare(test);
  const seen: HubProgress[] = [];
  const settings = await test.settings({ onProgress: (progress) => seen.push(progress) });
  await fetched(test, prepared, "weights", settings);
  const last = seen.at(-1);
  const whole = { repository: "acme/tiny", file: "model.safetensors", totalBytes: 200_000 };
  assert.deepEqual(last, { ...whole, receivedBytes: 200_000 });
  const counts = seen.map(({ receivedBytes }) => receivedBytes);
  assert.deepEqual(counts, counts.toSorted((a, b) => a - b));
});
