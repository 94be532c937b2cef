import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { decodeWav, decodeWavChannels } from "../../src/audio/wav.ts";
import { AudioFormatError } from "../../src/errors.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, kitTest, readJson, readTensors } from "../kit.ts";
import { chunk, concat, formatChunk, riff, u16, u32, wavFile, type WavHeader } from "./wav_file.ts";

const FOUR = u16(0, 16384, 0x8000, 0x7fff);

function samplesOf(header: WavHeader, data: Uint8Array): number[] {
  return [...decodeWav(wavFile(header, data)).samples];
}

function rejects(bytes: Uint8Array, message: RegExp, options = {}): void {
  throws(() => decodeWav(bytes, options), (error) => {
    ok(error instanceof AudioFormatError, String(error));
    match(error.message, message);
    return true;
  });
}

Deno.test("decodeWav() divides integers by 2^(bits - 1)", () => {
  deepEqual(samplesOf({ bits: 8 }, Uint8Array.of(0, 128, 255)), [-1, 0, 127 / 128]);
  deepEqual(samplesOf({ bits: 16 }, FOUR), [0, 0.5, -1, 32767 / 32768]);
  const s24 = Uint8Array.of(0, 0, 0x80, 0xff, 0xff, 0x7f, 1, 0, 0);
  deepEqual(samplesOf({ bits: 24 }, s24), [-1, 1 - 2 ** -23, 2 ** -23]);
  deepEqual(samplesOf({ bits: 32 }, u32(0x80000000, 0x40000000)), [-1, 0.5]);
});

Deno.test("decodeWav() keeps floats as they are, also beyond 1", () => {
  const f32 = new Uint8Array(Float32Array.of(0.1, -3).buffer);
  deepEqual(samplesOf({ tag: 3, bits: 32 }, f32), [Math.fround(0.1), -3]);
  const f64 = new Uint8Array(Float64Array.of(0.1, 2).buffer);
  deepEqual(samplesOf({ tag: 3, bits: 64 }, f64), [Math.fround(0.1), 2]);
});

Deno.test("decodeWav() decodes the codes of G.711", () => {
  const muLaw = samplesOf({ tag: 7, bits: 8 }, Uint8Array.of(0xff, 0x7f, 0x80, 0x00, 0xe7));
  deepEqual(muLaw.map((sample) => sample * 32768), [0, 0, 32124, -32124, 260]);
  const aLaw = samplesOf({ tag: 6, bits: 8 }, Uint8Array.of(0xd5, 0x55, 0xaa, 0x2a, 0xf5));
  deepEqual(aLaw.map((sample) => sample * 32768), [8, -8, 32256, -32256, 528]);
});

Deno.test("decodeWav() takes the mean of the channels", () => {
  const { samples, channels, durationSec } = decodeWav(
    wavFile({ channels: 2, rateHz: 16 * 1000 }, u16(16384, 0, 0x8000, 0x4000)),
  );
  deepEqual([...samples], [0.25, -0.25]);
  equal(channels, 2);
  equal(durationSec, 2 / 16000);
});

Deno.test("decodeWavChannels() keeps the channels apart", () => {
  const { interleaved, channels } = decodeWavChannels(
    wavFile({ channels: 2 }, u16(16384, 0, 0x8000, 0x4000)),
  );
  deepEqual([...interleaved], [0.5, 0, -1, 0.5]);
  equal(channels, 2);
});

Deno.test("decodeWav() reads extensible headers by their sub-format", () => {
  deepEqual(samplesOf({ subformat: 1 }, FOUR), [0, 0.5, -1, 32767 / 32768]);
  const float = new Uint8Array(Float32Array.of(0.25).buffer);
  deepEqual(samplesOf({ subformat: 3, bits: 32 }, float), [0.25]);
  rejects(wavFile({ subformat: 0x50 }, FOUR), /found MPEG \(format tag 0x0050\)/);
  rejects(riff([formatChunk({ tag: 0xfffe }), chunk("data", FOUR)]), /40 bytes, found 16/);
  const strange = wavFile({ subformat: 1 }, FOUR);
  strange[59] = 0;
  rejects(strange, /sub-format, found one that ends in 0000/);
});

