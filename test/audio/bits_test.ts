import { deepEqual, equal, throws } from "node:assert/strict";
import { BitReader, OutOfBits } from "../../src/audio/_bit_reader.ts";
import { crcAfter, crcOf } from "../../src/audio/_crc.ts";
import { id3Bytes } from "../../src/audio/_id3.ts";
import { Imdct } from "../../src/audio/_imdct.ts";
import { bitsOf as bitsOfNumber, LsbBitReader } from "../../src/audio/_lsb_bit_reader.ts";
import { readOpusPacket, splitOpusPacket } from "../../src/audio/_opus_packet.ts";
import { assertAllClose } from "../compare.ts";
import { bitsOf } from "./sealed.ts";
import { concat } from "./wav_file.ts";

Deno.test("BitReader reads the highest bit first, across bytes", () => {
  const bits = new BitReader(bitsOf("101 00011 1111 00000001 0001"));
  deepEqual([bits.read(3), bits.read(5), bits.read(4), bits.read(8)], [5, 3, 15, 1]);
  equal(bits.readUnary(), 3);
  throws(() => bits.read(1), OutOfBits);
});

Deno.test("BitReader reads up to 32 bits, and up to 33 with a sign", () => {
  const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0xfe, 0x80, 0, 0, 0, 0x40);
  equal(new BitReader(bytes).read(32), 0xfffffffe);
  equal(new BitReader(bytes).readSigned(32), -2);
  const bits = new BitReader(bytes);
  bits.skip(31);
  equal(bits.readSigned(33), 2 ** 31);
  equal(new BitReader(bytes, 4).readSigned(33), -(2 ** 32));
});

Deno.test("BitReader counts zeros over many bytes, and stops at the end", () => {
  const bytes = concat(new Uint8Array(100), Uint8Array.of(1));
  equal(new BitReader(bytes).readUnary(), 807);
  throws(() => new BitReader(new Uint8Array(100)).readUnary(), OutOfBits);
});

Deno.test("BitReader reads Rice codes, short and long, up to the last bit", () => {
  const digits = "1 01  01 10  0001 11  " + "0".repeat(30) + "1 01  1 00".padEnd(7);
  const bytes = bitsOf(digits);
  const out = new Float64Array(5);
  const bits = new BitReader(bytes);
  bits.readRice(2, out);
  deepEqual([...out], [-1, 3, -8, -61, 0]);
  throws(() => new BitReader(bytes).readRice(2, new Float64Array(8)), OutOfBits);
  const large = new BitReader(bitsOf(`1 ${"1".repeat(30)}`));
  const one = new Float64Array(1);
  large.readRice(30, one);
  equal(one[0], -(2 ** 29));
});

Deno.test("BitReader goes on at a byte, or at a given bit", () => {
  const bits = new BitReader(Uint8Array.of(0b10000000, 0b01000000));
  bits.read(1);
  bits.alignToByte();
  deepEqual([bits.byte, bits.position], [1, 8]);
  bits.seek(9);
  equal(bits.read(1), 1);
});

Deno.test("LsbBitReader reads the lowest bit first", () => {
  const bits = new LsbBitReader(Uint8Array.of(0b11100101, 0b00000001, 0xff, 0xff, 0xff, 0x7f));
  deepEqual([bits.read(3), bits.readFlag(), bits.read(5)], [5, false, 0b11110]);
  equal(bits.read(7), 0);
  equal(bits.read(32), 0x7fffffff);
  throws(() => bits.readBit(), OutOfBits);
  deepEqual([0, 1, 4, 255].map(bitsOfNumber), [0, 1, 3, 8]);
});

Deno.test("LsbBitReader looks up the next bits, and reads as many as were found", () => {
  const bits = new LsbBitReader(Uint8Array.of(0b11_10_0110, 0b1));
  // By three bits: what they are, and that two of them count.
  const table = Int32Array.from({ length: 8 }, (_, i) => i << 4 | 2);
  const found = Array.from({ length: 4 }, () => bits.lookUp(table, 15) >> 4);
  deepEqual(found, [0b110, 0b001, 0b110, 0b111]);
  equal(bits.read(7), 1);
  // Behind the last bit but one, zeros stand for what is missing, and cannot be read.
  throws(() => bits.lookUp(table, 15), OutOfBits);
});

Deno.test("crcAfter() gives the known checks, in one piece or two", () => {
  const digits = new TextEncoder().encode("123456789");
  const kinds = [[8, 0x07, 0xf4], [16, 0x8005, 0xfee8], [32, 0x04c11db7, 0x89a1897f]] as const;
  for (const [bits, polynomial, expected] of kinds) {
    const crc = crcOf(bits, polynomial);
    equal(crcAfter(crc, digits), expected);
    equal(crcAfter(crc, digits.subarray(4), crcAfter(crc, digits.subarray(0, 4))), expected);
  }
});

