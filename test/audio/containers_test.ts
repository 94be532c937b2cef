import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readAacConfig, readAdtsHeader } from "../../src/audio/_aac_config.ts";
import { bandsOf } from "../../src/audio/_aac_tables.ts";
import { decodeAudio } from "../../src/audio/mod.ts";
import { fixture } from "./fixtures.ts";
import { bitsOf } from "./sealed.ts";
import { concat, u16, u32 } from "./wav_file.ts";

type Bytes = Uint8Array;

const big16 = (...values: number[]) => concat(...values.map((value) => u16(value).reverse()));
const big32 = (...values: number[]) => concat(...values.map((value) => u32(value).reverse()));

function chunk(id: string, content: Bytes, size: number = content.length): Bytes {
  return concat(id, big32(size), content, new Uint8Array(content.length % 2));
}

/** 8,000 Hz as a float of 80 bits. */
const RATE = concat(big16(0x400b), big32(0xfa000000, 0));

interface Common {
  bits?: number;
  compression?: string;
  frames?: number;
  channels?: number;
}

function common({ bits = 16, compression, frames = 4, channels = 1 }: Common = {}): Bytes {
  const name = compression === undefined ? "" : `${compression}\0\0`;
  return chunk("COMM", concat(big16(channels), big32(frames), big16(bits), RATE, name));
}

function sound(data: Bytes, offset = 0, size?: number): Bytes {
  return chunk("SSND", concat(big32(offset, 0), new Uint8Array(offset), data), size);
}

function aiff(kind: string, ...chunks: Bytes[]): Bytes {
  return chunk("FORM", concat(kind, ...chunks));
}

async function valuesOf(file: Bytes, scale = 2 ** 15): Promise<number[]> {
  return Array.from((await decodeAudio(file)).samples, (sample) => sample * scale);
}

async function refuses(file: Bytes, message: RegExp): Promise<void> {
  await rejects(decodeAudio(file), { name: "AudioFormatError", message });
}

Deno.test("decodeAudio() reads AIFF with its chunks in any order, and from an offset", async () => {
  const data = big16(1, 2, 3, 0xffff);
  const odd = chunk("NAME", Uint8Array.of(65));
  const file = aiff("AIFF", odd, common(), sound(data));
  deepEqual(await valuesOf(file), [1, 2, 3, -1]);
  equal((await decodeAudio(file)).sampleRateHz, 8_000);
  deepEqual(await valuesOf(aiff("AIFF", sound(data), odd, common())), [1, 2, 3, -1]);
  deepEqual(await valuesOf(aiff("AIFF", common(), sound(data, 6))), [1, 2, 3, -1]);
});

Deno.test("decodeAudio() reads AIFF samples of odd widths at the upper end of whole bytes", async () => {
  deepEqual(await valuesOf(aiff("AIFF", common({ bits: 12 }), sound(big16(0x7ff0))), 2 ** 11), [
    2 ** 11 - 1,
  ]);
  deepEqual(await valuesOf(aiff("AIFF", common({ bits: 8 }), sound(Uint8Array.of(0x80, 1))), 128), [
    -128,
    1,
  ]);
});

Deno.test("decodeAudio() reads every kind of AIFC", async () => {
  const quarter = new Uint8Array(new Float32Array([0.25]).buffer).reverse();
  const cases: [string, Bytes, number][] = [
    ["NONE", big16(256), 16],
    ["twos", big16(256), 16],
    ["sowt", u16(256), 16],
    ["raw ", Uint8Array.of(129), 8],
    ["in24", Uint8Array.of(1, 0, 0), 24],
    ["42ni", Uint8Array.of(0, 0, 1), 24],
    ["in32", Uint8Array.of(1, 0, 0, 0), 32],
    ["23ni", Uint8Array.of(0, 0, 0, 1), 32],
  ];
  for (const [compression, data, bits] of cases) {
    const file = aiff("AIFC", common({ compression, bits }), sound(data));
    deepEqual(await valuesOf(file, 128), [1], compression);
  }
  const float = aiff("AIFC", common({ compression: "fl32", bits: 32 }), sound(quarter));
  deepEqual(await valuesOf(float, 1), [0.25]);
  await refuses(aiff("AIFC", common({ compression: "QDMC" }), sound(quarter)), /found "QDMC"$/);
  await refuses(aiff("AIFC", common({ compression: "toSt" }), sound(quarter)), /found "toSt"$/);
});

