import { deepEqual, equal, rejects } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/mod.ts";
import { channelsOf } from "./channels.ts";
import { fixture } from "./fixtures.ts";
import { openFlac } from "../../src/audio/flac.ts";
import { bitsOf, flacFile, flacFrame, stereoFlacFile } from "./sealed.ts";

const FRAMES = 512;

/** The whole numbers of a FLAC file in 16 bits. */
async function integersOf(file: Uint8Array): Promise<number[]> {
  return Array.from((await decodeAudio(file)).samples, (sample) => sample * 2 ** 15);
}

function digits(value: number, width: number): string {
  return (value >>> 0).toString(2).padStart(32, "0").slice(-width);
}

function ramp(from: number, step: number): number[] {
  return Array.from({ length: FRAMES }, (_, i) => from + step * i);
}

Deno.test("decodeAudio() reads a constant FLAC subframe, with bits that are not in use", async () => {
  const plain = bitsOf(`0 000000 0 ${digits(-5, 16)}`);
  const shifted = bitsOf(`0 000000 1 001 ${digits(-5, 13)}`);
  deepEqual(await integersOf(flacFile([plain, shifted])), [
    ...new Array(FRAMES).fill(-5),
    ...new Array(FRAMES).fill(-40),
  ]);
});

Deno.test("decodeAudio() reads FLAC samples that are written out", async () => {
  const values = ramp(-32_768, 128);
  const written = values.map((value) => digits(value, 16)).join("");
  deepEqual(await integersOf(flacFile([bitsOf(`0 000001 0 ${written}`)])), values);
});

Deno.test("decodeAudio() predicts FLAC samples of fixed order from residuals in Rice codes", async () => {
  // Order 2 foretells a ramp, so every residual is 0: with parameter 0 that is a bit each.
  const residuals = "1".repeat(FRAMES - 2);
  const start = `${digits(10, 16)} ${digits(7, 16)}`;
  const subframe = bitsOf(`0 001010 0 ${start} 00 0000 0000 ${residuals}`);
  deepEqual(await integersOf(flacFile([subframe])), ramp(10, -3));
});

Deno.test("decodeAudio() reads FLAC residuals of plain numbers, and of no bits at all", async () => {
  // Two partitions of order 1: residuals of 4 bits, each -3, then none.
  const plain = `1111 00100 ${digits(-3, 4).repeat(FRAMES / 2 - 1)}`;
  const subframe = bitsOf(`0 001001 0 ${digits(100, 16)} 00 0001 ${plain} 1111 00000`);
  const values = ramp(100, -3).map((value, i) =>
    i < FRAMES / 2 ? value : 100 - 3 * (FRAMES / 2 - 1)
  );
  deepEqual(await integersOf(flacFile([subframe])), values);
});

Deno.test("decodeAudio() predicts FLAC samples by coefficients and rounds down", async () => {
  // Half of the sample before, order 1 of 2 bits: coefficient 1, shift 1.
  const start = `0 100000 0 ${digits(-7, 16)} 0001 00001 ${digits(1, 2)}`;
  const subframe = bitsOf(`${start} 00 0000 0000 ${"1".repeat(FRAMES - 1)}`);
  const values = [-7];
  while (values.length < FRAMES) values.push(Math.floor(values.at(-1)! / 2));
  deepEqual(await integersOf(flacFile([subframe])), values);
});

Deno.test("decodeAudio() predicts FLAC samples by as many coefficients as there may be", async () => {
  const shift = 7;
  const all = Array.from({ length: 32 }, (_, i) => i % 2 === 0 ? 7 - i % 6 : i % 5 - 6);
  for (const order of [2, 7, 8, 9, 11, 12, 13, 32]) {
    const coefficients = all.slice(0, order).map((value) => Math.trunc(value * 30 / order));
    const values = Array.from({ length: order }, (_, i) => 900 * (i % 7) - 2_000);
    const residuals = Array.from({ length: FRAMES - order }, (_, i) => i * 37 % 64 - 32);
    const start = `0 1${digits(order - 1, 5)} 0 ${values.map((x) => digits(x, 16)).join("")}`;
    const predictor = `0111 ${digits(shift, 5)} ${coefficients.map((c) => digits(c, 8)).join("")}`;
    const plain = `00 0000 1111 00110 ${residuals.map((x) => digits(x, 6)).join("")}`;
    for (const residual of residuals) {
      const sum = coefficients.reduce((sum, c, j) => sum + c * values.at(-1 - j)!, 0);
      values.push(residual + Math.floor(sum / 2 ** shift));
    }
    const found = await integersOf(flacFile([bitsOf(`${start} ${predictor} ${plain}`)]));
    deepEqual(found, values, `order ${order}`);
  }
});

