import { deepEqual, equal, ok, strictEqual, throws } from "node:assert/strict";
import { resample, resampledLength, Resampler } from "../../src/audio/resample.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, kitTest, readTensors } from "../kit.ts";

const RATE_PAIRS = [[8000, 16000], [16000, 8000], [44100, 16000], [11025, 16000], [22254, 16000]];

/** The definition, summed over every input in double precision. */
function resampleByDefinition(samples: Float32Array, fromHz: number, toHz: number): Float64Array {
  const cutoffHz = 0.99 * Math.min(fromHz, toHz);
  return Float64Array.from({ length: Math.ceil(samples.length * toHz / fromHz) }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < samples.length; j++) {
      const time = (j / fromHz - i / toHz) * cutoffHz;
      if (Math.abs(time) >= 6) continue;
      const sinc = time === 0 ? 1 : Math.sin(Math.PI * time) / (Math.PI * time);
      sum += samples[j]! * sinc * Math.cos(Math.PI * time / 12) ** 2 * cutoffHz / fromHz;
    }
    return sum;
  });
}

function wave(length: number): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => Math.sin(i * i / 300) * 0.7 + Math.cos(i * 0.9) / 5,
  );
}

Deno.test("resample() sums the windowed sinc of the definition", () => {
  for (const [fromHz, toHz] of RATE_PAIRS) {
    for (const length of [1, 2, 7, 441, 600]) {
      const samples = wave(length);
      const label = `${length} samples, ${fromHz} to ${toHz}`;
      const expected = resampleByDefinition(samples, fromHz!, toHz!);
      assertAllClose(resample(samples, fromHz!, toHz!), expected, { atol: 1e-6, label });
    }
  }
});

Deno.test("resample() gives ceil(samples * to / from) samples", () => {
  equal(resample(new Float32Array(0), 44_100, 16_000).length, 0);
  equal(resample(new Float32Array(1), 44_100, 16_000).length, 1);
  equal(resample(new Float32Array(441), 44_100, 16_000).length, 160);
  equal(resample(new Float32Array(442), 44_100, 16_000).length, 161);
});

Deno.test("resample() hands back the samples where the rates are equal", () => {
  const samples = wave(10);
  strictEqual(resample(samples, 16_000, 16_000), samples);
});

Deno.test("resample() leaves its input alone and repeats itself", () => {
  const samples = wave(500);
  const before = samples.slice();
  const first = resample(samples, 48_000, 16_000);
  for (let rate = 40_000; rate < 40_020; rate++) resample(wave(50), rate, 16_000); // fills the cache
  deepEqual(resample(samples, 48_000, 16_000), first);
  deepEqual(samples, before);
});

Deno.test("resample() keeps a tone below the cut-off and removes one above it", () => {
  const tone = (hertz: number) =>
    Float32Array.from({ length: 4_410 }, (_, i) => Math.sin(2 * Math.PI * hertz * i / 44_100));
  const loudest = (samples: Float32Array) =>
    samples.subarray(100, -100).reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  ok(Math.abs(loudest(resample(tone(1_000), 44_100, 16_000)) - 1) < 0.01);
  ok(loudest(resample(tone(12_000), 44_100, 16_000)) < 0.01);
});

Deno.test("resample() refuses rates before it builds a filter", () => {
  const refuses = (fromHz: number, toHz: number, message: RegExp) =>
    throws(() => resample(wave(4), fromHz, toHz), (error) => {
      ok(error instanceof RangeError && message.test(error.message), String(error));
      return true;
    });
  for (const rate of [0, -1, NaN, Infinity, 0.5, 768_001, 0xffffffff]) {
    refuses(rate, 16_000, /expected a whole rate of 1 to 768000 Hz, found/);
    refuses(16_000, rate, /expected a whole rate/);
  }
  refuses(768_000, 100, /rates within 256:1, found a factor of 7680/);
  refuses(1, 16_000, /a factor of 16000/);
});

Deno.test("resample() draws between phases for rates without a common divisor, within 1e-5", () => {
  const pairs = [[384_001, 16_000], [191_999, 16_000], [767_999, 16_000], [15_999, 16_000], [
    7_919,
    44_101,
  ]];
  for (const [fromHz, toHz] of pairs) {
    for (const length of [1, 500, 2_000]) {
      const samples = wave(length);
      const expected = resampleByDefinition(samples, fromHz!, toHz!);
      const label = `${length} samples, ${fromHz} to ${toHz}`;
      assertAllClose(resample(samples, fromHz!, toHz!), expected, { atol: 1e-5, label });
    }
  }
});

Deno.test("resampledLength() counts without a filter, and refuses the same rates", () => {
  equal(resampledLength(442, 44_100, 16_000), 161);
  equal(resampledLength(0, 44_100, 16_000), 0);
  throws(() => resampledLength(1, 768_000, 100), /rates within 256:1/);
  throws(() => resampledLength(1, 0.5, 100), /expected a whole rate/);
});

Deno.test("Resampler gives the samples of the whole, in whatever pieces they come", () => {
  const samples = wave(5_000);
  for (const [fromHz, toHz] of [...RATE_PAIRS, [191_999, 16_000], [16_000, 16_000]]) {
    const whole = resample(samples, fromHz!, toHz!);
    for (const size of [1, 7, 1_000, 6_000]) {
      const resampler = new Resampler(fromHz!, toHz!);
      const pieces: Float32Array[] = [];
      for (let at = 0; at < samples.length; at += size) {
        pieces.push(resampler.push(samples.subarray(at, at + size)));
      }
      pieces.push(resampler.finish());
      const joined = Float32Array.from(pieces.flatMap((piece) => [...piece]));
      deepEqual(joined, whole, `${fromHz} to ${toHz} by ${size}`);
    }
  }
});

Deno.test("Resampler holds back no more than its filter needs", () => {
  const resampler = new Resampler(48_000, 16_000);
  let outputs = 0;
  for (let i = 0; i < 100; i++) outputs += resampler.push(wave(480)).length;
  ok(outputs > 16_000 - 30, `${outputs}`);
  equal(outputs + resampler.finish().length, 16_000);
});

kitTest("resample() equals torchaudio on the kit's signals", async () => {
  const tensors = await readTensors(kitPath("resample", "resample.safetensors"));
  const signals = [...tensors.keys()].filter((name) => name.endsWith(".torchaudio"));
  equal(signals.length, 18);
  for (const label of signals) {
    const [_, name, fromHz, toHz] = /^(.+\.(\d+)-(\d+))\.torchaudio$/.exec(label)!;
    const input = tensors.get(`${name}.input`)!.values as Float32Array;
    const actual = resample(input, Number(fromHz), Number(toHz));
    assertAllClose(actual, tensors.get(label)!, { atol: 1e-4, label });
  }
});
