/**
 * Power spectra of short real frames, in float64.
 *
 * A Stockham transform with one pass per factor of the size, so that no input is reordered: sizes such as Whisper's
 * 400 need not be powers of two. Two real frames go through one complex transform, as its real and imaginary part.
 * Not here: factors above 7, which would need another algorithm to be fast, and the way back.
 *
 * Source: Cochran et al. 1967, "What is the fast Fourier transform?"; C. Van Loan 1992, "Computational Frameworks for
 * the Fast Fourier Transform", chapters 1.7 and 2.
 *
 * @module
 */

/** Fours first: they cost a fourth of two passes of twos. */
const RADICES = [4, 2, 3, 5, 7];

interface Complex {
  re: Float64Array;
  im: Float64Array;
}

/** One pass: `groups` transforms of `radix` points, each for `stride` interleaved sequences. */
interface Pass {
  radix: number;
  groups: number;
  stride: number;
  /** Powers of the root of unity of `radix`. Shape: `[radix]`. */
  roots: Complex;
  /** What joins this pass to the next. Shape: `[groups, radix]`. */
  twiddles: Complex;
}

/** The factors that a transform of this size goes through, or undefined where one is above 7. */
export function transformRadices(size: number): number[] | undefined {
  const factors: number[] = [];
  let rest = size;
  for (const radix of RADICES) {
    for (; rest > 1 && rest % radix === 0; rest /= radix) factors.push(radix);
  }
  return rest === 1 ? factors : undefined;
}

/** Computes the squared magnitudes of the Fourier transform of real frames of one size. */
export class PowerSpectrum {
  /** Samples of a frame. */
  readonly size: number;
  /** Frequencies from 0 to half the sampling rate. */
  readonly bins: number;
  readonly #passes: Pass[];
  #values: Complex;
  #spare: Complex;

  /** @throws {RangeError} where the size is not a product of 2, 3, 5 and 7. */
  constructor(size: number) {
    const radices = transformRadices(size);
    if (radices === undefined) {
      throw new RangeError(
        `Cannot transform frames: expected a size with factors up to 7, found ${size}`,
      );
    }
    this.size = size;
    this.bins = Math.floor(size / 2) + 1;
    this.#passes = passesOf(size, radices);
    this.#values = complex(size);
    this.#spare = complex(size);
  }

  /**
   * The powers of two frames at once; they stay as they are.
   *
   * Shape: `first [size]`, `second [size]` -> `firstPower [bins]`, `secondPower [bins]`
   */
  compute(
    first: Float64Array,
    second: Float64Array,
    firstPower: Float64Array,
    secondPower: Float64Array,
  ): void {
    this.#values.re.set(first);
    this.#values.im.set(second);
    for (const pass of this.#passes) {
      if (pass.radix === 4) passOfFours(pass, this.#values, this.#spare);
      else passOfAny(pass, this.#values, this.#spare);
      [this.#values, this.#spare] = [this.#spare, this.#values];
    }
    const { re, im } = this.#values;
    for (let k = 0; k < this.bins; k++) {
      const mirror = k === 0 ? 0 : this.size - k;
      // A real frame's transform is even in its real and odd in its imaginary part.
      firstPower[k] = ((re[k]! + re[mirror]!) ** 2 + (im[k]! - im[mirror]!) ** 2) / 4;
      secondPower[k] = ((im[k]! + im[mirror]!) ** 2 + (re[mirror]! - re[k]!) ** 2) / 4;
    }
  }
}

function complex(size: number): Complex {
  return { re: new Float64Array(size), im: new Float64Array(size) };
}

function passesOf(size: number, radices: number[]): Pass[] {
  let stride = 1;
  return radices.map((radix) => {
    const points = size / stride;
    const groups = points / radix;
    const pass = {
      radix,
      groups,
      stride,
      roots: rootPowers(radix, radix, (i) => i),
      twiddles: rootPowers(points, points, (i) => Math.floor(i / radix) * (i % radix)),
    };
    stride *= radix;
    return pass;
  });
}

/** Powers of `exp(-2 pi i / points)`. */
function rootPowers(points: number, count: number, exponent: (i: number) => number): Complex {
  const powers = complex(count);
  for (let i = 0; i < count; i++) {
    const angle = -2 * Math.PI * (exponent(i) % points) / points;
    powers.re[i] = Math.cos(angle);
    powers.im[i] = Math.sin(angle);
  }
  return powers;
}

/** The roots of four are 1, -i, -1 and i, which multiply by an exchange of parts. */
function passOfFours({ groups, stride, twiddles }: Pass, from: Complex, to: Complex): void {
  const { re, im } = from;
  const leg = stride * groups;
  for (let group = 0; group < groups; group++) {
    const [re1, im1] = [twiddles.re[group * 4 + 1]!, twiddles.im[group * 4 + 1]!];
    const [re2, im2] = [twiddles.re[group * 4 + 2]!, twiddles.im[group * 4 + 2]!];
    const [re3, im3] = [twiddles.re[group * 4 + 3]!, twiddles.im[group * 4 + 3]!];
    for (let i = 0; i < stride; i++) {
      const a = group * stride + i;
      const [b, c, d] = [a + leg, a + 2 * leg, a + 3 * leg];
      const [acRe, acIm] = [re[a]! + re[c]!, im[a]! + im[c]!];
      const [bdRe, bdIm] = [re[b]! + re[d]!, im[b]! + im[d]!];
      const [evenRe, evenIm] = [re[a]! - re[c]!, im[a]! - im[c]!];
      const [oddRe, oddIm] = [im[b]! - im[d]!, re[d]! - re[b]!];
      const at = group * stride * 4 + i;
      to.re[at] = acRe + bdRe;
      to.im[at] = acIm + bdIm;
      store(to, at + stride, evenRe + oddRe, evenIm + oddIm, re1, im1);
      store(to, at + 2 * stride, acRe - bdRe, acIm - bdIm, re2, im2);
      store(to, at + 3 * stride, evenRe - oddRe, evenIm - oddIm, re3, im3);
    }
  }
}

function passOfAny(pass: Pass, from: Complex, to: Complex): void {
  const { radix, groups, stride, roots, twiddles } = pass;
  const leg = stride * groups;
  for (let group = 0; group < groups; group++) {
    for (let i = 0; i < stride; i++) {
      const first = group * stride + i;
      for (let k = 0; k < radix; k++) {
        let [sumRe, sumIm, root] = [0, 0, 0];
        for (let j = 0, at = first; j < radix; j++, at += leg) {
          const [rootRe, rootIm] = [roots.re[root]!, roots.im[root]!];
          sumRe += from.re[at]! * rootRe - from.im[at]! * rootIm;
          sumIm += from.re[at]! * rootIm + from.im[at]! * rootRe;
          root += k;
          if (root >= radix) root -= radix;
        }
        const twiddle = group * radix + k;
        const at = (group * radix + k) * stride + i;
        store(to, at, sumRe, sumIm, twiddles.re[twiddle]!, twiddles.im[twiddle]!);
      }
    }
  }
}

/** Stores the product of two complex numbers. */
function store(to: Complex, at: number, re: number, im: number, byRe: number, byIm: number): void {
  to.re[at] = re * byRe - im * byIm;
  to.im[at] = re * byIm + im * byRe;
}
