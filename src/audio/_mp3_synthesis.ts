/**
 * From the spectrum of an MP3 granule to 576 samples: a transform in each of 32 sub-bands, whose
 * blocks overlap, then the filter bank that puts the sub-bands together.
 *
 * Follows ISO/IEC 11172-3, 2.4.3.4.10 and Annex A.
 *
 * @module
 */

import { WINDOW } from "./_mp3_tables.ts";

const BANDS = 32;
const BAND_LINES = 18;
const LONG_BLOCK = 36;
const SHORT_BLOCK = 12;
const SHORT = 2;

/** Numbers that the filter bank remembers: 16 vectors, each made of one value of each sub-band. */
const VECTOR = 64;
const VECTORS = 16;

/** Room for vectors, filled from its end; what is remembered is moved there when it is full. */
const MEMORY = 8 * VECTORS * VECTOR;

/** Of the transform of three short blocks under its window. Shape: `[12, 6]`. */
const SHORT_COSINES = windowedCosines();

/** Of the long transform, without what mirrors other rows: 9 of each half. Shape: `[18, 18]`. */
const LONG_COSINES = Float64Array.from({ length: BAND_LINES * BAND_LINES }, (_, at) => {
  const row = Math.floor(at / BAND_LINES);
  return cosineAt(row < 9 ? row : row + 9, at % BAND_LINES, LONG_BLOCK);
});

/** By block type: the window of a long block. */
const WINDOWS = [0, 1, SHORT, 3].map((type) =>
  Float64Array.from({ length: LONG_BLOCK }, (_, i) => windowAt(type === SHORT ? 0 : type, i))
);

/** Weights of the differences of mirrored inputs, by half the length of a transform. */
const HALVINGS = [16, 8, 4, 2, 1].map((half) =>
  Float64Array.from({ length: half }, (_, k) => 0.5 / Math.cos((2 * k + 1) * Math.PI / (4 * half)))
);

/** The synthesis window in full: its second half mirrors the first, mostly with the other sign. */
const FULL_WINDOW = Float64Array.from({ length: 512 }, (_, i) => {
  const value = (i <= 256 ? WINDOW[i]! : WINDOW[512 - i]!) / 2 ** 16;
  return i > 256 && i % 64 !== 0 ? -value : value;
});

function cosineAt(i: number, k: number, outputs: number): number {
  return Math.cos(Math.PI / (2 * outputs) * (2 * i + 1 + outputs / 2) * (2 * k + 1));
}

function windowedCosines(): Float64Array {
  const inputs = SHORT_BLOCK / 2;
  return Float64Array.from({ length: SHORT_BLOCK * inputs }, (_, at) => {
    const i = Math.floor(at / inputs);
    return cosineAt(i, at % inputs, SHORT_BLOCK) * windowAt(SHORT, i);
  });
}

function windowAt(blockType: number, i: number): number {
  const slope = (at: number, length: number) => Math.sin(Math.PI / length * (at + 0.5));
  if (blockType === SHORT) return slope(i, SHORT_BLOCK);
  if (blockType === 3) return windowAt(1, LONG_BLOCK - 1 - i);
  if (blockType === 0 || i < 18) return slope(i, LONG_BLOCK);
  return i < 24 ? 1 : i < 30 ? slope(i - 18, SHORT_BLOCK) : 0;
}

/** The memory of one channel from granule to granule. */
export class Mp3Synthesis {
  /** Second halves of the last blocks. Shape: `[32, 18]`. */
  readonly #tails = new Float64Array(BANDS * BAND_LINES);
  readonly #memory = new Float64Array(MEMORY);
  #newest = MEMORY - (VECTORS - 1) * VECTOR;
  readonly #scratch = [new Float64Array(BANDS), new Float64Array(BANDS)];
  readonly #block = new Float64Array(LONG_BLOCK);
  readonly #times = new Float64Array(BAND_LINES * BANDS);

  /** Shape: `lines [576]` into `out [576]`. In mixed blocks the first two sub-bands are long. */
  run(lines: Float64Array, blockType: number, isMixed: boolean, out: Float32Array): void {
    for (let band = 0; band < BANDS; band++) {
      const type = isMixed && band < 2 ? 0 : blockType;
      this.#transform(lines, band * BAND_LINES, type);
      this.#overlap(band);
    }
    for (let time = 0; time < BAND_LINES; time++) this.#filter(time * BANDS, out);
  }

