import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/decode.ts";
import { decodeWav } from "../../src/audio/wav.ts";
import { fixture } from "./fixtures.ts";
import { chunk, concat, formatChunk, riff, u16, u32, wavFile } from "./wav_file.ts";

const FOUR = u16(0, 16384, 0x8000, 0x7fff);

/** The file with its `fmt ` chunk written as an extensible one, as some recorders do. */
function extensible(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const size = view.getUint32(16, true);
  const format = formatChunk({
    subformat: view.getUint16(20, true),
    channels: view.getUint16(22, true),
    rateHz: view.getUint32(24, true),
    frameBytes: view.getUint16(32, true),
    bits: view.getUint16(34, true),
  });
  return riff([format, file.subarray(20 + size)]);
}

/** An RF64 file: the sizes of 64 bits stand in a chunk of their own. */
function rf64(data: Uint8Array, dataBytes: number, magic = "RF64", others = new Uint8Array()) {
  const sizes = concat(u32(0, 0, dataBytes, 0, 0, 0, others.length / 12), others);
  const chunks = [chunk("ds64", sizes), formatChunk({}), chunk("data", data, 0xffffffff)];
  return concat(magic, u32(0xffffffff), "WAVE", ...chunks);
}

Deno.test("decodeAudio() reads extensible WAV of every kind", async () => {
  for (const name of ["ms_adpcm.wav", "ima_adpcm.wav", "gsm.wav", "mp3.wav"]) {
    const file = await fixture(name);
    const { samples } = await decodeAudio(extensible(file));
    deepEqual(samples, (await decodeAudio(file)).samples, name);
  }
});

Deno.test("decodeWav() reads RF64 and BW64 by their sizes of 64 bits", () => {
  const behind = concat(FOUR, chunk("LIST", FOUR));
  for (const magic of ["RF64", "BW64"]) {
    const { samples, warning } = decodeWav(rf64(behind, FOUR.length, magic));
    deepEqual([...samples], [0, 0.5, -1, 32767 / 32768]);
    equal(warning, undefined);
  }
});

Deno.test("decodeWav() reads RF64 to its end where a writer was cut off", () => {
  equal(decodeWav(rf64(FOUR, 0)).samples.length, 4);
  match(decodeWav(rf64(FOUR, 100)).warning!, /100 bytes of samples declared, 8 found/);
  const large = rf64(FOUR, 100);
  large[12 + 8 + 12] = 1; // 4 GiB more
  match(decodeWav(large).warning!, /4294967396 bytes of samples declared, 8 found/);
});

Deno.test("decodeWav() takes the size of a large chunk before the samples from the table", () => {
  const table = concat("LIST", u32(FOUR.length, 0));
  const sizes = concat(u32(0, 0, FOUR.length, 0, 0, 0, 1), table);
  const list = chunk("LIST", FOUR, 0xffffffff);
  const chunks = [chunk("ds64", sizes), list, formatChunk({}), chunk("data", FOUR, 0xffffffff)];
  const file = concat("RF64", u32(0xffffffff), "WAVE", ...chunks);
  equal(decodeWav(file).samples.length, 4);
  file[12 + 8 + 28] = 0x4d; // the table is of another chunk
  throws(() => decodeWav(file), /expected a number of bytes of chunk "LIST", found none/);
});

Deno.test("decodeWav() refuses MP3 inside WAV, which has to be waited for", async () => {
  const file = await fixture("mp3.wav");
  throws(() => decodeWav(file), /^AudioFormatError: .* expected a format that decodes at once/);
});

Deno.test("decodeWav() refuses blocks that cannot be", () => {
  const data = new Uint8Array(1_000);
  const refuses = (header: Parameters<typeof wavFile>[0], message: RegExp) =>
    throws(() => decodeWav(wavFile(header, data)), message);
  refuses({ tag: 2, bits: 4, frameBytes: 6 }, /a block of ADPCM, found a block align of 6/);
  refuses({ tag: 2, bits: 4, frameBytes: 256, channels: 3 }, /1 to 2 channels of Microsoft ADPCM/);
  refuses({ tag: 2, bits: 16, frameBytes: 256 }, /4 bits an ADPCM sample, found 16/);
  refuses({ tag: 0x11, bits: 4, frameBytes: 0 }, /a block of ADPCM, found a block align of 0/);
  refuses({ tag: 0x11, bits: 4, frameBytes: 256, channels: 9 }, /1 to 8 channels of IMA ADPCM/);
  refuses({ tag: 0x31, frameBytes: 33 }, /65 bytes a block of GSM 6.10, found a block align of 33/);
  refuses({ tag: 0x31, frameBytes: 65, channels: 2 }, /expected 1 channels of GSM 6.10, found 2/);
});

Deno.test("decodeWav() knows each of the 89 steps of IMA ADPCM, a tenth larger than the one before", () => {
  // A block each: the least sample, the number of a step, and a code that adds the step and an eighth of it.
  const blocks = Array.from({ length: 89 }, (_, step) => {
    return concat(u16(0x8000), Uint8Array.of(step, 0, 4, 0, 0, 0));
  });
  const { samples } = decodeWav(wavFile({ tag: 0x11, bits: 4, frameBytes: 8 }, concat(...blocks)));
  const raised = blocks.map((_, i) => 32768 * (samples[9 * i + 1]! - samples[9 * i]!));
  equal(raised[0], 7);
  equal(raised[88], 32767 + (32767 >> 3));
  for (let i = 1; i < raised.length; i++) {
    const expected = 1.1 * raised[i - 1]!;
    ok(Math.abs(raised[i]! - expected) <= 2.5 + 0.003 * expected, `step ${i}: ${raised[i]}`);
  }
});

Deno.test("decodeWav() says where a block of ADPCM is cut", async () => {
  const file = await fixture("ms_adpcm.wav");
  const { samples, warning } = decodeWav(file.subarray(0, file.length - 20));
  equal(samples.length, 1_500);
  match(warning!, /^Truncated: 2048 bytes of samples declared, \d+ found; read the 1500 whole/);
});

Deno.test("decodeAudio() finds MP3 behind junk, and behind a tag that lies about its size", async () => {
  const mp3 = await fixture("mpeg1.mp3");
  const { samples } = await decodeAudio(mp3);
  const junk = Uint8Array.from({ length: 3_000 }, (_, i) => (i * i * 7 + 13) & 0xff);
  for (
    const before of [
      junk,
      new Uint8Array(700),
      concat("ID3\x04\0\0\x7f\x7f\x7f\x7f"),
      junk.subarray(0, 1),
    ]
  ) {
    deepEqual((await decodeAudio(concat(before, mp3))).samples, samples);
  }
  const wrongTag = concat("ID3\x04\0\0\0\0\0\x05", junk.subarray(0, 900));
  deepEqual((await decodeAudio(concat(wrongTag, mp3))).samples, samples);
});

Deno.test("decodeAudio() takes no MP3 for granted behind junk", async () => {
  const mp3 = await fixture("mpeg1.mp3");
  const two = concat(Uint8Array.of(1, 2, 3, 200), mp3.subarray(0, 2 * 313));
  await rejects(decodeAudio(two), /an unknown format/);
});

Deno.test("decodeWav() gives up on chunks without end", () => {
  const file = new Uint8Array(8 * 70_000);
  file.set(concat("RIFF", u32(0), "WAVE"));
  throws(() => decodeWav(file), /among the first 65536 chunks/);
});
