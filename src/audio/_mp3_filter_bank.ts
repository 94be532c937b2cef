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

/** The transform in place: pairs of rows become their sum and their weighted difference. */
const HALVED: number[] = [];
const HALF_WEIGHTS: number[] = [];

/** Then, in this order, pairs of rows of which the second is added to the first. */
const ADDED: number[] = [];

/** The row in which each result of the transform stands afterwards. */
const ROW_OF = planTransform(Array.from({ length: BANDS }, (_, i) => i));

/**
 * Plans `y[i] = sum over k of x[k] cos(i (2k + 1) pi / 2n)` for the rows of x; returns the rows of y.
 *
 * Even results are the same transform of the sums of mirrored inputs, odd ones each two neighbours of that
 * of their weighted differences.
 */
function planTransform(rows: number[]): number[] {
  const half = rows.length / 2;
  if (half < 1) return rows;
  for (let k = 0; k < half; k++) {
    const weight = 0.5 / Math.cos((2 * k + 1) * Math.PI / (4 * half));
    HALVED.push(rows[k]!, rows[2 * half - 1 - k]!);
    HALF_WEIGHTS.push(weight);
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
  run(out: Float32Array): void {
    this.#transform();
    this.#sumAlone(0, ROW_OF[16]!, ROW_OF[16]!, out);
    for (let sample = 1; sample < 16; sample++) this.#sumMirrored(sample, out);
    this.#sumAlone(16, ROW_OF[0]!, ROW_OF[0]!, out);
    this.#at += BAND_LINES;
  }

  #transform(): void {
    const { rows } = this;
    const at = this.#at;
    for (let i = 0; i < HALF_WEIGHTS.length; i++) {
      const weight = HALF_WEIGHTS[i]!;
      let a = HALVED[2 * i]! * ROW + at;
      let b = HALVED[2 * i + 1]! * ROW + at;
      for (const end = a + BAND_LINES; a < end; a++, b++) {
        const x = rows[a]!;
        const y = rows[b]!;
        rows[a] = x + y;
        rows[b] = (x - y) * weight;
      }
    }
    for (let i = 0; i < ADDED.length; i += 2) {
      let a = ADDED[i]! * ROW + at;
      let b = ADDED[i + 1]! * ROW + at;
      for (const end = a + BAND_LINES; a < end; a++, b++) rows[a]! += rows[b]!;
    }
  }

  /** The samples at one place of each 32. */
  #sumAlone(sample: number, earlier: number, later: number, out: Float32Array): void {
    const { rows } = this;
    for (let time = 0; time < BAND_LINES; time++) {
      let a = earlier * ROW + this.#at + time;
      let b = later * ROW + this.#at + time - 1;
      let sum = 0;
      for (let w = 2 * TAPS * sample, end = w + TAPS; w < end; w++, a -= 2, b -= 2) {
        sum += rows[a]! * WEIGHTS[w]! + rows[b]! * WEIGHTS[w + TAPS]!;
      }
      out[time * BANDS + sample] = sum;
    }
  }

  /** The samples at two mirrored places of each 32, of which both take the same results. */
  #sumMirrored(sample: number, out: Float32Array): void {
    const { rows } = this;
    const w = WEIGHTS.subarray(2 * TAPS * sample, 2 * TAPS * (sample + 1));
    const mirrored = BANDS - sample;
    const v = WEIGHTS.subarray(2 * TAPS * mirrored, 2 * TAPS * (mirrored + 1));
    // Written out and held in variables, as loops and looks at the weights cost more than the products.
    const w0 = w[0]!, w1 = w[1]!, w2 = w[2]!, w3 = w[3]!;
    const w4 = w[4]!, w5 = w[5]!, w6 = w[6]!, w7 = w[7]!;
    const w8 = w[8]!, w9 = w[9]!, w10 = w[10]!, w11 = w[11]!;
    const w12 = w[12]!, w13 = w[13]!, w14 = w[14]!, w15 = w[15]!;
    const v0 = v[0]!, v1 = v[1]!, v2 = v[2]!, v3 = v[3]!;
    const v4 = v[4]!, v5 = v[5]!, v6 = v[6]!, v7 = v[7]!;
    const v8 = v[8]!, v9 = v[9]!, v10 = v[10]!, v11 = v[11]!;
    const v12 = v[12]!, v13 = v[13]!, v14 = v[14]!, v15 = v[15]!;
    let a = ROW_OF[16 + sample]! * ROW + this.#at;
    let b = ROW_OF[16 - sample]! * ROW + this.#at - 1;
    for (let i = 0; i < BAND_LINES * BANDS; i += BANDS, a++, b++) {
      const a0 = rows[a]!, a1 = rows[a - 2]!, a2 = rows[a - 4]!, a3 = rows[a - 6]!;
      const a4 = rows[a - 8]!, a5 = rows[a - 10]!, a6 = rows[a - 12]!, a7 = rows[a - 14]!;
      const b0 = rows[b]!, b1 = rows[b - 2]!, b2 = rows[b - 4]!, b3 = rows[b - 6]!;
      const b4 = rows[b - 8]!, b5 = rows[b - 10]!, b6 = rows[b - 12]!, b7 = rows[b - 14]!;
      out[i + sample] = (a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3) +
        (a4 * w4 + a5 * w5 + a6 * w6 + a7 * w7) +
        (b0 * w8 + b1 * w9 + b2 * w10 + b3 * w11) +
        (b4 * w12 + b5 * w13 + b6 * w14 + b7 * w15);
      out[i + mirrored] = (a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3) +
        (a4 * v4 + a5 * v5 + a6 * v6 + a7 * v7) +
        (b0 * v8 + b1 * v9 + b2 * v10 + b3 * v11) +
        (b4 * v12 + b5 * v13 + b6 * v14 + b7 * v15);
    }
  }
}
