import { deepEqual, equal } from "node:assert/strict";
import { BitReader } from "../../src/audio/_bit_reader.ts";
import { bandLayout } from "../../src/audio/_mp3_bands.ts";
import type { Mp3Header } from "../../src/audio/_mp3_header.ts";
import { type Granule, readScaleFactors, scaleFactors } from "../../src/audio/_mp3_side_info.ts";

/** Bits of the factors of each band, in runs "bits x bands"; bits that are all ones give them away. */
function widthsOf(
  scaleCode: number,
  kind: "long" | "short" | "mixed",
  { isFull = true, isIntensity = false, channel = 0 } = {},
): string {
  const header = { rateIndex: isFull ? 0 : 3, isFull, isIntensity } as Mp3Header;
  const layout = bandLayout(header, kind);
  const granule = { layout, scaleCode, sharedGroups: 0 } as Granule;
  const bits = new BitReader(new Uint8Array(64).fill(255));
  const factors = scaleFactors();
  // What another kind of granule has left must not shine through.
  factors.values.fill(7);
  readScaleFactors(bits, granule, header, channel, factors);
  const widths = [...factors.values.subarray(0, layout.widths.length)]
    .map((value) => Math.log2(value + 1));
  equal(bits.position, widths.reduce((sum, width) => sum + width));
  const runs: [width: number, count: number][] = [];
  for (const width of widths) {
    const last = runs.at(-1);
    if (last?.[0] === width) last[1]++;
    else runs.push([width, 1]);
  }
  return runs.map(([width, count]) => `${width}x${count}`).join(" ");
}

/** Bits in the lower and in the upper bands, by code. */
const FULL_WIDTHS = "00 01 02 03 30 11 12 13 21 22 23 31 32 33 42 43".split(" ");

/** Runs of one width, joined where two beside each other are the same. */
function runs(...parts: [width: number, count: number][]): string {
  const joined: [number, number][] = [];
  for (const [width, count] of parts) {
    const last = joined.at(-1);
    if (last?.[0] === width) last[1] += count;
    else if (count > 0) joined.push([width, count]);
  }
  return joined.map(([width, count]) => `${width}x${count}`).join(" ");
}

Deno.test("readScaleFactors() reads 11 lower and 10 upper bands, or 18 and 18, of MPEG-1", () => {
  for (const [code, widths] of FULL_WIDTHS.entries()) {
    const [lower, upper] = [...widths].map(Number) as [number, number];
    equal(widthsOf(code, "long"), runs([lower, 11], [upper, 10], [0, 1]), `code ${code}`);
    equal(widthsOf(code, "short"), runs([lower, 18], [upper, 18], [0, 3]), `code ${code}`);
    equal(widthsOf(code, "mixed"), runs([lower, 17], [upper, 18], [0, 3]), `code ${code}`);
  }
});

/** At the lower rates: code, bits of the four groups, and bands of each in long, short and mixed blocks. */
const LOW: [code: number, intensity: boolean, widths: number[], long: string, short: string][] = [
  [399, false, [4, 4, 3, 3], "6 5 5 5", "9 9 9 9"],
  [499, false, [4, 4, 3, 0], "6 5 7 3", "9 9 12 6"],
  [511, false, [3, 2, 0, 0], "11 10 0 0", "18 18 0 0"],
  [2 * 179, true, [4, 5, 5, 0], "7 7 7 0", "12 12 12 0"],
  [2 * 243, true, [3, 3, 3, 0], "6 6 6 3", "12 9 9 6"],
  [2 * 255, true, [3, 2, 0, 0], "8 8 5 0", "15 12 9 0"],
];
/** In a mixed block the first group is six long bands, or more where the second is none. */
const MIXED = ["6 9 9 9", "6 9 12 6", "15 18 0 0", "6 15 12 0", "6 12 9 6", "6 18 9 0"];

Deno.test("readScaleFactors() reads four groups of bands at the lower rates", () => {
  const counts = (text: string) => text.split(" ").map(Number);
  for (const [i, [code, isIntensity, widths, long, short]] of LOW.entries()) {
    const how = { isFull: false, isIntensity, channel: isIntensity ? 1 : 0 };
    const wanted = (bands: string, rest: number) => {
      const groups = counts(bands).map((count, group): [number, number] => [widths[group]!, count]);
      return runs(...groups, [0, rest]);
    };
    const kinds = ["long", "short", "mixed"] as const;
    deepEqual(
      kinds.map((kind) => widthsOf(code, kind, how)),
      [wanted(long, 1), wanted(short, 3), wanted(MIXED[i]!, 3)],
      `code ${code}`,
    );
  }
});

Deno.test("readScaleFactors() keeps the groups that a granule shares with the one before", () => {
  const header = { rateIndex: 0, isFull: true, isIntensity: false } as Mp3Header;
  const layout = bandLayout(header, "long");
  const factors = scaleFactors();
  factors.values.fill(2);
  // The second and the fourth group; code 15 has 4 bits in the lower bands and 3 in the upper.
  const granule = { layout, scaleCode: 15, sharedGroups: 0b0101 } as Granule;
  const bits = new BitReader(new Uint8Array(64).fill(255));
  readScaleFactors(bits, granule, header, 0, factors);
  const read = [[6, 15], [5, 2], [5, 7], [5, 2], [1, 0]] as const;
  const wanted = read.flatMap(([count, value]) => Array<number>(count).fill(value));
  deepEqual([...factors.values.subarray(0, layout.widths.length)], wanted);
  equal(bits.position, 6 * 4 + 5 * 3);
});