Deno.test("decodeAudio() reads AIFF from a pipe by its number of frames, or to its end", async () => {
  const data = big16(1, 2, 3, 4, 5);
  const open = (frames: number) => aiff("AIFF", common({ frames }), sound(data, 0, 0));
  deepEqual(await valuesOf(open(3)), [1, 2, 3]);
  deepEqual(await valuesOf(open(0)), [1, 2, 3, 4, 5]);
});

Deno.test("decodeAudio() names what is wrong with an AIFF file", async () => {
  const data = sound(big16(1));
  await refuses(aiff("AIFF", data), /expected a chunk "COMM", found none/);
  await refuses(aiff("AIFF", common()), /expected a chunk "SSND", found none/);
  await refuses(aiff("AIFF", chunk("COMM", big16(1)), data), /"COMM" chunk of 18 bytes, found 2/);
  await refuses(aiff("AIFF", common({ channels: 0 }), data), /1 to 64 channels, found 0/);
  await refuses(aiff("AIFF", common({ bits: 0 }), data), /1 to 32 bits a sample, found 0/);
  await refuses(aiff("AIFF", common({ bits: 33 }), data), /found 33/);
  const cut = await decodeAudio(aiff("AIFF", common(), sound(big16(1, 2))).subarray(0, -1));
  match(cut.warning!, /^Truncated: 4 bytes of samples declared, 3 found/);
});

Deno.test("decodeAudio() reads every kind of AU", async () => {
  const au = (code: number, data: Bytes, size = data.length, start = 24) =>
    concat(".snd", big32(start, size, code, 8_000, 1), new Uint8Array(start - 24), data);
  const cases: [number, Bytes][] = [
    [2, Uint8Array.of(64)],
    [3, Uint8Array.of(64, 0)],
    [4, Uint8Array.of(64, 0, 0)],
    [5, Uint8Array.of(64, 0, 0, 0)],
    [6, new Uint8Array(Float32Array.of(0.5).buffer).reverse()],
    [7, new Uint8Array(Float64Array.of(0.5).buffer).reverse()],
  ];
  for (const [code, data] of cases) {
    deepEqual(await valuesOf(au(code, data), 2), [1], `${code}`);
    deepEqual(await valuesOf(au(code, data, 0xffffffff, 32), 2), [1], `${code}, open`);
  }
  deepEqual(await valuesOf(au(27, Uint8Array.of(0xd5))), [8]);
  deepEqual(await valuesOf(au(1, Uint8Array.of(0xe7))), [260]);
  await refuses(au(23, u16(1)), /AU samples of a known kind, found number 23$/);
  await refuses(concat(".snd", big32(4, 2, 3, 8_000, 1), u16(1)), /found them at byte 4$/);
  await refuses(concat(".snd", big32(24)), /an AU header, found 8 bytes/);
  await refuses(concat(".snd", big32(24, 2, 3, 8_000, 0), u16(1)), /1 to 64 channels, found 0/);
});

interface Description {
  format?: string;
  flags?: number;
  packetBytes?: number;
  bits?: number;
}

function caf(
  { format = "lpcm", flags = 2, packetBytes = 2, bits = 16 }: Description,
  data: Bytes,
  size = data.length + 4,
): Bytes {
  const rate = new Uint8Array(Float64Array.of(8_000).buffer).reverse();
  const words = big32(flags, packetBytes, 1, 1, bits);
  const description = concat(rate, format, words);
  const sizeBytes = size < 0 ? big32(-1, -1) : big32(0, size);
  return concat(
    "caff",
    big16(1, 0),
    "desc",
    big32(0, 32),
    description,
    "free",
    big32(0, 3),
    new Uint8Array(3),
    "data",
    sizeBytes,
    big32(0),
    data,
  );
}

