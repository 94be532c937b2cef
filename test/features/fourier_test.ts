import { deepEqual, equal, throws } from "node:assert/strict";
import { PowerSpectrum, transformRadices } from "../../src/features/_fourier.ts";
import { Random } from "../../src/random.ts";
import { assertAllClose } from "../compare.ts";

/** The definition, in float64. */
function directPower(frame: Float64Array): number[] {
  const size = frame.length;
  return Array.from({ length: Math.floor(size / 2) + 1 }, (_, k) => {
    let [re, im] = [0, 0];
    for (let i = 0; i < size; i++) {
      const angle = 2 * Math.PI * (i * k % size) / size;
      re += frame[i]! * Math.cos(angle);
      im -= frame[i]! * Math.sin(angle);
    }
    return re * re + im * im;
  });
}

function noise(size: number, seed: number): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: size }, () => random.uniform() * 2 - 1);
}

function powers(first: Float64Array, second: Float64Array): [Float64Array, Float64Array] {
  const spectrum = new PowerSpectrum(first.length);
  const [a, b] = [new Float64Array(spectrum.bins), new Float64Array(spectrum.bins)];
  spectrum.compute(first, second, a, b);
  return [a, b];
}

/** Each radix alone, odd sizes, and radices in many orders and numbers of passes. */
const SIZES = [
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  12,
  14,
  15,
  16,
  21,
  25,
  35,
  36,
  49,
  63,
  75,
  105,
  128,
  210,
];

for (const size of [...SIZES, 400, 512]) {
  Deno.test(`PowerSpectrum equals the direct transform of ${size} samples`, () => {
    const [first, second] = [noise(size, 1), noise(size, 2)];
    const found = powers(first, second);
    for (const [i, frame] of [first, second].entries()) {
      assertAllClose(found[i]!, directPower(frame), { atol: 1e-11 * size, rtol: 1e-11 });
    }
  });
}

Deno.test("PowerSpectrum keeps a quiet frame apart from the loud one beside it", () => {
  const [loud, quiet] = [noise(400, 1), noise(400, 2).map((sample) => sample * 1e-6)];
  assertAllClose(powers(loud, quiet)[1], directPower(quiet), { rtol: 1e-6, atol: 1e-18 });
  assertAllClose(powers(quiet, loud)[0], directPower(quiet), { rtol: 1e-6, atol: 1e-18 });
});

Deno.test("PowerSpectrum leaves its frames as they are, and nothing of one call to the next", () => {
  const spectrum = new PowerSpectrum(12);
  const [first, second] = [noise(12, 1), noise(12, 2)];
  const once = [new Float64Array(7), new Float64Array(7)] as const;
  spectrum.compute(first, second, ...once);
  spectrum.compute(noise(12, 3), noise(12, 4), new Float64Array(7), new Float64Array(7));
  const again = [new Float64Array(7), new Float64Array(7)] as const;
  spectrum.compute(first, second, ...again);
  deepEqual(again, once);
  deepEqual([first, second], [noise(12, 1), noise(12, 2)]);
});

Deno.test("transformRadices() takes fours before twos, and no factor above 7", () => {
  deepEqual(transformRadices(400), [4, 4, 5, 5]);
  deepEqual(transformRadices(512), [4, 4, 4, 4, 2]);
  deepEqual(transformRadices(1), []);
  for (const size of [0, 11, 22, 1021, 1.5, -4, NaN]) equal(transformRadices(size), undefined);
  throws(() => new PowerSpectrum(11), /expected a size with factors up to 7, found 11$/);
});
