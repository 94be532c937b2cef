import { equal, ok } from "node:assert/strict";
import { bandLayout } from "../../src/audio/_mp3_bands.ts";
import type { Mp3Header } from "../../src/audio/_mp3_header.ts";

/** Spectral lines of a granule. */
const LINES = 576;
/** Bands with a factor of their own and the one above them, for one or for three windows. */
const BANDS = { long: 22, short: 39 };

function layoutOf(rateIndex: number, kind: "long" | "short" | "mixed") {
  return bandLayout({ rateIndex } as Mp3Header, kind);
}

for (let rateIndex = 0; rateIndex < 9; rateIndex++) {
  Deno.test(`bandLayout() divides all lines of a granule among bands (rate ${rateIndex})`, () => {
    for (const kind of ["long", "short", "mixed"] as const) {
      const { widths, starts } = layoutOf(rateIndex, kind);
      equal(starts[0], 0);
      equal(starts.at(-1), LINES, kind);
      equal(starts.length, widths.length + 1);
      if (kind !== "mixed") equal(widths.length, BANDS[kind]);
      ok(widths.every((width) => width > 0 && width % 2 === 0), kind);
    }
  });

  Deno.test(`bandLayout() begins a mixed block with long bands (rate ${rateIndex})`, () => {
    const [long, mixed] = [layoutOf(rateIndex, "long"), layoutOf(rateIndex, "mixed")];
    equal(mixed.starts[mixed.longBands], long.starts[mixed.longBands]);
    equal(mixed.longLines, rateIndex === 8 ? 72 : 36);
    equal((mixed.widths.length - mixed.longBands) % 3, 0);
  });
}