Deno.test("openFlac() makes left and right of every way to code two channels", () => {
  // Left is 10, right is 3: their difference is 7, their middle 6 without its lowest bit.
  const constant = (value: number, width: number) => `0 000000 0 ${digits(value, width)}`;
  const cases: [number, string][] = [
    [1, constant(10, 16) + constant(3, 16)],
    [8, constant(10, 16) + constant(7, 17)],
    [9, constant(7, 17) + constant(3, 16)],
    [10, constant(6, 16) + constant(7, 17)],
  ];
  for (const [assignment, subframes] of cases) {
    const file = stereoFlacFile(assignment, bitsOf(subframes));
    const channels = channelsOf(openFlac, file);
    deepEqual(channels.map((samples) => samples[100]! * 2 ** 15), [10, 3], `${assignment}`);
  }
});

Deno.test("decodeAudio() refuses a FLAC file whose frames break a rule", async () => {
  const cases: [string, RegExp][] = [
    [`1 000000 0 ${digits(1, 16)}`, /a subframe that begins with a set bit/],
    [`0 000010 0 ${digits(1, 16)}`, /a subframe of reserved kind 2/],
    [`0 000000 1 ${"0".repeat(17)}1`, /18 unused of 16 bits/],
    [`0 001000 0 10 0000`, /residuals of reserved method 2/],
    [`0 001000 0 00 1010 0000`, /1024 partitions of 512 samples/],
    [`0 100000 0 ${digits(1, 16)} 1111`, /a predictor of reserved precision/],
    [`0 100000 0 ${digits(1, 16)} 0001 10000`, /a predictor with a shift of -16/],
  ];
  for (const [subframe, message] of cases) {
    const file = flacFile([bitsOf(subframe.concat("0".repeat(64)))]);
    await rejects(decodeAudio(file, { file: "a.flac" }), { name: "AudioFormatError", message });
  }
});

Deno.test("decodeAudio() refuses FLAC and Ogg whose checksums are wrong", async () => {
  for (const name of ["stereo16.flac", "mono.ogg", "mono.opus", "mono.oga"]) {
    const bytes = await fixture(name);
    for (const at of [bytes.length >> 1, bytes.length - 20]) {
      const flipped = bytes.slice();
      flipped[at]! ^= 4;
      await rejects(decodeAudio(flipped), { name: "AudioFormatError" }, `${name} at ${at}`);
    }
  }
});

Deno.test("decodeAudio() tells of FLAC frames that are missing", async () => {
  const silence = bitsOf(`0 000000 0 ${digits(0, 16)}`);
  const { samples, warning } = await decodeAudio(flacFile([silence], 2 * FRAMES));
  equal(samples.length, FRAMES);
  equal(warning, "Truncated: 1024 frames declared; read the 512 that are there");
});

Deno.test("decodeAudio() stops a FLAC file of silence that would unfold without end", async () => {
  const silence = flacFrame(bitsOf("0 000000 0 0000000000000000"));
  const frames = 40_000; // 0.4 MB for 21 minutes
  const header = flacFile([]);
  const file = new Uint8Array(header.length + frames * silence.length);
  file.set(header);
  for (let i = 0; i < frames; i++) file.set(silence, header.length + i * silence.length);
  const limit = { maxSeconds: 60 };
  await rejects(decodeAudio(file, limit), {
    name: "AudioFormatError",
    message: /expected at most 60 s, found 60\.0 s or more$/,
  });
});