  #transform(lines: Float64Array, start: number, blockType: number): void {
    const block = this.#block;
    let last = BAND_LINES;
    while (last > 0 && lines[start + last - 1] === 0) last--;
    if (last === 0 || blockType === SHORT) block.fill(0);
    // High bands are often empty.
    if (last === 0) return;
    if (blockType !== SHORT) {
      const window = WINDOWS[blockType]!;
      for (let i = 0; i < 9; i++) {
        let rising = 0;
        let falling = 0;
        for (let k = 0, at = i * BAND_LINES; k < last; k++, at++) {
          rising += LONG_COSINES[at]! * lines[start + k]!;
          falling += LONG_COSINES[at + 9 * BAND_LINES]! * lines[start + k]!;
        }
        block[i] = rising * window[i]!;
        block[17 - i] = -rising * window[17 - i]!;
        block[18 + i] = falling * window[18 + i]!;
        block[35 - i] = falling * window[35 - i]!;
      }
      return;
    }
    for (let window = 0; window < 3; window++) {
      for (let i = 0, at = 0; i < SHORT_BLOCK; i++) {
        let sum = 0;
        for (let k = 0; k < 6; k++, at++) {
          sum += SHORT_COSINES[at]! * lines[start + 3 * k + window]!;
        }
        block[6 + 6 * window + i]! += sum;
      }
    }
  }

  /** Adds the block's first half to the last one's second; every other value of odd bands turns. */
  #overlap(band: number): void {
    const [block, tails, times] = [this.#block, this.#tails, this.#times];
    for (let i = 0; i < BAND_LINES; i++) {
      const value = block[i]! + tails[band * BAND_LINES + i]!;
      times[i * BANDS + band] = band & i & 1 ? -value : value;
      tails[band * BAND_LINES + i] = block[BAND_LINES + i]!;
    }
  }

  /** Makes 32 samples of one value of each sub-band, which stand at `start` of the times. */
  #filter(start: number, out: Float32Array): void {
    const memory = this.#memory;
    if (this.#newest === 0) {
      this.#newest = MEMORY - (VECTORS - 1) * VECTOR;
      memory.copyWithin(this.#newest, 0, (VECTORS - 1) * VECTOR);
    }
    this.#newest -= VECTOR;
    this.#spread(start);
    const window = FULL_WINDOW;
    // Written out, as a loop of 16 costs more than its products.
    for (let j = 0, at = this.#newest; j < BANDS; j++, at++) {
      out[start + j] = memory[at]! * window[j]! +
        memory[at + 96]! * window[j + 32]! +
        memory[at + 128]! * window[j + 64]! +
        memory[at + 224]! * window[j + 96]! +
        memory[at + 256]! * window[j + 128]! +
        memory[at + 352]! * window[j + 160]! +
        memory[at + 384]! * window[j + 192]! +
        memory[at + 480]! * window[j + 224]! +
        memory[at + 512]! * window[j + 256]! +
        memory[at + 608]! * window[j + 288]! +
        memory[at + 640]! * window[j + 320]! +
        memory[at + 736]! * window[j + 352]! +
        memory[at + 768]! * window[j + 384]! +
        memory[at + 864]! * window[j + 416]! +
        memory[at + 896]! * window[j + 448]! +
        memory[at + 992]! * window[j + 480]!;
    }
  }

  /** `v[i] = sum over k of bands[k] cos((16 + i)(2k + 1) pi / 64)`, by its symmetries. */
  #spread(start: number): void {
    const sums = this.#cosines(start);
    const v = this.#memory;
    const at = this.#newest;
    for (let row = 0; row < BANDS; row++) {
      const sum = sums[row]!;
      if (row >= 16) v[at + row - 16] = sum;
      if (row > 0) v[at + 48 - row] = -sum;
      if (row <= 15) v[at + 48 + row] = -sum;
    }
    v[at + 16] = 0;
  }

  /**
   * `sum over k of bands[k] cos(row (2k + 1) pi / 64)`: even rows are the same transform of the sums of
   * mirrored inputs, odd rows each two neighbours of that of their weighted differences.
   */
  #cosines(start: number): Float64Array {
    let [from, to] = [this.#scratch[0]!, this.#scratch[1]!];
    for (let i = 0; i < BANDS; i++) from[i] = this.#times[start + i]!;
    for (const weights of HALVINGS) {
      const half = weights.length;
      for (let first = 0; first < BANDS; first += 2 * half) {
        const last = first + 2 * half - 1;
        for (let k = 0; k < half; k++) {
          const a = from[first + k]!;
          const b = from[last - k]!;
          to[first + k] = a + b;
          to[first + half + k] = (a - b) * weights[k]!;
        }
      }
      [from, to] = [to, from];
    }
    for (let half = 2; half < BANDS; half *= 2) {
      for (let first = 0; first < BANDS; first += 2 * half) {
        const odd = first + half;
        for (let k = 0; k < half; k++) {
          to[first + 2 * k] = from[first + k]!;
          to[first + 2 * k + 1] = k === half - 1
            ? from[odd + k]!
            : from[odd + k]! + from[odd + k + 1]!;
        }
      }
      [from, to] = [to, from];
    }
    return from;
  }
}