Deno.test("Imdct sums the cosines of its definition", () => {
  for (const size of [64, 128, 2_048]) {
    const x = Float64Array.from({ length: size / 2 }, (_, k) => Math.sin(k * k + 1));
    const expected = Float64Array.from({ length: size }, (_, i) =>
      x.reduce(
        (sum, value, k) =>
          sum + value * Math.cos(2 * Math.PI / size * (i + 0.5 + size / 4) * (k + 0.5)),
        0,
      ));
    const actual = new Float64Array(size);
    new Imdct(size).transform(x, actual);
    assertAllClose(actual, expected, { atol: 1e-9, label: `${size} outputs` });
  }
});

Deno.test("id3Bytes() adds header, content and footer", () => {
  equal(id3Bytes(concat("ID3\x04\0\0\0\0\x01\x02")), 10 + 130);
  equal(id3Bytes(concat("ID3\x04\0\x10\0\0\x01\x02")), 20 + 130);
  equal(id3Bytes(concat("ID3\x04\0\0\0\0")), 0);
  equal(id3Bytes(concat("fLaC\0\0\0\0\0\0\0")), 0);
});

Deno.test("readOpusPacket() counts what a packet decodes to, and refuses what breaks the rules", () => {
  const packet = (first: number, ...rest: number[]) => Uint8Array.of(first, ...rest);
  const cases: [Uint8Array, number | undefined][] = [
    [packet(0 << 3), 480], // speech, 10 ms
    [packet(3 << 3, 1, 2), 2_880], // speech, 60 ms
    [packet(13 << 3, 1), 960], // both, 20 ms
    [packet(16 << 3, 1), 120], // music, 2.5 ms
    [packet(16 << 3 | 1, 1, 2), 240], // two of one size
    [packet(16 << 3 | 1, 1, 2, 3), undefined],
    [packet(16 << 3 | 2, 1, 9, 8), 240], // two of any size, the first 1 byte long
    [packet(16 << 3 | 2, 3, 9, 8), undefined],
    [packet(16 << 3 | 3, 3, 7, 8, 9), 360], // three of one size
    [packet(16 << 3 | 3, 3, 7, 8), undefined],
    [packet(16 << 3 | 3, 0), undefined],
    [packet(3 << 3 | 3, 3, 7, 8, 9), undefined], // 180 ms
    [packet(16 << 3 | 3, 0x82, 1, 5, 6, 7), 240], // two with a stated size
    [packet(16 << 3 | 3, 0x82, 9, 5), undefined],
    [packet(16 << 3 | 3, 0x41, 2, 5, 0, 0), 120], // one with two bytes of padding
    [packet(16 << 3 | 3, 0x41, 9, 5), undefined],
    [new Uint8Array(0), undefined],
    [new Uint8Array(1_300), undefined],
  ];
  for (const [bytes, frames] of cases) equal(readOpusPacket(bytes)?.frames, frames, `${bytes}`);
});

Deno.test("splitOpusPacket() gives each frame a packet of its own", () => {
  const packet = (...bytes: number[]) => Uint8Array.from(bytes);
  const music = 16 << 3;
  deepEqual(splitOpusPacket(packet(music | 3, 3, 7, 8, 9), 1), [
    packet(music, 7),
    packet(music, 8),
    packet(music, 9),
  ]);
  deepEqual(splitOpusPacket(packet(music | 3, 0x41, 2, 5, 0, 0), 1), [packet(music, 5)]);
  deepEqual(splitOpusPacket(packet(music | 2, 1, 9, 8, 7), 1), [
    packet(music, 9),
    packet(music, 8, 7),
  ]);
});

Deno.test("splitOpusPacket() keeps the streams of a surround packet together", () => {
  const packet = (...bytes: number[]) => Uint8Array.from(bytes);
  const music = 16 << 3;
  // The first stream states its size: two frames of 1 byte; the second has two of 2.
  const two = packet(music | 1, 1, 5, 6, music | 1, 1, 2, 3, 4);
  deepEqual(splitOpusPacket(two, 2), [
    packet(music, 1, 5, music, 1, 2),
    packet(music, 1, 6, music, 3, 4),
  ]);
  const unlike = packet((17 << 3) | 0, 1, 5, music | 1, 2, 3);
  deepEqual(splitOpusPacket(unlike, 2), [unlike]);
  equal(splitOpusPacket(packet(music, 1, 5, music | 1, 2, 3), 2), undefined);
  equal(splitOpusPacket(packet(music, 9, 5), 2), undefined);
  const large = splitOpusPacket(
    concat(packet(music, 252, 12), new Uint8Array(300), packet(music, 1)),
    2,
  );
  deepEqual([large!.length, large![0]!.length, [...large![0]!.subarray(0, 3)]], [1, 305, [
    music,
    252,
    12,
  ]]);
});