Deno.test("decodeWav() takes chunks in any order, with padding after odd sizes", () => {
  const odd = chunk("LIST", Uint8Array.of(1, 2, 3));
  const [format, data] = [formatChunk({}), chunk("data", FOUR)];
  for (const chunks of [[odd, format, data], [format, odd, data, odd], [data, odd, format]]) {
    equal(decodeWav(riff(chunks)).samples.length, 4);
  }
  const oddData = riff([chunk("data", Uint8Array.of(128, 0, 255)), formatChunk({ bits: 8 })]);
  deepEqual([...decodeWav(oddData).samples], [0, -1, 127 / 128]);
});

Deno.test("decodeWav() reads a view into a larger buffer", () => {
  const file = wavFile({}, FOUR);
  const padded = concat(Uint8Array.of(9, 9, 9), file, Uint8Array.of(9));
  equal(decodeWav(padded.subarray(3, 3 + file.length)).samples[1], 0.5);
});

Deno.test("decodeWav() reads streamed files to their end without a warning", () => {
  for (const size of [0, 36, 0xffffffff]) {
    for (const dataSize of [0, 0xffffffff]) {
      const { samples, warning } = decodeWav(wavFile({ riffSize: size, dataSize }, FOUR));
      equal(samples.length, 4);
      equal(warning, undefined);
    }
  }
});

Deno.test("decodeWav() looks for no chunk among streamed samples", () => {
  const data = chunk("data", concat(FOUR, formatChunk({})), 0xffffffff);
  rejects(riff([data]), /expected a chunk "fmt ", found none/);
});

Deno.test("decodeWav() reads what is there of a truncated file, with a warning", () => {
  const file = wavFile({ channels: 2 }, concat(FOUR, FOUR));
  const cut = decodeWav(file.subarray(0, file.length - 5));
  equal(cut.samples.length, 2);
  match(cut.warning ?? "", /16 bytes of samples declared, 11 found; read the 2 whole frames/);
  match(decodeWav(wavFile({}, Uint8Array.of(1, 2, 3))).warning ?? "", /last frame is incomplete/);
  equal(decodeWav(file).warning, undefined);
});

Deno.test("decodeWav() refuses an empty clip", () => {
  rejects(wavFile({}, new Uint8Array()), /found an empty clip/);
  rejects(
    riff([formatChunk({}), chunk("data", new Uint8Array()), chunk("LIST", FOUR)]),
    /empty clip/,
  );
  rejects(wavFile({ channels: 2 }, u16(1)), /empty clip/);
});

Deno.test("decodeWav() refuses absurd headers", () => {
  rejects(wavFile({ channels: 0 }, FOUR), /expected 1 to 64 channels, found 0/);
  rejects(wavFile({ channels: 65, frameBytes: 130 }, FOUR), /found 65$/);
  rejects(wavFile({ rateHz: 0 }, FOUR), /expected 100 to 768000 Hz, found 0/);
  rejects(wavFile({ rateHz: 768_001 }, FOUR), /found 768001/);
  rejects(wavFile({ bits: 0 }, FOUR), /expected 8, 16, 24, 32 bits a pcm sample, found 0/);
  rejects(wavFile({ bits: 16, tag: 7 }, FOUR), /expected 8 bits a mulaw sample, found 16/);
  rejects(wavFile({ frameBytes: 7 }, FOUR), /expected 2 bytes a frame, found a block align of 7/);
  rejects(wavFile({ tag: 0x1234 }, FOUR), /found format tag 0x1234/);
  rejects(wavFile({ tag: 0x161 }, FOUR), /found Windows Media Audio \(format tag 0x0161\)/);
});

