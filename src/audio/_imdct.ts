/**
 * The inverse modified discrete cosine transform, from which overlapping blocks of sound are added.
 *
 * `y[i] = sum over k of x[k] cos(2 pi / N (i + 1/2 + N/4)(k + 1/2))` for N outputs and N/2 inputs,
 * without a factor. It is a DCT-IV of N/2 numbers, done by a complex Fourier transform of N/4, and
 * unfolded by its symmetries. Method: H. Malvar, "Signal Processing with Lapped Transforms" (1992).
 *
 * @module
 */

/** A transform to a fixed number of outputs, a power of two from 16 on. */
export class Imdct {
  readonly #half: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #real: Float64Array;
  readonly #imag: Float64Array;
  readonly #folded: Float64Array;
  readonly #fft: Fft;

  /** Prepares the tables for `outputs` numbers. */
  constructor(outputs: number) {
    const half = outputs / 2;
    const size = outputs / 4;
    this.#half = half;
    const angle = (i: number) => -Math.PI * (i + 1 / 8) / half;
    this.#cos = Float64Array.from({ length: size }, (_, i) => Math.cos(angle(i)));
    this.#sin = Float64Array.from({ length: size }, (_, i) => Math.sin(angle(i)));
    this.#real = new Float64Array(size);
    this.#imag = new Float64Array(size);
    this.#folded = new Float64Array(half);
    this.#fft = new Fft(size);
  }

  /** Shape: `x [N/2]` into `out [N]`. */
  transform(x: Float64Array, out: Float64Array): void {
    const folded = this.fold(x);
    const half = this.#half;
    const quarter = half / 2;
    for (let i = 0; i < quarter; i++) {
      out[i] = folded[i + quarter]!;
      out[half - 1 - i] = -folded[i + quarter]!;
      out[half + i] = -folded[quarter - 1 - i]!;
      out[2 * half - 1 - i] = -folded[quarter - 1 - i]!;
    }
  }

  /**
   * The outputs without what mirrors others; valid until the next call.
   *
   * The first half of the outputs is the numbers of the second half here, then the same mirrored with
   * the other sign; the second half is those of the first half here, mirrored, then as they are, all with
   * the other sign. Shape: `x [N/2] -> [N/2]`
   */
  fold(x: Float64Array): Float64Array {
    const [real, imag, cos, sin] = [this.#real, this.#imag, this.#cos, this.#sin];
    const { reversed } = this.#fft;
    const folded = this.#folded;
    const half = this.#half;
    for (let i = 0; i < real.length; i++) {
      const a = x[2 * i]!;
      const b = x[half - 1 - 2 * i]!;
      const at = reversed[i]!;
      real[at] = a * cos[i]! - b * sin[i]!;
      imag[at] = a * sin[i]! + b * cos[i]!;
    }
    this.#fft.transform(real, imag);
    for (let i = 0; i < real.length; i++) {
      folded[2 * i] = real[i]! * cos[i]! - imag[i]! * sin[i]!;
      folded[half - 1 - 2 * i] = -(real[i]! * sin[i]! + imag[i]! * cos[i]!);
    }
    return folded;
  }
}

/** The discrete Fourier transform of a power of two, in place, two steps of the usual one at a time. */
class Fft {
  /** Where each input belongs before the first step. */
  readonly reversed: Uint32Array;
  readonly #size: number;
  /** Turns of every pair of steps, in the order of their use: cosine and sine, of half and whole. */
  readonly #turns: Float64Array;

  constructor(size: number) {
    this.#size = size;
    this.reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++) {
      this.reversed[i] = this.reversed[i >> 1]! / 2 + (i & 1) * size / 2;
    }
    const turns: number[] = [];
    for (let width = this.#firstWidth; 4 * width <= size; width *= 4) {
      for (let i = 0; i < width; i++) {
        for (const angle of [-Math.PI * i / width, -Math.PI * i / (2 * width)]) {
          turns.push(Math.cos(angle), Math.sin(angle));
        }
      }
    }
    this.#turns = Float64Array.from(turns);
  }

  /** An odd number of steps leaves one to be done alone. */
  get #firstWidth(): number {
    return Math.log2(this.#size) % 2 === 0 ? 1 : 2;
  }

  /** Transforms numbers that stand where `reversed` says. */
  transform(real: Float64Array, imag: Float64Array): void {
    if (this.#firstWidth === 2) addNeighbours(real, imag);
    let turnsAt = 0;
    for (let width = this.#firstWidth; 4 * width <= this.#size; width *= 4) {
      for (let start = 0; start < this.#size; start += 4 * width) {
        this.#twoSteps(real, imag, start, width, turnsAt);
      }
      turnsAt += 4 * width;
    }
  }

  #twoSteps(
    real: Float64Array,
    imag: Float64Array,
    start: number,
    width: number,
    turnsAt: number,
  ): void {
    const turns = this.#turns;
    for (let a = start, at = turnsAt; a < start + width; a++, at += 4) {
      const b = a + width;
      const c = b + width;
      const d = c + width;
      const c1 = turns[at]!;
      const s1 = turns[at + 1]!;
      const c2 = turns[at + 2]!;
      const s2 = turns[at + 3]!;
      const br = real[b]! * c1 - imag[b]! * s1;
      const bi = real[b]! * s1 + imag[b]! * c1;
      const dr = real[d]! * c1 - imag[d]! * s1;
      const di = real[d]! * s1 + imag[d]! * c1;
      const pr = real[a]! + br;
      const pi = imag[a]! + bi;
      const qr = real[a]! - br;
      const qi = imag[a]! - bi;
      const tr = real[c]! + dr;
      const ti = imag[c]! + di;
      const ur = real[c]! - dr;
      const ui = imag[c]! - di;
      const vr = tr * c2 - ti * s2;
      const vi = tr * s2 + ti * c2;
      // A quarter turn more than the one above.
      const wr = ur * s2 + ui * c2;
      const wi = ui * s2 - ur * c2;
      real[a] = pr + vr;
      imag[a] = pi + vi;
      real[b] = qr + wr;
      imag[b] = qi + wi;
      real[c] = pr - vr;
      imag[c] = pi - vi;
      real[d] = qr - wr;
      imag[d] = qi - wi;
    }
  }
}

function addNeighbours(real: Float64Array, imag: Float64Array): void {
  for (let a = 0; a < real.length; a += 2) {
    const ar = real[a]!;
    const ai = imag[a]!;
    const br = real[a + 1]!;
    const bi = imag[a + 1]!;
    real[a] = ar + br;
    imag[a] = ai + bi;
    real[a + 1] = ar - br;
    imag[a + 1] = ai - bi;
  }
}
