/**
 * The filter bank that makes sound of the 32 sub-bands of MP3.
 *
 * Each step takes a value of every sub-band, transforms the 32 of them by a cosine transform, and
 * weights the results of the last 16 steps with the synthesis window. The steps of a granule stand side by
 * side, so that every loop runs over 18 numbers with the same weights. Follows ISO/IEC 11172-3,
 * 2.4.3.2; the transform is that of B. G. Lee, "A new algorithm to compute the discrete cosine
 * transform" (1984).
 *
 * @module
 */

import { WINDOW } from "./_mp3_tables.ts";

/** Sub-bands, and the values of each in a granule. */
export const BANDS = 32;
export const BAND_LINES = 18;

/** Steps that are remembered, and room for more, so that they are seldom moved. */
const PAST = 15;
const ROOM = 6 * BAND_LINES;

/** From a sub-band's row to the next. */
export const ROW = PAST + ROOM;

/** The synthesis window in full: its second half mirrors the first, mostly with the other sign. */
const FULL_WINDOW = Float64Array.from({ length: 512 }, (_, i) => {
  const value = (i <= 256 ? WINDOW[i]! : WINDOW[512 - i]!) / 2 ** 16;
  return i > 256 && i % 64 !== 0 ? -value : value;
});

/** The first steps of the transform in place, on four rows at a time, and their weights. */
const FIRST_ROWS = Uint8Array.from(
  { length: BANDS },
  (_, i) => [i >> 2, 31 - (i >> 2), 15 - (i >> 2), 16 + (i >> 2)][i & 3]!,
);
const FIRST_WEIGHTS = Float64Array.from({ length: 24 }, (_, i) => {
  const k = Math.floor(i / 3);
  return [halfSecant(k, 32), halfSecant(15 - k, 32), halfSecant(k, 16)][i % 3]!;
});

/** Then transforms of eight rows, whose results take their places in order. */
const EIGHT_ROWS: number[] = [];
const [EIGHT_A, EIGHT_B, EIGHT_C, EIGHT_D, FOUR_A, FOUR_B, TWO] = [
  [0, 8],
  [1, 8],
  [2, 8],
  [3, 8],
  [0, 4],
  [1, 4],
  [0, 2],
].map(([k, size]) => halfSecant(k!, size!)) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** Then, in this order, pairs of rows of which the second is added to the first. */
const ADDED: number[] = [];

/** The row in which each result of the transform stands afterwards. */
const ROW_OF = planTransform(Array.from({ length: BANDS }, (_, i) => i));

/** What differences of mirrored inputs `k` of `size` are weighted with. */
function halfSecant(k: number, size: number): number {
  return 0.5 / Math.cos((2 * k + 1) * Math.PI / (2 * size));
}

/**
 * Plans `y[i] = sum over k of x[k] cos(i (2k + 1) pi / 2n)` for the rows of x; returns the rows of y.
 *
 * Even results are the same transform of the sums of mirrored inputs, odd ones each two neighbours of that
 * of their weighted differences.
 */
function planTransform(rows: number[]): number[] {
  const half = rows.length / 2;
  if (half === 4) {
    EIGHT_ROWS.push(...rows);
    return rows;
  }
  const even = planTransform(rows.slice(0, half));
  const odd = planTransform(rows.slice(half).reverse());
  for (let k = 0; k + 1 < half; k++) ADDED.push(odd[k]!, odd[k + 1]!);
  return even.flatMap((row, k) => [row, odd[k]!]);
}

/** What a sample takes of results: of an earlier one of each pair of steps, and of the later one. */
const TAPS = 8;

/**
 * By sample: its weights of eight results two steps apart, then of those one step before each.
 *
 * The results are two for each sample, the 16th after and the 16th before, and mirrored samples take
 * the same two; their signs are part of the weights. Shape: `[32, 16]`
 */
