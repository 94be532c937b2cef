/**
 * From quantised lines to the spectrum of an AAC block: scaling, noise, what channels share, and the
 * shaping of noise in time.
 *
 * Follows ISO/IEC 14496-3, sections 4.6.2, 4.6.8, 4.6.9 and 4.6.13.
 *
 * @module
 */

import {
  type AacChannel,
  type AacWindows,
  BLOCK_LINES,
  INTENSITY,
  INTENSITY_OUT,
  NOISE,
  type ShapingFilter,
  ZERO,
} from "./_aac_channel.ts";

/** The scale factor that multiplies by 1. */
const SCALE_ONE = 100;

const FIRST_SEED = 0x1f2e3d4c;

/** Noise in the place of lines that only sound like it; the sequence is the one that ffmpeg draws. */
export class AacNoise {
  #state = FIRST_SEED;

  /** Fills lines with noise of a height. */
  fill(lines: Float64Array, height: number): void {
    let energy = 0;
    for (let i = 0; i < lines.length; i++) {
      this.#state = Math.imul(this.#state, 1_664_525) + 1_013_904_223 | 0;
      const value = Math.fround(this.#state);
      lines[i] = value;
      energy += value * value;
    }
    const factor = height / Math.sqrt(energy);
    for (let i = 0; i < lines.length; i++) lines[i]! *= factor;
  }
}

/** The lines of a channel at their heights; those that the other channel gives stay 0. */
export function spectrumOf(channel: AacChannel, noise: AacNoise): Float64Array {
  const spectrum = new Float64Array(BLOCK_LINES);
  forEachBand(channel.windows, (group, band, start, end) => {
    const book = channel.books[group]![band]!;
    const scale = channel.scales[group]![band]!;
    if (book === ZERO || book >= INTENSITY_OUT) return;
    if (book === NOISE) {
      noise.fill(spectrum.subarray(start, end), 2 ** (scale / 4));
      return;
    }
    const factor = 2 ** ((scale - SCALE_ONE) / 4);
    for (let i = start; i < end; i++) {
      const line = channel.lines[i]!;
      if (line !== 0) spectrum[i] = Math.sign(line) * Math.abs(line) ** (4 / 3) * factor;
    }
  });
  return spectrum;
}

/** Which bands of a pair are coded as middle and side; `undefined` for none. */
export type MiddleSide = readonly boolean[][] | undefined;

/** Makes left and right of what a pair shares, in place. */
export function unmixPair(
  [left, right]: readonly [AacChannel, AacChannel],
  [a, b]: readonly [Float64Array, Float64Array],
  middleSide: MiddleSide,
): void {
  forEachBand(right.windows, (group, band, start, end) => {
    const book = right.books[group]![band]!;
    const isMiddleSide = middleSide !== undefined && middleSide[group]![band]!;
    if (book >= INTENSITY_OUT) {
      const sign = (book === INTENSITY ? 1 : -1) * (isMiddleSide ? -1 : 1);
      const factor = sign * 2 ** (-right.scales[group]![band]! / 4);
      for (let i = start; i < end; i++) b[i] = a[i]! * factor;
    } else if (isMiddleSide && book < NOISE && left.books[group]![band]! < NOISE) {
      for (let i = start; i < end; i++) {
        const [middle, side] = [a[i]!, b[i]!];
        a[i] = middle + side;
        b[i] = middle - side;
      }
    }
  });
}

/** Calls back for the lines of every band in every window. */
function forEachBand(
  { groups, maxBand, bands: { starts }, lines }: AacWindows,
  use: (group: number, band: number, start: number, end: number) => void,
): void {
  let first = 0;
  for (const [group, count] of groups.entries()) {
    for (let band = 0; band < maxBand; band++) {
      for (let window = first; window < first + count; window++) {
        use(group, band, window * lines + starts[band]!, window * lines + starts[band + 1]!);
      }
    }
    first += count;
  }
}

/** Undoes the encoder's prediction from line to line, in place. */
export function shapeNoise({ windows, filters }: AacChannel, spectrum: Float64Array): void {
  const { starts, maxShaped } = windows.bands;
  const limit = Math.min(windows.maxBand, maxShaped);
  for (const [window, list] of filters.entries()) {
    let top = starts.length - 1;
    for (const filter of list) {
      const bottom = Math.max(0, top - filter.bands);
      const start = window * windows.lines + starts[Math.min(bottom, limit)]!;
      const end = window * windows.lines + starts[Math.min(top, limit)]!;
      if (filter.reflections.length > 0) applyFilter(spectrum, start, end, filter);
      top = bottom;
    }
  }
}

function applyFilter(
  spectrum: Float64Array,
  start: number,
  end: number,
  { reflections, isDownward }: ShapingFilter,
): void {
  const weights = weightsOf(reflections);
  const step = isDownward ? -1 : 1;
  let at = isDownward ? end - 1 : start;
  for (let done = 0; done < end - start; done++, at += step) {
    let sum = spectrum[at]!;
    const known = Math.min(done, weights.length);
    for (let i = 0; i < known; i++) sum -= spectrum[at - (i + 1) * step]! * weights[i]!;
    spectrum[at] = sum;
  }
}

/** The weights of a filter from its reflection coefficients. */
function weightsOf(reflections: readonly number[]): number[] {
  let weights: number[] = [];
  for (const [order, reflection] of reflections.entries()) {
    const before = weights;
    weights = before.map((weight, i) => weight + reflection * before[order - 1 - i]!);
    weights.push(reflection);
  }
  return weights;
}
