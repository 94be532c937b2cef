/**
 * Requests that are meant to do harm, made here: small files that unfold, lengths and rates that lie, headers without
 * end.
 *
 * @module
 */
import { encodeWav } from "../../src/audio/mod.ts";
import { oggFile } from "../../test/audio/ogg_file.ts";
import { concat, formatChunk, riff, u16 } from "../../test/audio/wav_file.ts";
import { silentFlac } from "./_silent_flac.ts";

/** One request, and what may be answered. */
export interface HostileRequest {
  name: string;
  /** Statuses that are right; what takes a place may also find none (503). */
  allowed: readonly number[];
  /** What has to be in the answer, where the right limit is to be named. */
  says?: RegExp;
  /** Whether it is a file that has to be refused by its headers, before anything unfolds. */
  unfolds?: boolean;
  /** Sends it. */
  send(url: string): Promise<{ status: number; text: string }>;
}

/** Longer than this no answer may take. */
const PATIENCE_MS = 30_000;
const REFUSED = [400, 413, 415, 422] as const;

/** All of them. */
export async function hostileRequests(): Promise<HostileRequest[]> {
  const flac = silentFlac({ rateHz: 192_000, channels: 8, seconds: 59 });
  const short = silentFlac({ rateHz: 48_000, channels: 1, seconds: 4 });
  const half = short.slice(0, short.length / 2);
  const files: [name: string, bytes: Uint8Array, allowed?: readonly number[], says?: RegExp][] = [
    ["FLAC of 59 s of silence, 192 kHz, 8 channels", flac, REFUSED, /MiB|bytes|channels/],
    ["WAV of 10 KB at 170 Hz", wav(5_000, 170), [200, ...REFUSED]],
    ["WAV of 84 bytes at 191,999 Hz", wav(20, 191_999), [200, ...REFUSED]],
    ["WAV at 384,001 Hz", wav(20_000, 384_001), [200, ...REFUSED]],
    ["Opus of 3 h", silentOpus(3 * 3_600), REFUSED, /s, |seconds|MiB|bytes/],
    ["half a FLAC file", half, [200, ...REFUSED]],
    ["WAV of 65,535 channels", manyChannels(), REFUSED, /channels/],
    ["FLAC of nothing but its marker", flac.slice(0, 4), REFUSED],
  ];
  const known = await damagedOpus();
  if (known) files.push(["Opus that traps in its decoder", known, [200, ...REFUSED]]);
  return [
    ...files.map(([name, bytes, allowed = REFUSED, says]) => {
      const unfolds = says !== undefined;
      return { name, allowed, says, unfolds, send: (url: string) => post(url, bytes.slice()) };
    }),
    {
      name: "a declared length of 20 GB",
      allowed: [413],
      send: (url) => raw(url, ["Content-Length: 20000000000"]),
    },
    {
      name: "10 MB of JSON",
      allowed: REFUSED,
      send: (url) => {
        const inputs = "A".repeat(10_000_000);
        return post(url, JSON.stringify({ inputs }), { "content-type": "application/json" });
      },
    },
    {
      name: "JSON of 100,000 parameters",
      allowed: REFUSED,
      send: (url) => {
        const names = Array.from({ length: 100_000 }, (_, i) => [`p${i}`, i]);
        const body = JSON.stringify({ inputs: "", parameters: Object.fromEntries(names) });
        return post(url, body, { "content-type": "application/json" });
      },
    },
    {
      name: "a query of 100 KB",
      allowed: [200, 400, 414, 431],
      send: (url) => raw(url, [], `/?${"a=1&".repeat(25_000)}`),
    },
    {
      name: "300 headers",
      allowed: [200, 400, 431],
      send: (url) => raw(url, Array.from({ length: 300 }, (_, i) => `X-Header-${i}: ${i}`)),
    },
  ];
}

async function post(
  url: string,
  body: BodyInit,
  headers: HeadersInit = {},
): Promise<{ status: number; text: string }> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(url, { method: "POST", body, headers, signal });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    return { status: 0, text: String(error) };
  }
}

/** A request that no `fetch` would send, and the first that comes back. */
async function raw(
  url: string,
  headers: string[],
  path = "/",
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  try {
    const method = headers[0]?.startsWith("Content-Length") ? "POST" : "GET";
    const head = [`${method} ${path} HTTP/1.1`, "Host: a", ...headers, "", ""];
    await connection.write(new TextEncoder().encode(head.join("\r\n")));
    const bytes = new Uint8Array(4_096);
    const count = await connection.read(bytes);
    const text = new TextDecoder().decode(bytes.subarray(0, count ?? 0));
    return { status: Number(text.match(/^HTTP\/1.1 (\d+)/)?.[1] ?? 0), text };
  } catch (error) {
    return { status: 0, text: String(error) };
  } finally {
    connection.close();
  }
}

function wav(samples: number, rateHz: number): Uint8Array {
  const noise = Float32Array.from({ length: samples }, (_, i) => Math.sin(i * i) / 2);
  return encodeWav(noise, rateHz);
}

function manyChannels(): Uint8Array {
  const data = new Uint8Array(65_535 * 2);
  const format = formatChunk({ channels: 65_535, rateHz: 8_000, frameBytes: 65_534 });
  return riff([format, concat("data", u16(65_534, 1), data)]);
}

/** Hours of packets of two bytes, each 120 ms of nothing. */
export function silentOpus(seconds: number): Uint8Array {
  const head = concat("OpusHead", Uint8Array.of(1, 1), u16(0), new Uint8Array([128, 187, 0, 0]));
  const tags = concat("OpusTags", new Uint8Array(8));
  // SILK, narrow band, 60 ms, two frames of the same length.
  const packet = Uint8Array.of(0b00011001, 0, 0);
  const packets = Math.floor(seconds / 0.12);
  const pages = Array.from({ length: Math.ceil(packets / 250) }, () => new Array(250).fill(packet));
  return oggFile([[concat(head, new Uint8Array(3))], [tags], ...pages], 48_000 * seconds);
}

/** A file that stands beside the repository where it is developed. */
async function damagedOpus(): Promise<Uint8Array | undefined> {
  const url = new URL("../../../shared/cases/hostile/opus-2759.opus", import.meta.url);
  return await Deno.readFile(url).catch(() => undefined);
}