const WEIGHTS = Float64Array.from({ length: BANDS * 2 * TAPS }, (_, i) => {
  const sample = Math.floor(i / (2 * TAPS));
  const [isLater, tap] = [i % (2 * TAPS) >= TAPS, i % TAPS];
  const weight = FULL_WINDOW[64 * tap + (isLater ? 32 : 0) + sample]!;
  if (isLater || sample > 16) return -weight;
  return sample === 16 ? 0 : weight;
});

/** The filter bank of one channel. */
export class Mp3FilterBank {
  /** By sub-band: the results of past steps, and where the values of the next go. Shape: `[32, ROW]` */
  readonly rows: Float64Array = new Float64Array(BANDS * ROW);
  #at = PAST;

  /** Where in each row the next 18 values are to be put. */
  get at(): number {
    if (this.#at === ROW) {
      for (let row = 0; row < BANDS * ROW; row += ROW) {
        this.rows.copyWithin(row, row + ROOM, row + ROW);
      }
      this.#at = PAST;
    }
    return this.#at;
  }

  /** Makes 576 samples of the 18 values in each row. */
  run(out: Float32Array, outStart: number): void {
    this.#fold();
    this.#transformEights();
    this.#addNeighbours();
    this.#sumAlone(0, ROW_OF[16]!, ROW_OF[16]!, out, outStart);
    for (let sample = 1; sample < 16; sample++) this.#sumMirrored(sample, out, outStart);
    this.#sumAlone(16, ROW_OF[0]!, ROW_OF[0]!, out, outStart);
    this.#at += BAND_LINES;
  }

