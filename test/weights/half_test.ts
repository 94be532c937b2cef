import assert from "node:assert/strict";
import {
  bfloat16ToFloat32,
  float32ToBfloat16,
  float32ToHalf,
  halfToFloat32,
} from "../../src/weights/_half.ts";
import { assertAllClose } from "../compare.ts";
import { seededRandom } from "./craft.ts";

const EVERY_PATTERN = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

Deno.test("halfToFloat32() widens every bit pattern as Float16Array does", () => {
  const expected = new Float32Array(new Float16Array(EVERY_PATTERN.buffer));
  assertAllClose(halfToFloat32(EVERY_PATTERN), expected, {}); // NaN payloads may differ
});

Deno.test("float32ToHalf() gives back every pattern that halfToFloat32() widens", () => {
  const back = float32ToHalf(halfToFloat32(EVERY_PATTERN));
  const expected = EVERY_PATTERN.map((bits) =>
    (bits & 0x7fff) > 0x7c00 ? bits & 0x8000 | 0x7e00 : bits
  );
  assert.deepEqual(back, expected);
});

Deno.test("float32ToHalf() rounds as Float16Array does, ties and overflow included", () => {
  const edges = [0, -0, 65504, 65519.99, 65520, 1e30, Infinity, 2 ** -14, 2 ** -24, 2 ** -25];
  const ties = [
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    2 ** -25 * 1.0001,
    3 * 2 ** -25,
    2 ** -14 - 2 ** -25,
  ];
  const random = seededRandom(1);
  const spread = Array.from({ length: 20_000 }, () => (random() - 0.5) * 2 ** (random() * 46 - 28));
  const values = Float32Array.from([...edges, ...ties, ...ties.map((tie) => -tie), ...spread]);
  const expected = new Uint16Array(new Float16Array(values).buffer);
  assert.deepEqual(float32ToHalf(values), expected);
});

Deno.test("bfloat16ToFloat32() keeps the upper half of float32", () => {
  const values = bfloat16ToFloat32(EVERY_PATTERN);
  const patterns = new Uint32Array(values.buffer);
  assert.deepEqual(patterns, Uint32Array.from(EVERY_PATTERN, (bits) => bits << 16));
});

Deno.test("float32ToBfloat16() rounds to nearest, ties to even, and keeps NaN", () => {
  const step = 2 ** -7; // between neighbours of bfloat16 just above 1
  const cases: [number, number][] = [
    [1, 0x3f80],
    [1 + step / 2, 0x3f80],
    [1 + step * 0.51, 0x3f81],
    [1 + step * 1.5, 0x3f82],
    [-(1 + step * 1.5), 0xbf82],
    [3.4e38, 0x7f80],
    [-Infinity, 0xff80],
    [0, 0],
    [-0, 0x8000],
    [2 ** -149, 0],
  ];
  const values = Float32Array.from(cases, ([value]) => value);
  assert.deepEqual(float32ToBfloat16(values), Uint16Array.from(cases, ([, bits]) => bits));
  const nan = new Float32Array(Uint32Array.of(0x7f800001).buffer);
  assert.ok(Number.isNaN(bfloat16ToFloat32(float32ToBfloat16(nan))[0]));
});
