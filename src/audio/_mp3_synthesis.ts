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

/** Samples that the filter bank remembers: 16 times what it makes of one of each sub-band. */
const MEMORY = 1_024;

/** By block type: the cosines of the transform under its window. Shape: `[outputs, inputs]`. */
const TRANSFORMS = [0, 1, SHORT, 3].map(windowedCosines);

/** Shape: `[32, 16]`, for the sums or differences of mirrored sub-bands. */
const MATRIX = Float64Array.from({ length: BANDS * BANDS / 2 }, (_, i) => {
  const [row, column] = [i >> 4, i & 15];
  return Math.cos(row * (2 * column + 1) * Math.PI / 64);
});

/** The synthesis window in full: its second half mirrors the first, mostly with the other sign. */
const FULL_WINDOW = Float64Array.from({ length: 512 }, (_, i) => {
  const value = (i <= 256 ? WINDOW[i]! : WINDOW[512 - i]!) / 2 ** 16;
  return i > 256 && i % 64 !== 0 ? -value : value;
});

function windowedCosines(blockType: number): Float64Array {
  const outputs = blockType === SHORT ? SHORT_BLOCK : LONG_BLOCK;
  const inputs = outputs / 2;
  return Float64Array.from({ length: outputs * inputs }, (_, at) => {
    const [i, k] = [Math.floor(at / inputs), at % inputs];
    const angle = Math.PI / (2 * outputs) * (2 * i + 1 + inputs) * (2 * k + 1);
    return Math.cos(angle) * windowAt(blockType, i);
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
  #newest = 0;
  readonly #block = new Float64Array(LONG_BLOCK);
  readonly #times = new Float64Array(BAND_LINES * BANDS);

  /** Shape: `lines [576]` into `out [576]`. In mixed blocks the first two sub-bands are long. */
  run(lines: Float64Array, blockType: number, isMixed: boolean, out: Float32Array): void {
    for (let band = 0; band < BANDS; band++) {
      const type = isMixed && band < 2 ? 0 : blockType;
      this.#transform(lines.subarray(band * BAND_LINES, (band + 1) * BAND_LINES), type);
      this.#overlap(band);
    }
    for (let time = 0; time < BAND_LINES; time++) {
      const at = time * BANDS;
      this.#filter(this.#times.subarray(at, at + BANDS), out.subarray(at, at + BANDS));
    }
  }

  #transform(lines: Float64Array, blockType: number): void {
    const block = this.#block;
    const cosines = TRANSFORMS[blockType]!;
    if (blockType !== SHORT) {
      for (let i = 0, at = 0; i < LONG_BLOCK; i++) {
        let sum = 0;
        for (let k = 0; k < BAND_LINES; k++, at++) sum += cosines[at]! * lines[k]!;
        block[i] = sum;
      }
      return;
    }
    block.fill(0);
    for (let window = 0; window < 3; window++) {
      for (let i = 0, at = 0; i < SHORT_BLOCK; i++) {
        let sum = 0;
        for (let k = 0; k < 6; k++, at++) sum += cosines[at]! * lines[3 * k + window]!;
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

  /** Makes 32 samples of one value of each sub-band. */
  #filter(bands: Float64Array, out: Float32Array): void {
    const memory = this.#memory;
    this.#newest = this.#newest - 64 & MEMORY - 1;
    this.#spread(bands, memory.subarray(this.#newest, this.#newest + 64));
    for (let j = 0; j < BANDS; j++) {
      let sum = 0;
      for (let i = 0; i < 8; i++) {
        const at = this.#newest + 128 * i + j;
        sum += memory[at & MEMORY - 1]! * FULL_WINDOW[64 * i + j]! +
          memory[at + 96 & MEMORY - 1]! * FULL_WINDOW[64 * i + 32 + j]!;
      }
      out[j] = sum;
    }
  }

  /** `v[i] = sum over k of bands[k] cos((16 + i)(2k + 1) pi / 64)`, by its symmetries. */
  #spread(bands: Float64Array, v: Float64Array): void {
    for (let row = 0; row < BANDS; row++) {
      const sign = row % 2 === 0 ? 1 : -1;
      let sum = 0;
      for (let k = 0; k < 16; k++) {
        sum += (bands[k]! + sign * bands[31 - k]!) * MATRIX[row * 16 + k]!;
      }
      if (row >= 16) v[row - 16] = sum;
      if (row > 0) v[48 - row] = -sum;
      if (row <= 15) v[48 + row] = -sum;
    }
    v[16] = 0;
  }
}
