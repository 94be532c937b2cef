/**
 * Times decoding and resampling: ten seconds of audio at a time, so 10 ms is a thousand times real time.
 *
 * The compressed files are the short ones of the tests; what is timed is as many of them as make ten seconds.
 *
 * @module
 */
import { decodeAudio, encodeWav, resample } from "../src/audio/mod.ts";
import { fixture, FIXTURES } from "../test/audio/fixtures.ts";

const SECONDS = 10;

function wave(rateHz: number): Float32Array {
  return Float32Array.from({ length: SECONDS * rateHz }, (_, i) => Math.sin(i * 0.1) / 2);
}

for (
  const [fromHz, toHz] of [[44_100, 16_000], [48_000, 16_000], [8_000, 16_000], [22_050, 16_000]]
) {
  const samples = wave(fromHz!);
  Deno.bench({
    name: `resample ${fromHz} to ${toHz} Hz, ${SECONDS} s`,
    group: "resample",
    fn: () => void resample(samples, fromHz!, toHz!),
  });
}

const wav = encodeWav(wave(16_000), 16_000);
Deno.bench({
  name: `decode 16-bit WAV at 16 kHz, ${SECONDS} s`,
  group: "decode",
  fn: async () => void await decodeAudio(wav),
});
for (const name of FIXTURES) {
  const bytes = await fixture(name);
  const { durationSec } = await decodeAudio(bytes);
  const times = Math.round(SECONDS / durationSec);
  Deno.bench({
    name: `decode ${name}, ${times} times ${durationSec} s`,
    group: "decode",
    fn: async () => {
      for (let i = 0; i < times; i++) await decodeAudio(bytes);
    },
  });
}
