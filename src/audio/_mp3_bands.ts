/**
 * The bands of the spectrum that share a scale factor, by sampling rate and kind of block.
 *
 * The widths are those of ISO/IEC 11172-3, table B.8, and 13818-3, table B.2.
 *
 * @module
 */

import type { Mp3Header } from "./_mp3_header.ts";

/** The bands of a granule in the order in which they are coded. */
export interface BandLayout {
  kind: "long" | "short" | "mixed";
  widths: number[];
  /** Where each band begins, and the end of the last. */
  starts: number[];
  /** Bands before the first short one. */
  longBands: number;
  /** Lines before the first short band. */
  longLines: number;
}

/** Widths by place of the rate: 44.1, 48, 32 kHz, their halves, their quarters. */
const LONG = [
  [4, 4, 4, 4, 4, 4, 6, 6, 8, 8, 10, 12, 16, 20, 24, 28, 34, 42, 50, 54, 76, 158],
  [4, 4, 4, 4, 4, 4, 6, 6, 6, 8, 10, 12, 16, 18, 22, 28, 34, 40, 46, 54, 54, 192],
  [4, 4, 4, 4, 4, 4, 6, 6, 8, 10, 12, 16, 20, 24, 30, 38, 46, 56, 68, 84, 102, 26],
  [6, 6, 6, 6, 6, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 38, 46, 52, 60, 68, 58, 54],
  [6, 6, 6, 6, 6, 6, 8, 10, 12, 14, 16, 18, 22, 26, 32, 38, 46, 54, 62, 70, 76, 36],
  [6, 6, 6, 6, 6, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 38, 46, 52, 60, 68, 58, 54],
  [6, 6, 6, 6, 6, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 38, 46, 52, 60, 68, 58, 54],
  [6, 6, 6, 6, 6, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 38, 46, 52, 60, 68, 58, 54],
  [12, 12, 12, 12, 12, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 76, 90, 2, 2, 2, 2, 2],
];
const SHORT = [
  [4, 4, 4, 4, 6, 8, 10, 12, 14, 18, 22, 30, 56],
  [4, 4, 4, 4, 6, 6, 10, 12, 14, 16, 20, 26, 66],
  [4, 4, 4, 4, 6, 8, 12, 16, 20, 26, 34, 42, 12],
  [4, 4, 4, 6, 6, 8, 10, 14, 18, 26, 32, 42, 18],
  [4, 4, 4, 6, 8, 10, 12, 14, 18, 24, 32, 44, 12],
  [4, 4, 4, 6, 8, 10, 12, 14, 18, 24, 30, 40, 18],
  [4, 4, 4, 6, 8, 10, 12, 14, 18, 24, 30, 40, 18],
  [4, 4, 4, 6, 8, 10, 12, 14, 18, 24, 30, 40, 18],
  [8, 8, 8, 12, 16, 20, 24, 28, 36, 2, 2, 2, 26],
];

/** Short bands whose place the long ones of a mixed block take: 36 lines, at 8 kHz 72. */
const MIXED_SHORT_BANDS = 3;

/** Those that were asked for, by kind and rate. */
const layouts: Record<BandLayout["kind"], (BandLayout | undefined)[]> = {
  long: Array(LONG.length),
  short: Array(LONG.length),
  mixed: Array(LONG.length),
};

/** The bands for a frame's rate. */
export function bandLayout(
  { rateIndex }: Pick<Mp3Header, "rateIndex">,
  kind: BandLayout["kind"],
): BandLayout {
  return layouts[kind][rateIndex] ??= makeLayout(rateIndex, kind);
}

function makeLayout(rateIndex: number, kind: BandLayout["kind"]): BandLayout {
  const [long, short] = [LONG[rateIndex]!, SHORT[rateIndex]!];
  const threefold = (bands: number[]) => bands.flatMap((width) => [width, width, width]);
  const replaced = kind === "long"
    ? short
    : kind === "mixed"
    ? short.slice(0, MIXED_SHORT_BANDS)
    : [];
  const first = upTo(long, sum(threefold(replaced)));
  const widths = [...first, ...threefold(short.slice(replaced.length))];
  const starts = [0];
  for (const [i, width] of widths.entries()) starts.push(starts[i]! + width);
  return { kind, widths, starts, longBands: first.length, longLines: sum(first) };
}

function sum(widths: number[]): number {
  return widths.reduce((lines, width) => lines + width, 0);
}

/** The first widths that together are not above `lines`. */
function upTo(widths: number[], lines: number): number[] {
  return widths.filter((_, band) => sum(widths.slice(0, band + 1)) <= lines);
}
