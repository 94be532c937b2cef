import { deepEqual, equal, throws } from "node:assert/strict";
import { encodeWav } from "../../src/audio/encode_wav.ts";
import { decodeWav } from "../../src/audio/wav.ts";
import { assertAllClose } from "../compare.ts";

Deno.test("encodeWav() writes 16-bit samples that read back exactly", () => {
  const samples = Float32Array.from({ length: 101 }, (_, i) => (i * 613 - 30_000) / 32_768);
  const audio = decodeWav(encodeWav(samples, 22_050));
  deepEqual(audio.samples, samples);
  deepEqual([audio.sampleRateHz, audio.channels, audio.warning], [22_050, 1, undefined]);
});

Deno.test("encodeWav() writes every mu-law code back as itself", () => {
  const codes = Uint8Array.from({ length: 255 }, (_, code) => code < 0x7f ? code : code + 1);
  const file = encodeWav(new Float32Array(codes.length), 8_000, { encoding: "mulaw" });
  file.set(codes, 44);
  const again = encodeWav(decodeWav(file).samples, 8_000, { encoding: "mulaw" });
  deepEqual(again, file);
});

Deno.test("encodeWav() stays within half a step of mu-law", () => {
  const samples = Float32Array.from({ length: 2_001 }, (_, i) => (i - 1_000) / 1_000 * 0.98);
  const { samples: decoded, warning } = decodeWav(encodeWav(samples, 8_000, { encoding: "mulaw" }));
  assertAllClose(decoded, samples, { atol: 5e-4, rtol: 1 / 32 });
  equal(warning, undefined);
});

Deno.test("encodeWav() clips what lies outside [-1, 1]", () => {
  const loud = Float32Array.of(2, -2, Infinity);
  const peak = 32_767 / 32_768;
  deepEqual(decodeWav(encodeWav(loud, 8_000)).samples, Float32Array.of(peak, -1, peak));
  const muLaw = decodeWav(encodeWav(loud, 8_000, { encoding: "mulaw" })).samples;
  deepEqual([...muLaw].map((sample) => sample * 32_768), [32_124, -32_124, 32_124]);
});

Deno.test("encodeWav() refuses NaN and rates that no reader takes", () => {
  throws(() => encodeWav(Float32Array.of(0, NaN), 8_000), /found NaN in sample 1/);
  throws(() => encodeWav(new Float32Array(1), 0), /100 to 768000 Hz, found 0/);
  throws(() => encodeWav(new Float32Array(1), 8000.5), RangeError);
});
