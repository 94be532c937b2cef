/**
 * Inputs for the decoders: each format's small files, broken anywhere, and again under sound checksums where a format
 * has some; headers of WAV of every kind; FLAC and MP3 whose coded data is random.
 *
 * @module
 */
import { equal, ok } from "node:assert/strict";
import {
  audioDurationSec,
  decodeAudio,
  decodeWav,
  decodeWavChannels,
  encodeWav,
  openAudio,
} from "../../src/audio/mod.ts";
import { fixture, FIXTURES } from "../audio/fixtures.ts";
import { bitsOf, flacFile, sealOgg } from "../audio/sealed.ts";
import { chunk, concat, formatChunk, riff, wavFile } from "../audio/wav_file.ts";
import type { Dice } from "./dice.ts";
import { type FuzzInput, type FuzzTarget, MAX_INPUT_BYTES, MAX_SECONDS } from "./target.ts";

/** Decodes in whole; samples have to be finite, and within the limit. */
async function decode(bytes: Uint8Array): Promise<number> {
  const audio = await decodeAudio(bytes, { file: "fuzz", maxSeconds: MAX_SECONDS });
  ok(audio.samples.length > 0 && audio.durationSec <= MAX_SECONDS, `${audio.durationSec} s`);
  ok(audio.samples.every(Number.isFinite), "samples that are not finite");
  return audio.durationSec;
}

async function decodeAll(bytes: Uint8Array): Promise<void> {
  await decode(bytes);
}

async function duration(bytes: Uint8Array): Promise<void> {
  const read = (start: number, end: number) => Promise.resolve(bytes.slice(start, end));
  const seconds = await audioDurationSec({ sizeBytes: bytes.length, read });
  ok(seconds === undefined || seconds >= 0 && Number.isFinite(seconds), `${seconds} s`);
}

const FILES = new Map(
  await Promise.all(FIXTURES.map(async (name) => [name, await fixture(name)] as const)),
);

/** What checksums would refuse before the parser sees it is sealed again, half of the time. */
function broken(file: Uint8Array, dice: Dice): Uint8Array {
  const damaged = dice.damage(file, 4);
  const isOgg = file[0] === 0x4f && file[1] === 0x67;
  return isOgg && dice.roll(2) === 0 ? sealOgg(damaged) : damaged;
}

/** Broken files of some names. */
function files(names: readonly string[]): FuzzTarget["make"] {
  const found = names.map((name) => FILES.get(name)!).filter(({ length }) =>
    length <= MAX_INPUT_BYTES
  );
  return (dice) => ({ bytes: broken(dice.pick(found), dice) });
}

/** All fixtures whose names end like that. */
function named(pattern: RegExp): string[] {
  return FIXTURES.filter((name) => pattern.test(name));
}

function soundWav(dice: Dice): Uint8Array {
  const data = dice.bytes(dice.pick([0, 1, 6, 999, 2_400]));
  const floats = new Uint8Array(Float32Array.from({ length: 600 }, (_, i) => i / 600).buffer);
  return dice.pick([
    () => wavFile({}, data),
    () => wavFile({ bits: 8 }, data),
    () => wavFile({ bits: 24, channels: 2 }, data),
    () => wavFile({ tag: 3, bits: 32 }, floats),
    () => wavFile({ tag: 3, bits: 64 }, floats),
    () => wavFile({ tag: 7, bits: 8 }, data),
    () => wavFile({ subformat: 1, channels: 4 }, data),
    () => wavFile({ dataSize: 0xffffffff, riffSize: 0 }, data),
    () => riff([chunk("LIST", data.subarray(0, 77)), chunk("data", data), formatChunk({})]),
    () => encodeWav(new Float32Array(dice.roll(400)), dice.pick([8_000, 44_100])),
    () => concat("RIFF", dice.bytes(4), "WAVEfmt ", dice.bytes(dice.roll(300))),
  ])();
}

function wav(dice: Dice): FuzzInput {
  return { bytes: dice.damage(soundWav(dice), 5) };
}

