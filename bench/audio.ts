/**
 * How fast audio is decoded and resampled: ten seconds at a time, so that 10 ms are a thousand times real time.
 *
 * The compressed files are the short ones of the tests; what is timed is as many of them as make ten seconds.
 *
 * @module
 */
import { decodeAudio, encodeWav, resample } from "../src/audio/mod.ts";
import { fixture, FIXTURES } from "../test/audio/fixtures.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, rowOf } from "./_records.ts";
import { medianMsOf } from "./_timing.ts";

const SECONDS = 10;
const MODEL_RATE_HZ = 16_000;
const RATES_HZ = [44_100, 48_000, 8_000, 22_050];

/** `audio`. */
export const question: Question = {
  asks: "How fast is audio decoded and resampled?",
  options: { rounds: { help: "timed runs", default: "7" } },
  answer,
};

function wave(rateHz: number): Float32Array {
  return Float32Array.from({ length: SECONDS * rateHz }, (_, i) => Math.sin(i * 0.1) / 2);
}

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const rounds = options.count("rounds");
  const row = async (name: string, run: () => unknown) => {
    notes.progress(name);
    return rowOf(`${SECONDS} s, ${name}`, await medianMsOf(run, { rounds, warmUpMs: 200 }), "ms");
  };
  for (const rateHz of RATES_HZ) {
    const samples = wave(rateHz);
    const run = () => resample(samples, rateHz, MODEL_RATE_HZ);
    yield await row(`resample ${rateHz} to ${MODEL_RATE_HZ} Hz`, run);
  }
  const wav = encodeWav(wave(MODEL_RATE_HZ), MODEL_RATE_HZ);
  yield await row("decode 16-bit WAV at 16 kHz", () => decodeAudio(wav));
  for (const name of FIXTURES) {
    const bytes = await fixture(name);
    const { durationSec } = await decodeAudio(bytes);
    const times = Math.round(SECONDS / durationSec);
    yield await row(`decode ${name}, ${times} times`, async () => {
      for (let i = 0; i < times; i++) await decodeAudio(bytes);
    });
  }
}
