import { deepEqual } from "node:assert/strict";
import {
  type AacChannel,
  INTENSITY,
  INTENSITY_OUT,
  NOISE,
  type ShapingFilter,
} from "../../src/audio/_aac_channel.ts";
import { shapeNoise, unmixPair } from "../../src/audio/_aac_spectrum.ts";

/** A long window of three bands of four lines, of which the filter sees the upper two. */
function shaped(filter: Omit<ShapingFilter, "bands">): number[] {
  const bands = { starts: [0, 4, 8, 12], maxShaped: 3 };
  const windows = { maxBand: 3, lines: 12, groups: [1], bands };
  const channel = { windows, filters: [[{ ...filter, bands: 2 }]] } as unknown as AacChannel;
  const spectrum = Float64Array.from({ length: 12 }, (_, i) => i + 1);
  shapeNoise(channel, spectrum);
  return [...spectrum];
}

Deno.test("shapeNoise() takes from each line what its neighbours before it foretell", () => {
  const low = [1, 2, 3, 4];
  const upwards = [5];
  for (let line = 6; line <= 12; line++) upwards.push(line - 0.5 * upwards.at(-1)!);
  deepEqual(shaped({ reflections: [0.5], isDownward: false }), [...low, ...upwards]);
  const downwards = [12];
  for (let line = 11; line >= 5; line--) downwards.push(line - 0.5 * downwards.at(-1)!);
  const found = shaped({ reflections: [0.5], isDownward: true });
  deepEqual(found, [...low, ...downwards.reverse()]);
});

Deno.test("shapeNoise() makes weights of two reflections", () => {
  const lines = [5, 6 - 0.625 * 5];
  for (let line = 7; line <= 12; line++) {
    lines.push(line - 0.625 * lines.at(-1)! - 0.25 * lines.at(-2)!);
  }
  const found = shaped({ reflections: [0.5, 0.25], isDownward: false });
  deepEqual(found, [1, 2, 3, 4, ...lines]);
});

/** A channel of two short windows in one group, with a band of two lines for each codebook. */
function withBooks(books: number[], scales: number[]): AacChannel {
  const starts = books.map((_, i) => 2 * i).concat(2 * books.length);
  const bands = { starts, maxShaped: books.length };
  const windows = { maxBand: books.length, lines: starts.at(-1)!, groups: [2], bands };
  const lists = { books: [Uint8Array.from(books)], scales: [Int16Array.from(scales)] };
  return { windows, ...lists } as unknown as AacChannel;
}

Deno.test("unmixPair() makes left and right of what a pair shares, band by band", () => {
  const left = withBooks([1, 1, 1, 1, NOISE], [0, 0, 0, 0, 0]);
  // A place of 4 halves; of -4 it doubles.
  const right = withBooks([1, 1, INTENSITY, INTENSITY_OUT, 1], [0, 0, 4, -4, 0]);
  const a = new Float64Array(20).fill(6);
  const b = new Float64Array(20).fill(2);
  unmixPair([left, right], [a, b], [[true, false, true, false, true]]);
  const [toLeft, toRight] = [[8, 8, 6, 6, 6, 6, 6, 6, 6, 6], [4, 4, 2, 2, -3, -3, -12, -12, 2, 2]];
  deepEqual([...a], [...toLeft, ...toLeft]);
  deepEqual([...b], [...toRight, ...toRight]);
  unmixPair([left, right], [a.fill(6), b.fill(2)], undefined);
  deepEqual([...b.subarray(0, 8)], [2, 2, 2, 2, 3, 3, -12, -12]);
});
