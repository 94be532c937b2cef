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
    const folded = this.#folded;
    this.fold(x, folded);
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
   * The outputs without what mirrors others.
   *
   * The first half of the outputs is the numbers of the second half here, then the same mirrored with
   * the other sign; the second half is those of the first half here, mirrored, then as they are, all with
   * the other sign. Shape: `x [N/2]` into the start of `out`
   */
  fold(x: Float64Array, out: Float64Array): void {
    const [real, imag, cos, sin] = [this.#real, this.#imag, this.#cos, this.#sin];
    const { reversed } = this.#fft;
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
      out[2 * i] = real[i]! * cos[i]! - imag[i]! * sin[i]!;
      out[half - 1 - 2 * i] = -(real[i]! * sin[i]! + imag[i]! * cos[i]!);
    }
  }
}

/** The discrete Fourier transform of a power of two, in place, two steps of the usual one at a time. */
class Fft {
  /** Where each input belongs before the first step. */
  readonly reversed: Uint32Array;
  readonly #size: number;
  /** Turns of every pair of steps: cosine and sine, of half and whole. */
  readonly #turns: readonly Float64Array[];

  constructor(size: number) {
    this.#size = size;
    this.reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++) {
      this.reversed[i] = this.reversed[i >> 1]! / 2 + (i & 1) * size / 2;
    }
    const passes: Float64Array[] = [];
    for (let width = this.#firstWidth; 4 * width <= size; width *= 4) {
      const turns: number[] = [];
      for (let i = 0; i < width; i++) {
        for (const angle of [-Math.PI * i / width, -Math.PI * i / (2 * width)]) {
          turns.push(Math.cos(angle), Math.sin(angle));
        }
      }
      passes.push(Float64Array.from(turns));
    }
    this.#turns = passes;
  }

  /** An odd number of steps leaves one to be done alone. */
  get #firstWidth(): number {
    return Math.log2(this.#size) % 2 === 0 ? 1 : 2;
  }

  /** Transforms numbers that stand where `reversed` says. */
  transform(real: Float64Array, imag: Float64Array): void {
    if (this.#firstWidth === 2) addNeighbours(real, imag);
    for (const turns of this.#turns) twoSteps(real, imag, turns);
  }
}

/** All that turn alike are in one inner loop: the first steps have few turns, which stay in registers. */
function twoSteps(real: Float64Array, imag: Float64Array, turns: Float64Array): void {
  const size = real.length;
  const width = turns.length >> 2;
  for (let i = 0; i < width; i++) {
    const c1 = turns[4 * i]!;
    const s1 = turns[4 * i + 1]!;
    const c2 = turns[4 * i + 2]!;
    const s2 = turns[4 * i + 3]!;
    for (let a = i; a < size; a += 4 * width) {
      const b = a + width;
      const c = b + width;
      const d = c + width;
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
