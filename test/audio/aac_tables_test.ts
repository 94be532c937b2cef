import { deepEqual, equal, ok } from "node:assert/strict";
import { bandsOf, rateOfIndex, SCALE_BOOK, SPECTRAL_BOOKS } from "../../src/audio/_aac_tables.ts";

/** Symbols of the eleven codebooks of lines: quadruples of three values, then pairs of more and more. */
const BOOK_SIZES = [81, 81, 81, 81, 81, 81, 64, 64, 169, 169, 289];

for (const [i, book] of [...SPECTRAL_BOOKS, SCALE_BOOK].entries()) {
  const size = BOOK_SIZES[i] ?? 121;
  Deno.test(`codebook ${i + 1} of AAC leaves no code out, and has each of ${size} symbols once`, () => {
    const room = book.counts.reduce((sum, count, bits) => sum + count / 2 ** (bits + 1), 0);
    equal(room, 1);
    equal(book.counts.reduce((sum, count) => sum + count), size);
    const symbols = book.symbols.match(/../g)!.map((digits) => parseInt(digits, 36));
    deepEqual(symbols.sort((a, b) => a - b), Array.from({ length: size }, (_, symbol) => symbol));
  });
}

/** By rate: bands of a long and of a short block, where two short ones begin, and how many noise shaping may reach. */
const BANDS = [
  [96_000, 41, 12, 48, 92, 31, 9],
  [88_200, 41, 12, 48, 92, 31, 9],
  [64_000, 47, 12, 48, 92, 34, 10],
  [48_000, 49, 14, 56, 80, 40, 14],
  [44_100, 49, 14, 56, 80, 42, 14],
  [32_000, 51, 14, 56, 80, 51, 14],
  [24_000, 47, 15, 44, 64, 46, 14],
  [22_050, 47, 15, 44, 64, 46, 14],
  [16_000, 43, 15, 40, 60, 42, 14],
  [12_000, 43, 15, 40, 60, 42, 14],
  [11_025, 43, 15, 40, 60, 42, 14],
  [8_000, 40, 15, 44, 60, 39, 14],
  [7_350, 40, 15, 44, 60, 39, 14],
] as const;

Deno.test("bandsOf() divides the lines of a long and of a short block at every rate", () => {
  for (const [i, [rate, longBands, shortBands, ninth, eleventh, ...shaped]] of BANDS.entries()) {
    equal(rateOfIndex(i), rate);
    const { long, short } = bandsOf(rate);
    deepEqual(
      [long.starts.length - 1, short.starts.length - 1],
      [longBands, shortBands],
      `${rate}`,
    );
    deepEqual([long.starts.at(-1), short.starts.at(-1)], [1024, 128], `${rate}`);
    deepEqual([short.starts[9], short.starts[11]], [ninth, eleventh], `${rate}`);
    deepEqual([long.maxShaped, short.maxShaped], shaped, `${rate}`);
    for (const { starts } of [long, short]) {
      ok(starts.every((start, band) => band === 0 || start > starts[band - 1]!));
    }
  }
  equal(rateOfIndex(BANDS.length), undefined);
});
