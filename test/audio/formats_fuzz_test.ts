import { match, ok } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/mod.ts";
import { AudioFormatError } from "../../src/errors.ts";
import { fixture, FIXTURES } from "./fixtures.ts";
import { mutate, type Random, seeded } from "./mutate.ts";
import { bitsOf, flacFile, flacFrame, sealOgg } from "./sealed.ts";
import { concat } from "./wav_file.ts";

const ROUNDS = 300;

/** The most that a mutated file of a few KB may unfold to. */
const MAX_SECONDS = 20;

/** Decodes; anything but audio or a typed error fails. Returns whether it was audio. */
async function survives(file: Uint8Array): Promise<boolean> {
  try {
    const audio = await decodeAudio(file, { file: "fuzz", maxSeconds: MAX_SECONDS });
    ok(audio.samples.length > 0 && audio.durationSec <= MAX_SECONDS, `${audio.durationSec} s`);
    ok(audio.samples.every(Number.isFinite), "samples that are not finite");
    return true;
  } catch (error) {
    ok(error instanceof AudioFormatError, error instanceof Error ? error.stack : `${error}`);
    match(error.message, /^Cannot decode audio "fuzz": expected [^\n]+[^.]$/);
    return false;
  }
}

async function fuzz(seed: number, make: (random: Random) => Uint8Array): Promise<number> {
  const random = seeded(seed);
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (await survives(make(random))) accepted++;
  }
  return accepted;
}

function mutated(file: Uint8Array, random: Random): Uint8Array {
  for (let times = random(3); times >= 0; times--) file = mutate(file, random);
  return file;
}

for (const name of FIXTURES) {
  Deno.test(`decodeAudio() ends in audio or a typed error on mutations of ${name}`, async () => {
    const file = await fixture(name);
    await fuzz(20261122, (random) => mutated(file, random));
  });
}

for (const name of FIXTURES.filter((name) => /\.(ogg|oga|opus)$/.test(name))) {
  Deno.test(`decodeAudio() survives mutations of ${name} under sound checksums`, async () => {
    const file = await fixture(name);
    const accepted = await fuzz(7, (random) => sealOgg(mutated(file, random)));
    ok(accepted > 0 && accepted < ROUNDS, `${accepted} of ${ROUNDS} were audio`);
  });
}

Deno.test("decodeAudio() survives random FLAC subframes under sound checksums", async () => {
  // A predictor of order 2, whose residuals are random bits.
  const start = bitsOf("0 001010 0 0000000000000001 0000000000000010 00 0000 0011");
  const accepted = await fuzz(11, (random) => {
    const noise = Uint8Array.from({ length: 100 + random(800) }, () => random(256));
    return flacFile([mutated(concat(start, noise), random), noise]);
  });
  ok(accepted < ROUNDS, `${accepted} of ${ROUNDS} were audio`);
});

Deno.test("decodeAudio() survives frames of MP3 whose data is random", async () => {
  const file = await fixture("mpeg1.mp3");
  const frameBytes = 313;
  const accepted = await fuzz(13, (random) => {
    const noisy = file.slice();
    for (let i = 3 * frameBytes + 8; i < noisy.length; i++) {
      const isHeader = (noisy[i] === 0xff && noisy[i + 1] === 0xfb) || noisy[i - 1] === 0xff;
      if (!isHeader && random(3) === 0) noisy[i] = random(256);
    }
    return noisy;
  });
  ok(accepted > ROUNDS / 2, `${accepted} of ${ROUNDS} were audio`);
});

Deno.test("decodeAudio() stops a FLAC file of silence that would unfold without end", async () => {
  const silence = flacFrame(bitsOf("0 000000 0 0000000000000000"));
  const frames = 40_000; // 0.4 MB for 21 minutes
  const header = flacFile([]);
  const file = new Uint8Array(header.length + frames * silence.length);
  file.set(header);
  for (let i = 0; i < frames; i++) file.set(silence, header.length + i * silence.length);
  const limit = { maxSeconds: 60 };
  const error = await decodeAudio(file, limit).catch((error: unknown) => error);
  ok(error instanceof AudioFormatError);
  match(error.message, /expected at most 60 s, found 60\.0 s or more$/);
});
