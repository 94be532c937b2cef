import { match, ok } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/decode.ts";
import { decodeWav, decodeWavChannels } from "../../src/audio/wav.ts";
import type { AudioInfo } from "../../src/audio/decoded_audio.ts";
import { AudioFormatError } from "../../src/errors.ts";
import { mutate, type Random, seeded } from "./mutate.ts";
import { chunk, concat, formatChunk, riff, u16, u32, wavFile } from "./wav_file.ts";

const ROUNDS = 6_000;

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

Deno.test("decodeWav() ends in audio or a typed error on mutated files", () => {
  const random = seeded(20261122);
  const originals = seeds(random);
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let file = originals[round % originals.length]!;
    for (let times = random(4); times >= 0; times--) file = mutate(file, random);
    if (survives(file)) accepted++;
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
