/**
 * From the spectrum of an MP3 granule to 576 samples: a transform in each of 32 sub-bands, whose
 * blocks overlap, then the filter bank that puts the sub-bands together.
 *
 * The transform of a long block is a DCT-IV of 18 numbers, which is made of two cosine transforms of 9 by the
 * identity `2 cos(t) cos((2k + 1) t) = cos(2k t) + cos((2k + 2) t)`. Follows ISO/IEC 11172-3,
 * 2.4.3.4.10 and Annex A.
 *
 * @module
 */

import { BAND_LINES, BANDS, Mp3FilterBank, ROW } from "./_mp3_filter_bank.ts";
import type { ChannelSpectrum } from "./_mp3_spectrum.ts";

const LONG_BLOCK = 36;
const SHORT_BLOCK = 12;
const SHORT = 2;

/** Of the transform of three short blocks under its window. Shape: `[12, 6]`. */
const SHORT_COSINES = Float64Array.from({ length: SHORT_BLOCK * SHORT_BLOCK / 2 }, (_, at) => {
  const [i, k] = [Math.floor(at / 6), at % 6];
  const angle = Math.PI / (2 * SHORT_BLOCK) * (2 * i + 1 + SHORT_BLOCK / 2) * (2 * k + 1);
  return Math.cos(angle) * windowAt(SHORT, i);
});

/** By block type, for even and odd sub-bands: the weights of a long block's results. Shape: `[36]` */
const WINDOWS = [0, 1, SHORT, 3].map((type) => [
  longWeights(type === SHORT ? 0 : type, 1),
  longWeights(type === SHORT ? 0 : type, -1),
]);

/** Of the transform of the odd inputs, by result. */
const ODD_WEIGHTS = Float64Array.from({ length: 9 }, (_, i) => halfSecant((2 * i + 1) / 36));

const SQRT3_2 = Math.sqrt(3) / 2;
const [C10, C20, C40, C50, C70, C80] = [10, 20, 40, 50, 70, 80].map((degrees) =>
  Math.cos(degrees * Math.PI / 180)
) as [number, number, number, number, number, number];

function halfSecant(halfTurns: number): number {
  return 0.5 / Math.cos(halfTurns * Math.PI);
}

/** A window with the last weights of the transform; `turn` is the sign of odd places. */
function longWeights(blockType: number, turn: number): Float64Array {
  return Float64Array.from({ length: LONG_BLOCK }, (_, i) => {
    // Each result stands at two places of the block: those from the 9th on in its first half.
    const result = i < 9 ? 9 + i : i < 27 ? 26 - i : i - 27;
    const sign = (i < 9 ? 1 : -1) * (i % 2 === 1 ? turn : 1);
    return sign * windowAt(blockType, i) * halfSecant((2 * result + 1) / 72);
  });
}

function windowAt(blockType: number, i: number): number {
  const slope = (at: number, length: number) => Math.sin(Math.PI / length * (at + 0.5));
  if (blockType === SHORT) return slope(i, SHORT_BLOCK);
  if (blockType === 3) return windowAt(1, LONG_BLOCK - 1 - i);
  if (blockType === 0 || i < 18) return slope(i, LONG_BLOCK);
  return i < 24 ? 1 : i < 30 ? slope(i - 18, SHORT_BLOCK) : 0;
}

/** The memory of one channel, or of a mean of channels, from granule to granule. */
export class Mp3Synthesis {
  /** Second halves of the last blocks. Shape: `[32, 18]`. */
  readonly #tails = new Float64Array(BANDS * BAND_LINES);
  readonly #filterBank = new Mp3FilterBank();
  readonly #block = new Float64Array(LONG_BLOCK);
  readonly #even = new Float64Array(9);
  readonly #odd = new Float64Array(9);

  /** Shape: the sum of spectra, `lines [576]` each, into 576 numbers of `out` from `outStart` on. */
  run(spectra: readonly ChannelSpectrum[], out: Float32Array, outStart: number): void {
    const { at } = this.#filterBank;
    this.#begin(at);
    for (const { lines, coded, granule } of spectra) {
      const { blockType, layout } = granule;
      for (let band = 0, start = 0; start < coded; band++, start += BAND_LINES) {
        const type = blockType === SHORT && start < layout.longLines ? 0 : blockType;
        if (type === SHORT) this.#addShort(lines, band, at);
        else this.#addLong(lines, band, WINDOWS[type]![band & 1]!, at);
      }
    }
    this.#filterBank.run(out, outStart);
  }