Deno.test("decodeAudio() reads the samples of CAF in both orders of bytes", async () => {
  deepEqual(await valuesOf(caf({}, u16(1, 2))), [1, 2]);
  deepEqual(await valuesOf(caf({ flags: 0 }, big16(1, 2))), [1, 2]);
  deepEqual(await valuesOf(caf({}, u16(1, 2), -1)), [1, 2]);
  const floats = new Uint8Array(Float32Array.of(0.5).buffer);
  deepEqual(await valuesOf(caf({ flags: 3, packetBytes: 4, bits: 32 }, floats), 2), [1]);
});

Deno.test("decodeAudio() names what is wrong with a CAF file", async () => {
  await refuses(
    caf({ bits: 12 }, u16(1)),
    /8, 16, 24, 32 bits a sample, found 12 bits and 2 bytes/,
  );
  await refuses(caf({ packetBytes: 4 }, u16(1)), /found 16 bits and 4 bytes a frame/);
  await refuses(caf({ format: "ac-3" }, u16(1)), /CAF of a known kind, found "ac-3"/);
  await refuses(caf({ format: "aac ", packetBytes: 0 }, u16(1)), /a chunk "pakt" .*, found none/);
  await refuses(caf({}, u16(1)).subarray(0, 52), /expected a chunk "data", found none/);
  await refuses(concat("caff", big16(1, 0)), /expected a chunk "desc", found none/);
});

Deno.test("decodeAudio() reads W64 that was cut off while it was written", async () => {
  const file = (await fixture("s16.w64")).slice();
  const text = String.fromCharCode(...file);
  const dataAt = text.indexOf("data\xf3\xac");
  const { samples } = await decodeAudio(file);
  file.fill(0, dataAt + 16, dataAt + 24);
  deepEqual((await decodeAudio(file)).samples, samples);
  const cut = await decodeAudio(file.slice(0, -1));
  match(cut.warning!, /^The last frame is incomplete/);
  await refuses(concat("riff", Uint8Array.of(0x2e, 0x91, 0xcf, 0x11)), /expected a W64 header/);
});

Deno.test("decodeAudio() begins every chunk of W64 at a multiple of eight bytes", async () => {
  const file = await fixture("s16.w64");
  const { samples } = await decodeAudio(file);
  // A chunk of 3 bytes of content, named by 16, before all others.
  const odd = concat("note", new Uint8Array(12), u32(24 + 3, 0), new Uint8Array(8));
  const longer = concat(file.subarray(0, 40), odd, file.subarray(40));
  deepEqual((await decodeAudio(longer)).samples, samples);
});

Deno.test("readAacConfig() recognises HE-AAC however it is signalled, and refuses other kinds", () => {
  const config = (digits: string) => readAacConfig(bitsOf(digits));
  const plain = { sampleRateHz: 22_050, channels: 2, isHighEfficiency: false };
  deepEqual(config("00010 0111 0010 000"), plain);
  const efficient = { ...plain, isHighEfficiency: true };
  deepEqual(config("00101 0111 0010 0100 00010 000"), efficient);
  deepEqual(config("11101 0111 0010 0100 00010 000"), efficient); // with parametric stereo
  deepEqual(config("00010 0111 0010 000 01010110111 00101 1 0100 0000"), efficient);
  deepEqual(config("00010 1111 000000000101011000100010 0001 000"), {
    sampleRateHz: 22_050,
    channels: 1,
    isHighEfficiency: false,
  });
  const cases: [string, RegExp][] = [
    ["00001 0111 0010 000", /AAC-LC or HE-AAC, found AAC Main$/],
    ["11111 000111 0111 0010 000 0000000", /found AAC-ELD$/],
    ["00010 0111 0010 100", /1024 frames a block, found 960$/],
    ["00010 1101 0010 000", /an AAC rate, found number 13$/],
    ["00010 0111 1000 000", /a known layout, found number 8$/],
    ["00010", /a whole AAC configuration/],
  ];
  for (const [digits, message] of cases) {
    try {
      config(digits);
      match("accepted", message);
    } catch (error) {
      match(`${error}`, message);
    }
  }
});

