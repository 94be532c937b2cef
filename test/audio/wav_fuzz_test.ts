import { match, ok } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/decode.ts";
import { decodeWav, decodeWavChannels } from "../../src/audio/wav.ts";
import type { AudioInfo } from "../../src/audio/decoded_audio.ts";
import { AudioFormatError } from "../../src/errors.ts";
import { chunk, concat, formatChunk, riff, u16, u32, wavFile } from "./wav_file.ts";

const ROUNDS = 6_000;
const LIMIT_MS = 50;

type Random = (below: number) => number;

/** Whole numbers below a bound, the same sequence for the same seed (xorshift, 32 bits). */
function seeded(seed: number): Random {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function seeds(random: Random): Uint8Array[] {
  const data = Uint8Array.from({ length: 2_400 }, () => random(256));
  const floats = new Uint8Array(Float32Array.from({ length: 600 }, (_, i) => i / 600).buffer);
  return [
    wavFile({}, data),
    wavFile({ bits: 8 }, data.subarray(0, 999)),
    wavFile({ bits: 24, channels: 2 }, data),
    wavFile({ tag: 3, bits: 32 }, floats),
    wavFile({ tag: 3, bits: 64 }, floats),
    wavFile({ tag: 7, bits: 8 }, data),
    wavFile({ subformat: 1, channels: 4 }, data),
    wavFile({ dataSize: 0xffffffff, riffSize: 0 }, data),
    riff([chunk("LIST", data.subarray(0, 77)), chunk("data", data), formatChunk({})]),
  ];
}

const EXTREMES = [0, 1, 2, 7, 0x7f, 0xff, 0xfffe, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** One change: a bit, a header field set to an extreme, bytes cut out, doubled or cut off. */
function mutate(file: Uint8Array, random: Random): Uint8Array {
  const at = random(random(4) === 0 ? file.length : Math.min(file.length, 100));
  const length = random(64);
  switch (random(6)) {
    case 0: {
      const flipped = file.slice();
      if (at < file.length) flipped[at]! ^= 1 << random(8);
      return flipped;
    }
    case 1:
    case 2: {
      const extreme = u32(EXTREMES[random(EXTREMES.length)]!).subarray(0, random(2) === 0 ? 2 : 4);
      return concat(file.subarray(0, at), extreme, file.subarray(at + extreme.length));
    }
    case 3:
      return concat(file.subarray(0, at), file.subarray(at + length));
    case 4:
      return concat(file.subarray(0, at + length), file.subarray(at));
    default:
      return file.slice(0, random(file.length + 1));
  }
}

/** Decodes; anything but audio or a typed error fails. Returns whether it was audio. */
function survives(file: Uint8Array): boolean {
  try {
    const { samples, sampleRateHz, channels } = decodeWav(file, { file: "fuzz.wav" });
    ok(samples.length > 0 && samples.length * channels <= file.length, "more samples than bytes");
    ok(sampleRateHz >= 100 && sampleRateHz <= 768_000 && channels <= 64);
    ok(samples.every(Number.isFinite), "samples that are not finite");
    return true;
  } catch (error) {
    ok(error instanceof AudioFormatError, `${error}`);
    match(error.message, /^Cannot decode audio "fuzz.wav": expected [^\n]+$/);
    return false;
  }
}

/** The least of up to 4 tries, so that a busy machine is not taken for a slow decoder. */
function leastMs(decode: () => void): number {
  let least = Infinity;
  for (let i = 0; i < 4 && least > LIMIT_MS; i++) {
    const start = performance.now();
    decode();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

Deno.test("decodeWav() ends in audio or a typed error on mutated files, within 50 ms", () => {
  const random = seeded(20261122);
  const originals = seeds(random);
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let file = originals[round % originals.length]!;
    for (let times = random(4); times >= 0; times--) file = mutate(file, random);
    let audio = false;
    const tookMs = leastMs(() => audio = survives(file));
    ok(tookMs <= LIMIT_MS, `round ${round}: ${tookMs} ms`);
    if (audio) accepted++;
  }
  ok(accepted > ROUNDS / 10 && accepted < ROUNDS * 0.9, `${accepted} of ${ROUNDS} were audio`);
});

Deno.test("decodeAudio() and decodeWavChannels() refuse and accept the same mutated files", async () => {
  const random = seeded(7);
  const originals = seeds(random).slice(0, 3);
  for (let round = 0; round < 1_000; round++) {
    const file = mutate(originals[round % originals.length]!, random);
    const mixed = await durationOf(() => decodeAudio(file));
    const apart = await durationOf(() => decodeWavChannels(file));
    ok(mixed === apart, `round ${round}: ${mixed} and ${apart}`);
  }
});

/** The seconds that a decoder finds, or that it refuses with a typed error. */
async function durationOf(
  decode: () => AudioInfo | Promise<AudioInfo>,
): Promise<number | "refused"> {
  try {
    return (await decode()).durationSec;
  } catch (error) {
    ok(error instanceof AudioFormatError, `${error}`);
    return "refused";
  }
}

Deno.test("decodeWav() ends in a typed error on random bytes behind a good start", () => {
  const random = seeded(3);
  for (let round = 0; round < 500; round++) {
    const noise = Uint8Array.from({ length: random(300) }, () => random(256));
    survives(concat("RIFF", u32(random(1000)), "WAVE", noise));
    survives(concat("RIFF", u32(0), "WAVEfmt ", u32(16), u16(1, 1 + random(3)), noise));
  }
});
