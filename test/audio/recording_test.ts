import { deepEqual, equal, rejects, strictEqual } from "node:assert/strict";
import { encodeWav, resample } from "../../src/audio/mod.ts";
import {
  MAX_FILE_BYTES,
  recordingBytes,
  type RecordingFault,
  recordingSamples,
} from "../../src/audio/recording.ts";
import { AudioFormatError } from "../../src/errors.ts";

const SAMPLES = Float32Array.from(
  { length: 800 },
  (_, i) => Math.round(Math.sin(i) * 99) / 2 ** 15,
);
const WAV = encodeWav(SAMPLES, 8_000);

Deno.test("recordingSamples() takes a file and its samples for the same", async () => {
  const rules = { samplingRate: 16_000, minSamples: 1_600, maxSeconds: 0.1 };
  const expected = { samples: resample(SAMPLES, 8_000, 16_000), sampleRateHz: 16_000 };
  const given = { samples: SAMPLES, sampleRateHz: 8_000 };
  for (const recording of [WAV, given]) {
    const { samples, sampleRateHz } = await recordingSamples(recording, rules);
    deepEqual({ samples, sampleRateHz }, expected);
  }
});

Deno.test("recordingSamples() leaves samples of the right rate, or of any, as they are", async () => {
  const given = { samples: SAMPLES, sampleRateHz: 8_000 };
  for (const rules of [{}, { samplingRate: 8_000 }]) {
    const { samples, sampleRateHz } = await recordingSamples(given, rules);
    strictEqual(samples, SAMPLES);
    equal(sampleRateHz, 8_000);
  }
});

Deno.test("recordingSamples() hands on what is odd about a file", async () => {
  const { warning } = await recordingSamples(WAV.subarray(0, 400), {});
  equal(typeof warning, "string");
});

Deno.test("recordingSamples() counts the fewest samples at the rate wanted", async () => {
  const rules = { file: "a.wav", samplingRate: 16_000, minSamples: 1_601 };
  await rejects(recordingSamples(WAV, rules), {
    name: "AudioFormatError",
    message: 'Cannot load audio "a.wav": expected at least 1601 samples at 16000 Hz, found 1600',
    file: "a.wav",
  });
});

Deno.test("recordingSamples() refuses what is too long, a file and samples alike", async () => {
  const rules = { file: "a.wav", maxSeconds: 0.05 };
  await rejects(recordingSamples(WAV, rules), {
    message: 'Cannot decode audio "a.wav": expected at most 0.05 s, found 0.1 s',
  });
  await rejects(recordingSamples({ samples: SAMPLES, sampleRateHz: 8_000 }, rules), {
    message: 'Cannot load audio "a.wav": expected at most 0.05 s, found 0.1 s',
  });
});

Deno.test("recordingSamples() blames a file for its rate, and the caller for an argument", async () => {
  const rules = { file: "a.wav", samplingRate: 48_000 };
  await rejects(recordingSamples(encodeWav(SAMPLES, 100), rules), {
    name: "AudioFormatError",
    message: 'Cannot resample audio "a.wav": expected a rate from which 48000 Hz can be made, ' +
      "found 100 Hz",
  });
  await rejects(recordingSamples({ samples: SAMPLES, sampleRateHz: 100 }, rules), RangeError);
});

Deno.test("recordingSamples() lets the caller word a refusal", async () => {
  const faults: RecordingFault[] = [];
  const refusal = (fault: RecordingFault) => {
    faults.push(fault);
    return new AudioFormatError("no");
  };
  await rejects(recordingSamples(WAV, { minSamples: 900, refusal }), { message: "no" });
  deepEqual(faults, [{ kind: "short", samples: 800, seconds: 0.1 }]);
});

Deno.test("recordingBytes() looks at a large file's header before it reads on", async () => {
  const sizeBytes = 2 ** 25;
  const header = new DataView(WAV.slice(0, 44).buffer);
  header.setUint32(40, sizeBytes - 44, true);
  const reads: number[] = [];
  const read = (start: number, end: number) => {
    reads.push(end - start);
    return new Uint8Array(header.buffer).subarray(start, end);
  };
  await rejects(recordingBytes({ sizeBytes, read }, { maxSeconds: 600 }), {
    name: "AudioFormatError",
    message: "Cannot load audio: expected at most 600 s, found 2097.1 s",
    hint: "Cut it into shorter clips",
  });
  equal(reads.every((bytes) => bytes < 10_000), true, String(reads));
  await recordingBytes({ sizeBytes, read }, { maxSeconds: 3_600 });
  equal(reads.at(-1), sizeBytes);
});

Deno.test("recordingBytes() refuses a file that is larger than any may be", async () => {
  const sizeBytes = MAX_FILE_BYTES + 1;
  const read = () => new Uint8Array(0);
  await rejects(recordingBytes({ sizeBytes, read }, { file: "a.wav" }), {
    message: 'Cannot load audio "a.wav": expected at most 1073741824 bytes, found 1073741825',
  });
});
