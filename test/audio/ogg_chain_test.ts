/**
 * Ogg streams that follow one another in one file, from memory and as they come.
 *
 * @module
 */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { audioDurationSec, decodeAudio, openAudio, resample } from "../../src/audio/mod.ts";
import { fixture } from "./fixtures.ts";
import { sealOgg } from "./sealed.ts";
import { concat } from "./wav_file.ts";

async function streamed(bytes: Uint8Array, pieceBytes: number): Promise<number[]> {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      yield await Promise.resolve(bytes.slice(at, at + pieceBytes));
    }
  }
  const { blocks } = await openAudio(pieces());
  return (await Array.fromAsync(blocks())).flatMap((block) => [...block]);
}

/** The file with its pages under another number of a stream. */
function renumbered(file: Uint8Array, serial: number): Uint8Array {
  const copy = file.slice();
  for (let at = 0; at < copy.length;) {
    new DataView(copy.buffer).setUint32(at + 14, serial, true);
    const lacing = copy.subarray(at + 27, at + 27 + copy[at + 26]!);
    at += 27 + lacing.length + lacing.reduce((sum, size) => sum + size, 0);
  }
  return sealOgg(copy);
}

for (
  const [name, ...others] of [
    ["mono.opus", "stereo.opus"],
    ["mono.ogg"],
    ["stereo.ogg"],
    ["mono.oga"],
  ]
) {
  Deno.test(`decodeAudio() goes on with the streams behind ${name}`, async () => {
    const names = [name!, ...others, name!];
    const files = await Promise.all(names.map(fixture));
    const parts = await Promise.all(files.map((file) => decodeAudio(file)));
    const chained = concat(...files);
    const { samples, warning } = await decodeAudio(chained);
    const whole = parts.flatMap((part) => [...part.samples]);
    deepEqual([...samples], whole);
    equal(warning, undefined);
    for (const pieceBytes of [1, 1_009]) deepEqual(await streamed(chained, pieceBytes), whole);
  });
}

Deno.test("decodeAudio() brings a Vorbis stream behind another to the rate of the first", async () => {
  const [first, second] = [await fixture("stereo.ogg"), await fixture("mono.ogg")];
  const [one, two] = [await decodeAudio(first), await decodeAudio(second)];
  equal(one.sampleRateHz === two.sampleRateHz, false);
  const { samples, sampleRateHz } = await decodeAudio(concat(first, second));
  equal(sampleRateHz, one.sampleRateHz);
  const resampled = resample(two.samples, two.sampleRateHz, one.sampleRateHz);
  deepEqual(samples, concatenated(one.samples, resampled));
});

Deno.test("decodeAudio() goes on behind a stream that was cut off between pages", async () => {
  const file = await fixture("mono.opus");
  const first = renumbered(file, 77).slice();
  // The last page no longer says that it is.
  first[lastPageOf(first) + 5]! &= ~4;
  const { samples } = await decodeAudio(file);
  const both = await decodeAudio(concat(sealOgg(first), file));
  equal(both.samples.length >= 2 * samples.length, true);
  deepEqual(both.samples.slice(-samples.length), samples);
});

Deno.test("decodeAudio() counts the frames of each FLAC stream in Ogg by its own header", async () => {
  const file = await fixture("mono.oga");
  const { samples } = await decodeAudio(file);
  // A stream whose header counts fewer frames than there are ends there, the one behind it begins.
  const frames = samples.length - 9;
  const shorter = await decodeAudio(concat(countedFlac(file, frames), file));
  deepEqual(shorter.samples, concatenated(samples.subarray(0, frames), samples));
  const longer = await decodeAudio(concat(countedFlac(file, samples.length + 9), file));
  equal(longer.samples.length, 2 * samples.length);
  equal(
    longer.warning,
    `Truncated: ${samples.length + 9} frames declared; read the ${samples.length} that are there`,
  );
});

/** A FLAC stream in Ogg whose header counts other frames than it has. */
function countedFlac(file: Uint8Array, frames: number): Uint8Array {
  const copy = file.slice();
  const streamInfo = 28 + 9 + 4 + 4;
  new DataView(copy.buffer).setUint32(streamInfo + 14, frames);
  return sealOgg(copy);
}

Deno.test("decodeAudio() finds a fault in the second stream", async () => {
  const file = await fixture("mono.ogg");
  const second = file.slice();
  second[second.length - 3]! ^= 1;
  await rejects(decodeAudio(concat(file, second)), /found a wrong checksum/);
  const { warning } = await decodeAudio(concat(file, file.subarray(0, file.length - 9)));
  match(warning!, /^Truncated: the last page of the Ogg stream is missing$/);
});

Deno.test("audioDurationSec() does not take the last of several streams for all", async () => {
  const sourceOf = (bytes: Uint8Array) => ({
    sizeBytes: bytes.length,
    read: (start: number, end: number) => bytes.subarray(start, end),
  });
  for (const name of ["mono.opus", "mono.oga"]) {
    const file = await fixture(name);
    equal(await audioDurationSec(sourceOf(concat(file, renumbered(file, 77)))), undefined);
    equal(typeof await audioDurationSec(sourceOf(file)), "number");
  }
});

function lastPageOf(file: Uint8Array): number {
  let last = 0;
  for (let at = 0; at < file.length;) {
    last = at;
    const lacing = file.subarray(at + 27, at + 27 + file[at + 26]!);
    at += 27 + lacing.length + lacing.reduce((sum, size) => sum + size, 0);
  }
  return last;
}

function concatenated(...parts: Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}
