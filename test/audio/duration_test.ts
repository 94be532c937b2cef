import { equal, ok } from "node:assert/strict";
import { findMp3Frame, readMp3Header } from "../../src/audio/_mp3_header.ts";
import { audioDurationSec } from "../../src/audio/duration.ts";
import { decodeAudio } from "../../src/audio/mod.ts";
import { fixture, FIXTURES } from "./fixtures.ts";
import { toneWav } from "../data/folders.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { concat } from "./wav_file.ts";

/** Those whose headers state no length, or the length without what fills the last packet. */
const ROUGH = [
  "mono.oga",
  "mp3.wav",
  "stereo.m4a",
  "fragments.mp4",
  "stereo.aac",
  "pulses.aac",
  "alac.caf",
  "opus.webm",
  "vorbis.mka",
];

function durationOf(bytes: Uint8Array): Promise<number | undefined> {
  const read = (start: number, end: number) => bytes.slice(start, end);
  return audioDurationSec({ sizeBytes: bytes.length, read });
}

Deno.test("audioDurationSec() equals the decoded length", async () => {
  for (const name of FIXTURES.filter((name) => !ROUGH.includes(name))) {
    const bytes = await fixture(name);
    equal(await durationOf(bytes), (await decodeAudio(bytes)).durationSec, name);
  }
});

Deno.test("audioDurationSec() looks behind an ID3 tag", async () => {
  const tag = concat("ID3\x04\0\0\0\0\x40\0", new Uint8Array(64 * 128));
  equal(await durationOf(concat(tag, await fixture("mono24.flac"))), 0.1);
  equal(await durationOf(concat(tag, await fixture("mpeg25.mp3"))), 0.3);
});

Deno.test("audioDurationSec() counts frames of MP3 by their size where nothing is stated", async () => {
  const bytes = await fixture("mpeg25.mp3");
  const start = findMp3Frame(bytes, 0);
  const withoutInfo = bytes.subarray(start + readMp3Header(bytes, start)!.frameBytes);
  const found = await durationOf(withoutInfo);
  ok(found !== undefined && Math.abs(found - withoutInfo.length / 2_000) < 1e-9, `${found}`);
});

kitTest("audioDurationSec() reads what the reference decodes", async () => {
  const { files } = await readJson<{ files: Record<string, { rate: number; frames: number }> }>(
    kitPath("decode", "expected.json"),
  );
  let seen = 0;
  for (const [name, { rate, frames }] of Object.entries(files)) {
    if (!name.endsWith(".wav")) continue;
    const bytes = await Deno.readFile(kitPath("decode", name));
    const seconds = await durationOf(bytes);
    equal(Math.abs(seconds! - frames / rate) < 1 / rate, true, `${name}: ${seconds}`);
    seen++;
  }
  equal(seen, 17);
});

kitTest("audioDurationSec() gives a plain number or nothing for broken files", async () => {
  for await (const { name } of Deno.readDir(kitPath("decode", "bad"))) {
    const bytes = await Deno.readFile(kitPath("decode", "bad", name));
    const seconds = await durationOf(bytes);
    equal(seconds === undefined || seconds >= 0 && Number.isFinite(seconds), true, name);
  }
});

Deno.test("audioDurationSec() reads little of a long file", async () => {
  const bytes = toneWav(10);
  let bytesRead = 0;
  const read = (start: number, end: number) => {
    bytesRead += end - start;
    return bytes.slice(start, end);
  };
  equal(await audioDurationSec({ sizeBytes: bytes.length, read }), 10);
  equal(bytesRead, 4_096);
});

Deno.test("audioDurationSec() steps over the padding of an odd chunk", async () => {
  const wav = toneWav(1);
  const odd = new TextEncoder().encode("note\x03\0\0\0abc\0");
  const bytes = Uint8Array.of(...wav.slice(0, 12), ...odd, ...wav.slice(12));
  equal(await durationOf(bytes), 1);
});

Deno.test("audioDurationSec() takes an unfinished size to mean the rest of the file", async () => {
  for (const size of [0, 0xffffffff, 1_000_000]) {
    const bytes = toneWav(1);
    new DataView(bytes.buffer).setUint32(40, size, true);
    if (size === 0) new DataView(bytes.buffer).setUint32(4, 0, true);
    equal(await durationOf(bytes), 1);
  }
});

Deno.test("audioDurationSec() gives up on a file of chunks without end", async () => {
  const bytes = new Uint8Array(1_000_000);
  bytes.set(new TextEncoder().encode("RIFF----WAVE"));
  let bytesRead = 0;
  const read = (start: number, end: number) => {
    bytesRead += end - start;
    return bytes.slice(start, end);
  };
  equal(await audioDurationSec({ sizeBytes: bytes.length, read }), undefined);
  ok(bytesRead < 600_000, `${bytesRead}`);
});
