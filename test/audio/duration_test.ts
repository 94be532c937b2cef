import { equal, ok } from "node:assert/strict";
import { findMp3Frame, readMp3Header } from "../../src/audio/_mp3_header.ts";
import { compressedDurationSec } from "../../src/audio/duration.ts";
import { decodeAudio } from "../../src/audio/mod.ts";
import { fixture, FIXTURES } from "./fixtures.ts";
import { mutate, seeded } from "./mutate.ts";
import { concat } from "./wav_file.ts";

function durationOf(bytes: Uint8Array): Promise<number | undefined> {
  const read = (start: number, end: number) => bytes.slice(start, end);
  return compressedDurationSec({ sizeBytes: bytes.length, read });
}

Deno.test("compressedDurationSec() equals the decoded length", async () => {
  for (const name of FIXTURES.filter((name) => name !== "mono.oga")) {
    const bytes = await fixture(name);
    equal(await durationOf(bytes), (await decodeAudio(bytes)).durationSec, name);
  }
});

Deno.test("compressedDurationSec() looks behind an ID3 tag", async () => {
  const tag = concat("ID3\x04\0\0\0\0\x40\0", new Uint8Array(64 * 128));
  equal(await durationOf(concat(tag, await fixture("mono24.flac"))), 0.1);
  equal(await durationOf(concat(tag, await fixture("mpeg25.mp3"))), 0.3);
});

Deno.test("compressedDurationSec() counts frames of MP3 by their size where nothing is stated", async () => {
  const bytes = await fixture("mpeg25.mp3");
  const start = findMp3Frame(bytes, 0);
  const withoutInfo = bytes.subarray(start + readMp3Header(bytes, start)!.frameBytes);
  const found = await durationOf(withoutInfo);
  ok(found !== undefined && Math.abs(found - withoutInfo.length / 2_000) < 1e-9, `${found}`);
});

Deno.test("compressedDurationSec() gives a sound number or none for broken files", async () => {
  const random = seeded(5);
  for (let round = 0; round < 500; round++) {
    const found = await durationOf(
      mutate(await fixture(FIXTURES[round % FIXTURES.length]!), random),
    );
    ok(found === undefined || found > 0 && Number.isFinite(found), `${found}`);
  }
});
