/**
 * From the spectrum of an AAC block to samples: windows, transforms, and the halves that overlap.
 *
 * Follows ISO/IEC 14496-3, section 4.6.11.
 *
 * @module
 */

import { BLOCK_LINES } from "./_aac_channel.ts";
import { Imdct } from "./_imdct.ts";

const SHORT_LINES = 128;
const SHORT_WINDOWS = 8;

/** Where the short windows begin in their block, and where slopes between long and short lie. */
const EDGE = (BLOCK_LINES - SHORT_LINES) / 2;

/** The transform of the definition has a factor of 2 / outputs; samples are of 16 bits. */
const SCALE = 1 / 2 ** 15;

const LONG_TO_SHORT = 1;
const EIGHT_SHORT = 2;
const SHORT_TO_LONG = 3;

const slopes = new Map<string, Float64Array>();

/** One channel's way to samples. */
export class AacFilterbank {
  readonly #long = new Imdct(2 * BLOCK_LINES);
  readonly #short = new Imdct(2 * SHORT_LINES);
  readonly #block = new Float64Array(2 * BLOCK_LINES);
  readonly #window = new Float64Array(2 * SHORT_LINES);
  /** The second half of the block before, under its window. */
  readonly #tail = new Float64Array(BLOCK_LINES);
  #wasKaiser = false;

  /** Shape: `spectrum [1024] -> [1024]` */
  run(spectrum: Float64Array, sequence: number, isKaiser: boolean): Float32Array {
    if (sequence === EIGHT_SHORT) this.#transformShort(spectrum, isKaiser);
    else this.#transformLong(spectrum, sequence, isKaiser);
    this.#wasKaiser = isKaiser;
    const samples = new Float32Array(BLOCK_LINES);
    for (let i = 0; i < BLOCK_LINES; i++) {
      samples[i] = (this.#tail[i]! + this.#block[i]!) * SCALE;
      this.#tail[i] = this.#block[BLOCK_LINES + i]!;
    }
    return samples;
  }

  #transformLong(spectrum: Float64Array, sequence: number, isKaiser: boolean): void {
    const block = this.#block;
    this.#long.transform(spectrum, block);
    const factor = 1 / BLOCK_LINES;
    const rise = sequence === SHORT_TO_LONG
      ? slopeOf(SHORT_LINES, this.#wasKaiser)
      : slopeOf(BLOCK_LINES, this.#wasKaiser);
    const fall = sequence === LONG_TO_SHORT
      ? slopeOf(SHORT_LINES, isKaiser)
      : slopeOf(BLOCK_LINES, isKaiser);
    const [riseAt, fallAt] = [edgeOf(rise), edgeOf(fall)];
    for (let i = 0; i < BLOCK_LINES; i++) {
      block[i]! *= factor * heightAt(rise, i - riseAt);
      block[2 * BLOCK_LINES - 1 - i]! *= factor * heightAt(fall, i - fallAt);
    }
  }

  #transformShort(spectrum: Float64Array, isKaiser: boolean): void {
    const [block, window] = [this.#block.fill(0), this.#window];
    const own = slopeOf(SHORT_LINES, isKaiser);
    const factor = 1 / SHORT_LINES;
    for (let i = 0; i < SHORT_WINDOWS; i++) {
      const lines = spectrum.subarray(i * SHORT_LINES, (i + 1) * SHORT_LINES);
      this.#short.transform(lines, window);
      const rise = i === 0 ? slopeOf(SHORT_LINES, this.#wasKaiser) : own;
      const start = EDGE + i * SHORT_LINES;
      for (let j = 0; j < SHORT_LINES; j++) {
        block[start + j]! += window[j]! * factor * rise[j]!;
        const mirrored = 2 * SHORT_LINES - 1 - j;
        block[start + mirrored]! += window[mirrored]! * factor * own[j]!;
      }
    }
  }
}

/** Samples of silence or full height before a slope, in half a block. */
function edgeOf(slope: Float64Array): number {
  return (BLOCK_LINES - slope.length) / 2;
}

function heightAt(slope: Float64Array, i: number): number {
  return i < 0 ? 0 : i >= slope.length ? 1 : slope[i]!;
}

/** The rising half of a window. */
function slopeOf(length: number, isKaiser: boolean): Float64Array {
  const key = `${length}:${isKaiser}`;
  const known = slopes.get(key);
  if (known !== undefined) return known;
  const slope = isKaiser
    ? kaiserSlope(length, length === BLOCK_LINES ? 4 : 6)
    : Float64Array.from({ length }, (_, i) => Math.sin(Math.PI / (2 * length) * (i + 0.5)));
  slopes.set(key, slope);
  return slope;
}

/** The window derived from that of Kaiser and Bessel: the root of its running sum. */
function kaiserSlope(length: number, alpha: number): Float64Array {
  const kernel = Float64Array.from({ length: length + 1 }, (_, i) => {
    const place = 2 * i / length - 1;
    return bessel(Math.PI * alpha * Math.sqrt(1 - place * place));
  });
  const total = kernel.reduce((a, b) => a + b);
  let sum = 0;
  return Float64Array.from({ length }, (_, i) => Math.sqrt((sum += kernel[i]!) / total));
}

/** The modified Bessel function of the first kind and order 0. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let i = 1; term > sum * 1e-17; i++) {
    term *= (x / 2 / i) ** 2;
    sum += term;
  }
  return sum;
}
