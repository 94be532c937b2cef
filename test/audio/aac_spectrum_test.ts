import { deepEqual } from "node:assert/strict";
import type { AacChannel, ShapingFilter } from "../../src/audio/_aac_channel.ts";
import { shapeNoise } from "../../src/audio/_aac_spectrum.ts";

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