  /** Halves transforms of 32 rows, then those of 16: to sums and weighted differences of mirrored rows. */
  #fold(): void {
    const { rows } = this;
    for (let group = 0; group < BANDS / 4; group++) {
      let a = FIRST_ROWS[4 * group]! * ROW + this.#at;
      let b = FIRST_ROWS[4 * group + 1]! * ROW + this.#at;
      let c = FIRST_ROWS[4 * group + 2]! * ROW + this.#at;
      let d = FIRST_ROWS[4 * group + 3]! * ROW + this.#at;
      const outer = FIRST_WEIGHTS[3 * group]!;
      const inner = FIRST_WEIGHTS[3 * group + 1]!;
      const both = FIRST_WEIGHTS[3 * group + 2]!;
      for (const end = a + BAND_LINES; a < end; a++, b++, c++, d++) {
        const xa = rows[a]!, xb = rows[b]!, xc = rows[c]!, xd = rows[d]!;
        const sum = xa + xb, difference = (xa - xb) * outer;
        const innerSum = xc + xd, innerDifference = (xc - xd) * inner;
        rows[a] = sum + innerSum;
        rows[c] = (sum - innerSum) * both;
        rows[b] = difference + innerDifference;
        rows[d] = (difference - innerDifference) * both;
      }
    }
  }

  #transformEights(): void {
    const { rows } = this;
    for (let group = 0; group < BANDS; group += 8) {
      let a = EIGHT_ROWS[group]! * ROW + this.#at;
      let b = EIGHT_ROWS[group + 1]! * ROW + this.#at;
      let c = EIGHT_ROWS[group + 2]! * ROW + this.#at;
      let d = EIGHT_ROWS[group + 3]! * ROW + this.#at;
      let e = EIGHT_ROWS[group + 4]! * ROW + this.#at;
      let f = EIGHT_ROWS[group + 5]! * ROW + this.#at;
      let g = EIGHT_ROWS[group + 6]! * ROW + this.#at;
      let h = EIGHT_ROWS[group + 7]! * ROW + this.#at;
      for (const end = a + BAND_LINES; a < end; a++, b++, c++, d++, e++, f++, g++, h++) {
        const xa = rows[a]!, xb = rows[b]!, xc = rows[c]!, xd = rows[d]!;
        const xe = rows[e]!, xf = rows[f]!, xg = rows[g]!, xh = rows[h]!;
        const s0 = xa + xh, s1 = xb + xg, s2 = xc + xf, s3 = xd + xe;
        const evenSum = s0 + s3, oddSum = s1 + s2;
        const evenRest = (s0 - s3) * FOUR_A, oddRest = (s1 - s2) * FOUR_B;
        const last = (evenRest - oddRest) * TWO;
        rows[a] = evenSum + oddSum;
        rows[c] = evenRest + oddRest + last;
        rows[e] = (evenSum - oddSum) * TWO;
        rows[g] = last;
        const d0 = (xa - xh) * EIGHT_A, d1 = (xb - xg) * EIGHT_B;
        const d2 = (xc - xf) * EIGHT_C, d3 = (xd - xe) * EIGHT_D;
        const outer = d0 + d3, inner = d1 + d2;
        const outerRest = (d0 - d3) * FOUR_A, innerRest = (d1 - d2) * FOUR_B;
        const rest = (outerRest - innerRest) * TWO;
        const second = outerRest + innerRest + rest;
        const third = (outer - inner) * TWO;
        rows[b] = outer + inner + second;
        rows[d] = second + third;
        rows[f] = third + rest;
        rows[h] = rest;
      }
    }
  }

  #addNeighbours(): void {
    const { rows } = this;
    for (let i = 0; i < ADDED.length; i += 2) {
      let a = ADDED[i]! * ROW + this.#at;
      let b = ADDED[i + 1]! * ROW + this.#at;
      for (const end = a + BAND_LINES; a < end; a++, b++) rows[a]! += rows[b]!;
    }
  }

  /** The samples at one place of each 32. */
  #sumAlone(
    sample: number,
    earlier: number,
    later: number,
    out: Float32Array,
    outStart: number,
  ): void {
    const { rows } = this;
    for (let time = 0; time < BAND_LINES; time++) {
      let a = earlier * ROW + this.#at + time;
      let b = later * ROW + this.#at + time - 1;
      let sum = 0;
      for (let w = 2 * TAPS * sample, end = w + TAPS; w < end; w++, a -= 2, b -= 2) {
        sum += rows[a]! * WEIGHTS[w]! + rows[b]! * WEIGHTS[w + TAPS]!;
      }
      out[outStart + time * BANDS + sample] = sum;
    }
  }

  /**
   * The samples at two mirrored places of each 32, of which both take the same results.
   *
   * All is written out and held in variables, for three steps that are two apart and share most results: loops
   * and looks at arrays cost more than the products.
   */
  #sumMirrored(sample: number, out: Float32Array, outStart: number): void {
    const { rows } = this;
    const mirrored = BANDS - sample;
    const from = 2 * TAPS * sample;
    const to = 2 * TAPS * mirrored;
    const w0 = WEIGHTS[from]!,
      w1 = WEIGHTS[from + 1]!,
      w2 = WEIGHTS[from + 2]!,
      w3 = WEIGHTS[from + 3]!;
    const w4 = WEIGHTS[from + 4]!,
      w5 = WEIGHTS[from + 5]!,
      w6 = WEIGHTS[from + 6]!,
      w7 = WEIGHTS[from + 7]!;
    const w8 = WEIGHTS[from + 8]!,
      w9 = WEIGHTS[from + 9]!,
      w10 = WEIGHTS[from + 10]!,
      w11 = WEIGHTS[from + 11]!;
    const w12 = WEIGHTS[from + 12]!,
      w13 = WEIGHTS[from + 13]!,
      w14 = WEIGHTS[from + 14]!,
      w15 = WEIGHTS[from + 15]!;
    const v0 = WEIGHTS[to]!, v1 = WEIGHTS[to + 1]!, v2 = WEIGHTS[to + 2]!, v3 = WEIGHTS[to + 3]!;
    const v4 = WEIGHTS[to + 4]!,
      v5 = WEIGHTS[to + 5]!,
      v6 = WEIGHTS[to + 6]!,
      v7 = WEIGHTS[to + 7]!;
    const v8 = WEIGHTS[to + 8]!,
      v9 = WEIGHTS[to + 9]!,
      v10 = WEIGHTS[to + 10]!,
      v11 = WEIGHTS[to + 11]!;
    const v12 = WEIGHTS[to + 12]!,
      v13 = WEIGHTS[to + 13]!,
      v14 = WEIGHTS[to + 14]!,
      v15 = WEIGHTS[to + 15]!;
    const a = ROW_OF[16 + sample]! * ROW + this.#at;
    const b = ROW_OF[16 - sample]! * ROW + this.#at - 1;
    // 0, 1, 6, 7, 12, 13: with those two and four steps later all 18.
    for (let time = 0; time < BAND_LINES; time += time % 2 === 0 ? 1 : 5) {
      const at = a + time;
      const bt = b + time;
      const a0 = rows[at + 4]!, a1 = rows[at + 2]!;
      const a2 = rows[at]!, a3 = rows[at - 2]!;
      const a4 = rows[at - 4]!, a5 = rows[at - 6]!;
      const a6 = rows[at - 8]!, a7 = rows[at - 10]!;
      const a8 = rows[at - 12]!, a9 = rows[at - 14]!;
      const b0 = rows[bt + 4]!, b1 = rows[bt + 2]!;
      const b2 = rows[bt]!, b3 = rows[bt - 2]!;
      const b4 = rows[bt - 4]!, b5 = rows[bt - 6]!;
      const b6 = rows[bt - 8]!, b7 = rows[bt - 10]!;
      const b8 = rows[bt - 12]!, b9 = rows[bt - 14]!;
      const first = outStart + time * BANDS;
      const second = first + 2 * BANDS;
      const third = second + 2 * BANDS;
      out[first + sample] = (a2 * w0 + a3 * w1 + a4 * w2 + a5 * w3) +
        (a6 * w4 + a7 * w5 + a8 * w6 + a9 * w7) + (b2 * w8 + b3 * w9 + b4 * w10 + b5 * w11) +
        (b6 * w12 + b7 * w13 + b8 * w14 + b9 * w15);
      out[first + mirrored] = (a2 * v0 + a3 * v1 + a4 * v2 + a5 * v3) +
        (a6 * v4 + a7 * v5 + a8 * v6 + a9 * v7) + (b2 * v8 + b3 * v9 + b4 * v10 + b5 * v11) +
        (b6 * v12 + b7 * v13 + b8 * v14 + b9 * v15);
      out[second + sample] = (a1 * w0 + a2 * w1 + a3 * w2 + a4 * w3) +
        (a5 * w4 + a6 * w5 + a7 * w6 + a8 * w7) + (b1 * w8 + b2 * w9 + b3 * w10 + b4 * w11) +
        (b5 * w12 + b6 * w13 + b7 * w14 + b8 * w15);
      out[second + mirrored] = (a1 * v0 + a2 * v1 + a3 * v2 + a4 * v3) +
        (a5 * v4 + a6 * v5 + a7 * v6 + a8 * v7) + (b1 * v8 + b2 * v9 + b3 * v10 + b4 * v11) +
        (b5 * v12 + b6 * v13 + b7 * v14 + b8 * v15);
      out[third + sample] = (a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3) +
        (a4 * w4 + a5 * w5 + a6 * w6 + a7 * w7) + (b0 * w8 + b1 * w9 + b2 * w10 + b3 * w11) +
        (b4 * w12 + b5 * w13 + b6 * w14 + b7 * w15);
      out[third + mirrored] = (a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3) +
        (a4 * v4 + a5 * v5 + a6 * v6 + a7 * v7) + (b0 * v8 + b1 * v9 + b2 * v10 + b3 * v11) +
        (b4 * v12 + b5 * v13 + b6 * v14 + b7 * v15);
    }
  }
}
