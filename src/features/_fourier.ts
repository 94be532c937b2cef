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
      const run = PASSES[pass.radix] ?? passOfAny;
      run(pass, this.#values, this.#spare);
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

/** Passes that know their roots; those of 3 and 7 take any. */
const PASSES: Readonly<Record<number, typeof passOfAny>> = {
  2: passOfTwos,
  4: passOfFours,
  5: passOfFives,
};

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
  const { re: toRe, im: toIm } = to;
  const { re: byRe, im: byIm } = twiddles;
  const leg = stride * groups;
  for (let group = 0; group < groups; group++) {
    const re1 = byRe[group * 4 + 1]!;
    const im1 = byIm[group * 4 + 1]!;
    const re2 = byRe[group * 4 + 2]!;
    const im2 = byIm[group * 4 + 2]!;
    const re3 = byRe[group * 4 + 3]!;
    const im3 = byIm[group * 4 + 3]!;
    const start = group * stride;
    for (let a = start, at = start * 4; a < start + stride; a++, at++) {
      const aRe = re[a]!;
      const aIm = im[a]!;
      const bRe = re[a + leg]!;
      const bIm = im[a + leg]!;
      const cRe = re[a + 2 * leg]!;
      const cIm = im[a + 2 * leg]!;
      const dRe = re[a + 3 * leg]!;
      const dIm = im[a + 3 * leg]!;
      const acRe = aRe + cRe;
      const acIm = aIm + cIm;
      const bdRe = bRe + dRe;
      const bdIm = bIm + dIm;
      const evenRe = aRe - cRe;
      const evenIm = aIm - cIm;
      const oddRe = bIm - dIm;
      const oddIm = dRe - bRe;
      toRe[at] = acRe + bdRe;
      toIm[at] = acIm + bdIm;
      const firstRe = evenRe + oddRe;
      const firstIm = evenIm + oddIm;
      toRe[at + stride] = firstRe * re1 - firstIm * im1;
      toIm[at + stride] = firstRe * im1 + firstIm * re1;
      const secondRe = acRe - bdRe;
      const secondIm = acIm - bdIm;
      toRe[at + 2 * stride] = secondRe * re2 - secondIm * im2;
      toIm[at + 2 * stride] = secondRe * im2 + secondIm * re2;
      const thirdRe = evenRe - oddRe;
      const thirdIm = evenIm - oddIm;
      toRe[at + 3 * stride] = thirdRe * re3 - thirdIm * im3;
      toIm[at + 3 * stride] = thirdRe * im3 + thirdIm * re3;
    }
  }
}

function passOfTwos({ groups, stride, twiddles }: Pass, from: Complex, to: Complex): void {
  const { re, im } = from;
  const { re: toRe, im: toIm } = to;
  const leg = stride * groups;
  for (let group = 0; group < groups; group++) {
    const byRe = twiddles.re[group * 2 + 1]!;
    const byIm = twiddles.im[group * 2 + 1]!;
    const start = group * stride;
    for (let a = start, at = start * 2; a < start + stride; a++, at++) {
      const aRe = re[a]!;
      const aIm = im[a]!;
      const bRe = re[a + leg]!;
      const bIm = im[a + leg]!;
      toRe[at] = aRe + bRe;
      toIm[at] = aIm + bIm;
      toRe[at + stride] = (aRe - bRe) * byRe - (aIm - bIm) * byIm;
      toIm[at + stride] = (aRe - bRe) * byIm + (aIm - bIm) * byRe;
    }
  }
}

