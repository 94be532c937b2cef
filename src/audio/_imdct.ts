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
  readonly #twiddleCos: Float64Array;
  readonly #twiddleSin: Float64Array;
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
    this.#twiddleCos = Float64Array.from({ length: size }, (_, i) => Math.cos(angle(i)));
    this.#twiddleSin = Float64Array.from({ length: size }, (_, i) => Math.sin(angle(i)));
    this.#real = new Float64Array(size);
    this.#imag = new Float64Array(size);
    this.#folded = new Float64Array(half);
    this.#fft = new Fft(size);
  }

  /** Shape: `x [N/2]` into `out [N]`. */
  transform(x: Float64Array, out: Float64Array): void {
    this.#cosine(x);
    const folded = this.#folded;
    const half = this.#half;
    const quarter = half / 2;
    for (let i = 0; i < quarter; i++) {
      out[i] = folded[i + quarter]!;
      out[half - 1 - i] = -folded[i + quarter]!;
      out[half + i] = -folded[quarter - 1 - i]!;
      out[2 * half - 1 - i] = -folded[quarter - 1 - i]!;
    }
  }

  /** The DCT-IV of `x`, into `#folded`. */
  #cosine(x: Float64Array): void {
    const [real, imag, cos, sin] = [this.#real, this.#imag, this.#twiddleCos, this.#twiddleSin];
    const half = this.#half;
    for (let i = 0; i < real.length; i++) {
      const [a, b] = [x[2 * i]!, x[half - 1 - 2 * i]!];
      real[i] = a * cos[i]! - b * sin[i]!;
      imag[i] = a * sin[i]! + b * cos[i]!;
    }
    this.#fft.transform(real, imag);
    for (let i = 0; i < real.length; i++) {
      this.#folded[2 * i] = real[i]! * cos[i]! - imag[i]! * sin[i]!;
      this.#folded[half - 1 - 2 * i] = -(real[i]! * sin[i]! + imag[i]! * cos[i]!);
    }
  }
}

/** The discrete Fourier transform of a power of two, in place. */
class Fft {
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reversed: Uint32Array;

  constructor(size: number) {
    const angle = (i: number) => -2 * Math.PI * i / size;
    this.#cos = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos(angle(i)));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, i) => Math.sin(angle(i)));
    this.#reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++) {
      this.#reversed[i] = this.#reversed[i >> 1]! / 2 + (i & 1) * size / 2;
    }
  }

  transform(real: Float64Array, imag: Float64Array): void {
    this.#reorder(real, imag);
    const [cos, sin] = [this.#cos, this.#sin];
    const size = real.length;
    for (let width = 1; width < size; width *= 2) {
      const step = size / (2 * width);
      for (let start = 0; start < size; start += 2 * width) {
        for (let i = 0, turn = 0; i < width; i++, turn += step) {
          const a = start + i;
          const b = a + width;
          const re = real[b]! * cos[turn]! - imag[b]! * sin[turn]!;
          const im = real[b]! * sin[turn]! + imag[b]! * cos[turn]!;
          real[b] = real[a]! - re;
          imag[b] = imag[a]! - im;
          real[a]! += re;
          imag[a]! += im;
        }
      }
    }
  }

  #reorder(real: Float64Array, imag: Float64Array): void {
    for (let i = 0; i < real.length; i++) {
      const j = this.#reversed[i]!;
      if (j <= i) continue;
      [real[i], real[j]] = [real[j]!, real[i]!];
      [imag[i], imag[j]] = [imag[j]!, imag[i]!];
    }
  }
}