  /** Starts with what is left of the blocks before. */
  #begin(at: number): void {
    const { rows } = this.#filterBank;
    const tails = this.#tails;
    for (let band = 0, i = 0; band < BANDS; band++) {
      for (let row = band * ROW + at, end = row + BAND_LINES; row < end; row++, i++) {
        rows[row] = tails[i]!;
      }
    }
    tails.fill(0);
  }

  #addLong(lines: Float64Array, band: number, weights: Float64Array, at: number): void {
    const { rows } = this.#filterBank;
    const [tails, even, odd] = [this.#tails, this.#even, this.#odd];
    const start = band * BAND_LINES;
    let before = lines[start]! + lines[start + 1]!;
    even[0] = lines[start]!;
    odd[0] = before;
    for (let i = 1, from = start + 2; i < 9; i++, from += 2) {
      const first = lines[from]!;
      const both = first + lines[from + 1]!;
      even[i] = lines[from - 1]! + first;
      odd[i] = both + before;
      before = both;
    }
    transform9(even);
    transform9(odd);
    const row = band * ROW + at;
    for (let i = 0; i < 9; i++) {
      const a = even[i]!;
      const b = odd[i]! * ODD_WEIGHTS[i]!;
      const rising = a - b;
      const falling = a + b;
      rows[row + 8 - i]! += rising * weights[8 - i]!;
      rows[row + 9 + i]! += rising * weights[9 + i]!;
      tails[start + 8 - i]! += falling * weights[26 - i]!;
      tails[start + 9 + i]! += falling * weights[27 + i]!;
    }
  }

  #addShort(lines: Float64Array, band: number, at: number): void {
    const { rows } = this.#filterBank;
    const block = this.#block.fill(0);
    const start = band * BAND_LINES;
    for (let window = 0; window < 3; window++) {
      for (let i = 0, cosine = 0; i < SHORT_BLOCK; i++) {
        let sum = 0;
        for (let k = start + window; k < start + BAND_LINES; k += 3, cosine++) {
          sum += SHORT_COSINES[cosine]! * lines[k]!;
        }
        block[6 + 6 * window + i]! += sum;
      }
    }
    for (let i = 0; i < BAND_LINES; i++) {
      const sign = band & i & 1 ? -1 : 1;
      rows[band * ROW + at + i]! += sign * block[i]!;
      this.#tails[start + i]! += sign * block[BAND_LINES + i]!;
    }
  }
}

/** `y[i] = sum over k of x[k] cos((2i + 1) k pi / 18)`, in place: mirrored results differ in odd k. */
function transform9(x: Float64Array): void {
  const x0 = x[0]!, x1 = x[1]!, x2 = x[2]!, x3 = x[3]! * SQRT3_2, x4 = x[4]!;
  const x5 = x[5]!, x6 = x[6]!, x7 = x[7]!, x8 = x[8]!;
  const sum = x0 + x6 / 2;
  const difference = x0 - x6;
  const rest = x2 - x4 - x8;
  const a0 = sum + x2 * C20 + x4 * C40 + x8 * C80;
  const a1 = difference + rest / 2;
  const a2 = sum - x2 * C80 - x4 * C20 + x8 * C40;
  const a3 = sum - x2 * C40 + x4 * C80 - x8 * C20;
  const b0 = x1 * C10 + x3 + x5 * C50 + x7 * C70;
  const b1 = (x1 - x5 - x7) * SQRT3_2;
  const b2 = x1 * C50 - x3 - x5 * C70 + x7 * C10;
  const b3 = x1 * C70 - x3 + x5 * C10 - x7 * C50;
  x[0] = a0 + b0;
  x[1] = a1 + b1;
  x[2] = a2 + b2;
  x[3] = a3 + b3;
  x[4] = difference - rest;
  x[5] = a3 - b3;
  x[6] = a2 - b2;
  x[7] = a1 - b1;
  x[8] = a0 - b0;
}