/** A predictor of order 2, whose residuals are random bits, in frames with sound checksums. */
function randomFlac(dice: Dice): FuzzInput {
  const start = bitsOf("0 001010 0 0000000000000001 0000000000000010 00 0000 0011");
  const noise = dice.bytes(100 + dice.roll(800));
  const subframe = dice.damage(concat(start, noise), 3);
  return { bytes: flacFile([subframe, noise]) };
}

const MP3_FRAME_BYTES = 313;

/** Frames whose headers are sound and whose data is random. */
function randomMp3(dice: Dice): FuzzInput {
  const noisy = FILES.get("mpeg1.mp3")!.slice();
  for (let i = 3 * MP3_FRAME_BYTES + 8; i < noisy.length; i++) {
    const isHeader = (noisy[i] === 0xff && noisy[i + 1] === 0xfb) || noisy[i - 1] === 0xff;
    if (!isHeader && dice.roll(3) === 0) noisy[i] = dice.roll(256);
  }
  return { bytes: noisy };
}

function either(...ways: FuzzTarget["make"][]): FuzzTarget["make"] {
  return (dice) => dice.pick(ways)(dice);
}

/** Any format, with the size of the pieces in which it comes in front. */
async function inPieces(dice: Dice): Promise<FuzzInput> {
  const { bytes } = await files(FIXTURES)(dice);
  return { bytes: concat(Uint8Array.of(dice.pick([1, 7, 60, 255])), bytes) };
}

/** What comes in pieces has to be what comes at once, unless the format would have to go back. */
async function inOrder(bytes: Uint8Array): Promise<void> {
  const size = bytes[0]!;
  const whole = bytes.subarray(1);
  const pieces = async function* () {
    for (let at = 0; at < whole.length; at += size) {
      yield await Promise.resolve(whole.slice(at, at + size));
    }
  };
  const audio = await openAudio(pieces(), { file: "fuzz", maxSeconds: MAX_SECONDS });
  let samples = 0;
  for await (const block of audio.blocks()) samples += block.length;
  equal(samples, (await decodeAudio(whole, { file: "fuzz" })).samples.length);
}

/** The decoders by format, and what reads durations from headers. */
export const AUDIO_TARGETS: Readonly<Record<string, FuzzTarget>> = {
  "wav": {
    make: either(wav, wav, files(named(/\.wav$/))),
    parse: async (bytes) => parseAtOnce(bytes, await decode(bytes)),
    inputs: 4_500,
  },
  "flac": {
    make: either(files(named(/\.(flac|oga)$/)), randomFlac),
    parse: decodeAll,
    inputs: 3_000,
  },
  "mp3": { make: either(files(named(/\.mp3$/)), randomMp3), parse: decodeAll, inputs: 900 },
  "vorbis": { make: files(named(/\.ogg$/)), parse: decodeAll, inputs: 1_500 },
  "opus": { make: files(named(/\.opus$/)), parse: decodeAll, inputs: 1_500 },
  "containers": {
    make: files(named(/\.(mka|webm|mkv|mp4|m4a|mov|aac|aif|aiff|aifc|au|w64|caf)$/)),
    parse: decodeAll,
    inputs: 1_800,
  },
  "streams": { make: inPieces, parse: inOrder, inputs: 900 },
  "durations": { make: either(wav, files(FIXTURES)), parse: duration, inputs: 3_000 },
};

/** WAV that the synchronous reader takes has to be what the other takes; what it refuses, it refuses typed. */
function parseAtOnce(bytes: Uint8Array, seconds: number): void {
  const { samples, sampleRateHz, channels } = decodeWav(bytes, { file: "fuzz" });
  ok(
    samples.length > 0 && samples.length * channels <= 8 * bytes.length,
    "more samples than bytes",
  );
  ok(sampleRateHz >= 100 && sampleRateHz <= 768_000 && channels <= 64, `${sampleRateHz} Hz`);
  equal(decodeWavChannels(bytes, { file: "fuzz" }).durationSec, seconds);
}