Deno.test("readAacConfig() counts the channels of a list of elements", () => {
  // One pair and one single in front, a low one: 4 channels.
  const layout = "0000 01 0111 0010 0000 0000 01 000 0000 0 0 0 1 0000 0 0001 0000";
  const bits = `00010 0111 0000 000 ${layout}`.replaceAll(" ", "");
  const aligned = bits.padEnd(Math.ceil(bits.length / 8) * 8, "0");
  equal(readAacConfig(bitsOf(aligned + "00000000")).channels, 4);
});

Deno.test("readAdtsHeader() reads a frame's header, and none where there is none", async () => {
  const file = await fixture("stereo.aac");
  const { frameBytes, ...header } = readAdtsHeader(file)!;
  deepEqual(header, { sampleRateHz: 44_100, channels: 2, headerBytes: 7, blocks: 1 });
  equal(readAdtsHeader(file, frameBytes)!.sampleRateHz, 44_100);
  equal(readAdtsHeader(file, 1), undefined);
  equal(readAdtsHeader(file.subarray(0, 6)), undefined);
});

Deno.test("bandsOf() ends every block's bands at its last line", () => {
  for (const rateHz of [96_000, 64_000, 48_000, 44_100, 32_000, 24_000, 16_000, 8_000, 7_350, 50]) {
    const { long, short } = bandsOf(rateHz);
    deepEqual([long.starts.at(-1), short.starts.at(-1)], [1_024, 128], `${rateHz}`);
  }
});

Deno.test("decodeAudio() says of HE-AAC that only its core is decoded", async () => {
  const file = (await fixture("stereo.m4a")).slice();
  const plain = await decodeAudio(file);
  const at = String.fromCharCode(...file).indexOf("\x05\x80\x80\x80\x05") + 5;
  // 5 bytes: AAC-LC at 16 kHz with two channels, then replication in the form that old decoders pass over.
  const signalled = bitsOf("00010 1000 0010 000 01010110111 00101 1 0101 0000");
  file.set(signalled.subarray(0, 5), at);
  const { samples, warning, sampleRateHz } = await decodeAudio(file);
  deepEqual([samples, sampleRateHz], [plain.samples, 16_000]);
  match(warning!, /^HE-AAC: only its core is decoded/);
});

Deno.test("decodeAudio() says of replication within the frames of ADTS that it is left out", async () => {
  const file = await fixture("stereo.aac");
  // Filling of one byte: its kind, 13, is replication.
  const filling = "110 0001 1101 0000".replaceAll(" ", "");
  const frames: Uint8Array[] = [];
  for (let at = 0; at < file.length;) {
    const { frameBytes, headerBytes } = readAdtsHeader(file, at)!;
    const content = Array.from(
      file.subarray(at + headerBytes, at + frameBytes),
      (byte) => byte.toString(2).padStart(8, "0"),
    ).join("");
    const bits = `${filling}${content}0`;
    const header = file.slice(at, at + headerBytes);
    const size = headerBytes + bits.length / 8;
    header[4] = size >> 3;
    header[5] = (size & 7) << 5 | header[5]! & 31;
    frames.push(header, bitsOf(bits));
    at += frameBytes;
  }
  const plain = await decodeAudio(file);
  const { samples, warning, sampleRateHz } = await decodeAudio(concat(...frames));
  deepEqual([samples, sampleRateHz], [plain.samples, 44_100]);
  match(warning!, /^HE-AAC: only its core is decoded/);
});

Deno.test("decodeAudio() gives silence where a frame of AAC is broken, and says so", async () => {
  const file = (await fixture("stereo.aac")).slice();
  const { samples } = await decodeAudio(file);
  const first = readAdtsHeader(file)!.frameBytes;
  file.fill(0xff, first + 7, first + 60);
  const broken = await decodeAudio(file);
  equal(broken.samples.length, samples.length);
  match(broken.warning!, /^An AAC frame cannot be read \(.*\); it is silent$/);
});
