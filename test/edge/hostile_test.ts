/**
 * Small files that unfold to much, and requests that are out of all proportion, while others ask for what they need.
 *
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { fixture } from "../audio/fixtures.ts";
import { tone } from "../tiny_model.ts";
import { serveCommand, whileRunning } from "./_processes.ts";

const MODEL = "models/voice_menu";
const GOOD = encodeWav(tone(8_000), 8_000).slice();

/** The header of a WAV of 16 bits, with what is stated of its length. */
function wav(
  facts: { rateHz: number; channels?: number; dataBytes: number; statedBytes?: number },
): Uint8Array<ArrayBuffer> {
  const { rateHz, channels = 1, dataBytes, statedBytes = dataBytes } = facts;
  const bytes = new Uint8Array(44 + dataBytes);
  const view = new DataView(bytes.buffer);
  const frameBytes = 2 * channels;
  for (const [at, text] of [[0, "RIFF"], [8, "WAVEfmt "], [36, "data"]] as const) {
    bytes.set(new TextEncoder().encode(text), at);
  }
  view.setUint32(4, 36 + statedBytes, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * frameBytes, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, statedBytes, true);
  return bytes;
}

/** A FLAC that states its length, rate and channels; what follows is none. */
function flac(seconds: number, rateHz: number, channels: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4_096);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("fLaC"));
  view.setUint32(4, 0x80_00_00_22);
  view.setUint16(8, 4_096);
  view.setUint16(10, 4_096);
  const frames = BigInt(seconds * rateHz);
  view.setBigUint64(18, BigInt(rateHz) << 44n | BigInt(channels - 1) << 41n | 15n << 36n | frames);
  return bytes;
}

/** Opus whose last page states another end. */
async function opusOf(seconds: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = (await fixture("mono.opus")).slice() as Uint8Array<ArrayBuffer>;
  let at = bytes.length - 4;
  while (String.fromCharCode(...bytes.subarray(at, at + 4)) !== "OggS") at--;
  new DataView(bytes.buffer).setBigInt64(at + 6, BigInt(seconds * 48_000), true);
  return bytes;
}

/** The status with which a request of bare bytes is answered, or none where the connection ends. */
async function statusOf(url: string, head: string): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const writing = connection.write(new TextEncoder().encode(head)).catch(() => {});
  const first = new Uint8Array(1_024);
  const count = await connection.read(first).catch(() => 0) ?? 0;
  connection.close();
  await writing;
  const text = new TextDecoder().decode(first.subarray(0, count));
  const found = /^HTTP\/1.1 (\d+)/.exec(text);
  return found ? Number(found[1]) : undefined;
}

type Hostile = [name: string, body: BodyInit, status: number, message: RegExp];

async function refuses(url: string, bodies: readonly Hostile[]): Promise<void> {
  for (const [name, body, status, message] of bodies) {
    const response = await fetch(url, { method: "POST", body });
    const text = await response.text();
    equal(response.status, status, `${name}: ${text}`);
    match(text, message, name);
  }
  const begin = "POST / HTTP/1.1\r\nHost: localhost\r\n";
  const declared = await statusOf(url, `${begin}Content-Length: 20000000000\r\n\r\n`);
  equal(declared, 413);
  const long = `GET /?q=${
    "a".repeat(100_000)
  } HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  ok([200, 400, 414, 431].includes((await statusOf(url, long))!));
  const many = Array.from({ length: 300 }, (_, i) => `x-${i}: 1\r\n`).join("");
  const headers = await statusOf(
    url,
    `GET / HTTP/1.1\r\nHost: localhost\r\n${many}Connection: close\r\n\r\n`,
  );
  ok([400, 431].includes(headers!), String(headers));
}

Deno.test("serve refuses what is out of all proportion, and goes on with what is not", async () => {
  const half = await fixture("mono24.flac");
  const bodies: Hostile[] = [
    ["FLAC that unfolds", flac(59, 192_000, 8), 413, /64 MiB decoded.*59.0 s at 192000 Hz with 8/],
    ["Opus of hours", await opusOf(10_800), 413, /64 MiB decoded.*10\d\d\d.\d s at 48000 Hz/],
    [
      "65,535 channels",
      wav({ rateHz: 8_000, channels: 65_535, dataBytes: 4_000 }),
      422,
      /channels/,
    ],
    ["a rate of primes", wav({ rateHz: 191_999, dataBytes: 40 }), 422, /at least/],
    ["a slow rate", wav({ rateHz: 170, dataBytes: 10_000 }), 200, /./],
    ["a rate beside another", wav({ rateHz: 384_001, dataBytes: 40_000 }), 200, /./],
    [
      "4 GB declared",
      wav({ rateHz: 8_000, dataBytes: 8_000, statedBytes: 2 ** 32 - 64 }),
      200,
      /./,
    ],
    ["half a FLAC", half.slice(0, half.length / 2), 422, /empty/],
    ["10 MB of JSON", `[${"1,".repeat(5e6)}1]`, 415, /Cannot decode audio/],
  ];
  await whileRunning(serveCommand(MODEL, ["--port", "0"]), async (url) => {
    let isDone = false;
    const statuses: number[] = [];
    const good = (async () => {
      const found = new Set<number>();
      while (!isDone) {
        const response = await fetch(url, { method: "POST", body: GOOD });
        await response.body?.cancel();
        found.add(response.status);
      }
      return [...found];
    })();
    try {
      await refuses(url, bodies);
    } finally {
      isDone = true;
      statuses.push(...await good);
    }
    equal(statuses.join(), "200");
  });
});