/** Sums and differences of the points that lie opposite each other, so that eight products are enough of sixteen. */
function passOfFives({ groups, stride, roots, twiddles }: Pass, from: Complex, to: Complex): void {
  const { re, im } = from;
  const { re: toRe, im: toIm } = to;
  const leg = stride * groups;
  const cos1 = roots.re[1]!;
  const sin1 = roots.im[1]!;
  const cos2 = roots.re[2]!;
  const sin2 = roots.im[2]!;
  for (let group = 0; group < groups; group++) {
    const start = group * stride;
    const own = group * 5;
    for (let a = start, at = start * 5; a < start + stride; a++, at++) {
      const aRe = re[a]!;
      const aIm = im[a]!;
      const outerRe = re[a + leg]! + re[a + 4 * leg]!;
      const outerIm = im[a + leg]! + im[a + 4 * leg]!;
      const innerRe = re[a + 2 * leg]! + re[a + 3 * leg]!;
      const innerIm = im[a + 2 * leg]! + im[a + 3 * leg]!;
      const outerGapRe = re[a + leg]! - re[a + 4 * leg]!;
      const outerGapIm = im[a + leg]! - im[a + 4 * leg]!;
      const innerGapRe = re[a + 2 * leg]! - re[a + 3 * leg]!;
      const innerGapIm = im[a + 2 * leg]! - im[a + 3 * leg]!;
      const evenRe1 = aRe + cos1 * outerRe + cos2 * innerRe;
      const evenIm1 = aIm + cos1 * outerIm + cos2 * innerIm;
      const evenRe2 = aRe + cos2 * outerRe + cos1 * innerRe;
      const evenIm2 = aIm + cos2 * outerIm + cos1 * innerIm;
      const oddRe1 = -(sin1 * outerGapIm + sin2 * innerGapIm);
      const oddIm1 = sin1 * outerGapRe + sin2 * innerGapRe;
      const oddRe2 = -(sin2 * outerGapIm - sin1 * innerGapIm);
      const oddIm2 = sin2 * outerGapRe - sin1 * innerGapRe;
      toRe[at] = aRe + outerRe + innerRe;
      toIm[at] = aIm + outerIm + innerIm;
      store(to, at + stride, evenRe1 + oddRe1, evenIm1 + oddIm1, twiddles, own + 1);
      store(to, at + 2 * stride, evenRe2 + oddRe2, evenIm2 + oddIm2, twiddles, own + 2);
      store(to, at + 3 * stride, evenRe2 - oddRe2, evenIm2 - oddIm2, twiddles, own + 3);
      store(to, at + 4 * stride, evenRe1 - oddRe1, evenIm1 - oddIm1, twiddles, own + 4);
    }
  }
}

/** Stores the product of a complex number with one of a list. */
function store(
  to: Complex,
  at: number,
  re: number,
  im: number,
  by: Complex,
  factor: number,
): void {
  const byRe = by.re[factor]!;
  const byIm = by.im[factor]!;
  to.re[at] = re * byRe - im * byIm;
  to.im[at] = re * byIm + im * byRe;
}

function passOfAny(pass: Pass, from: Complex, to: Complex): void {
  const { radix, groups, stride, roots, twiddles } = pass;
  const { re, im } = from;
  const { re: toRe, im: toIm } = to;
  const { re: rootRe, im: rootIm } = roots;
  const leg = stride * groups;
  for (let group = 0; group < groups; group++) {
    for (let k = 0; k < radix; k++) {
      const byRe = twiddles.re[group * radix + k]!;
      const byIm = twiddles.im[group * radix + k]!;
      const start = group * stride;
      for (
        let first = start, out = start * radix + k * stride;
        first < start + stride;
        first++, out++
      ) {
        let sumRe = 0;
        let sumIm = 0;
        for (let j = 0, at = first, root = 0; j < radix; j++, at += leg) {
          sumRe += re[at]! * rootRe[root]! - im[at]! * rootIm[root]!;
          sumIm += re[at]! * rootIm[root]! + im[at]! * rootRe[root]!;
          root += k;
          if (root >= radix) root -= radix;
        }
        toRe[out] = sumRe * byRe - sumIm * byIm;
        toIm[out] = sumRe * byIm + sumIm * byRe;
      }
    }
  }
}