Deno.test("decodeWav() refuses broken containers", () => {
  const [format, data] = [formatChunk({}), chunk("data", FOUR)];
  rejects(riff([data]), /expected a chunk "fmt ", found none/);
  rejects(riff([format]), /expected a chunk "data", found none/);
  rejects(riff([chunk("fmt ", u16(1, 1)), data]), /"fmt " chunk of 16 bytes, found 4/);
  rejects(
    riff([chunk("LIST", FOUR, 0xfffffff0), format, data]),
    /4294967280 bytes of chunk "LIST"/,
  );
  rejects(riff([format]).subarray(0, 30), /16 bytes of chunk "fmt ", found 10 bytes to the end/);
  rejects(concat("RIFX", riff([format, data]).subarray(4)), /found RIFX, its big-endian form/);
  rejects(concat("RIFF", u32(4), "AVI "), /of kind "WAVE", found "AVI "/);
  rejects(concat("RIFF"), /expected a WAV header, found 4 bytes/);
  rejects(concat("FORM"), /expected RIFF at the start/);
  rejects(new Uint8Array(), /expected RIFF at the start/);
});

Deno.test("decodeWav() refuses samples that are not finite and names the frame", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const data = new Uint8Array(Float32Array.of(0, 0, 0, bad).buffer);
    const file = wavFile({ tag: 3, bits: 32, channels: 2 }, data);
    rejects(file, /found NaN or infinity in frame 1$/);
    throws(() => decodeWavChannels(file), /infinity in frame 1$/);
  }
  const tooLarge = new Uint8Array(Float64Array.of(1e300).buffer);
  rejects(wavFile({ tag: 3, bits: 64 }, tooLarge), /infinity in frame 0/);
});

Deno.test("decodeWav() names the file and the limit of a recording of 3 hours", () => {
  const hours = wavFile({ bits: 8, rateHz: 100 }, new Uint8Array(0)).subarray(0, 44);
  const file = new Uint8Array(44 + 3 * 3600 * 100);
  file.set(hours);
  file.set(u32(0xffffffff), 40);
  const options = { file: "long.wav", maxSeconds: 30 };
  rejects(
    file,
    /^Cannot decode audio "long.wav": expected at most 30 s, found 10800.0 s$/,
    options,
  );
  equal(decodeWav(file, { maxSeconds: 10_800 }).durationSec, 10_800);
  throws(() => decodeWav(file, options), { file: "long.wav", name: "AudioFormatError" });
});

kitTest("decodeWavChannels() equals libsndfile on the kit's WAV files", async () => {
  const { files } = await readJson<{ files: Record<string, { rate: number; channels: number }> }>(
    kitPath("decode", "expected.json"),
  );
  const expected = await readTensors(kitPath("decode", "expected.safetensors"));
  const names = Object.keys(files).filter((name) => name.endsWith(".wav"));
  equal(names.length, 17);
  for (const name of names) {
    const bytes = await Deno.readFile(kitPath("decode", name));
    const { interleaved, channels, sampleRateHz, warning } = decodeWavChannels(bytes);
    const { rate, channels: expectedChannels } = files[name]!;
    deepEqual([sampleRateHz, channels, warning], [rate, expectedChannels, undefined], name);
    const actual = { shape: [interleaved.length / channels, channels], values: interleaved };
    assertAllClose(actual, expected.get(name)!, { atol: 1e-7, label: name });
    assertAllClose(decodeWav(bytes).samples, meanOf(interleaved, channels), { atol: 1e-7 });
  }
});

function meanOf(interleaved: Float32Array, channels: number): Float32Array {
  const frames = interleaved.length / channels;
  return Float32Array.from({ length: frames }, (_, frame) => {
    const start = frame * channels;
    return interleaved.subarray(start, start + channels).reduce((a, b) => a + b) / channels;
  });
}
