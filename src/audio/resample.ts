/**
 * Changes the sampling rate by band-limited interpolation: a sinc under a Hann window.
 *
 * The filter is torchaudio's default (`sinc_interp_hann`, six zero crossings a side, cut-off at 0.99
 * of the lower Nyquist frequency), so a model gets what it got in training; librosa's soxr is
 * another filter. Samples beyond either end count as zero. Method: J. O. Smith, "Digital Audio
 * Resampling", https://ccrma.stanford.edu/~jos/resample/; phases are exact integers, summed in float64.
 *
 * @module
 */

import { MAX_SAMPLE_RATE_HZ } from "./decoded_audio.ts";

/** Zero crossings of the sinc on each side. */
const FILTER_WIDTH = 6;

/** Cut-off as a part of the lower Nyquist frequency. */
const ROLLOFF = 0.99;

/** Largest factor between the two rates. */
const MAX_RATIO = 256;

/** Most weights that a filter may have, 1 MiB; rates with a small common divisor would need more. */
const MAX_WEIGHTS = 2 ** 18;

/**
 * Phases for one input, where the rates would take too many: what lies between two of them is drawn as a
 * straight line, at most `(pi / phases)^2 / 8` from the curve, 5e-6 of full scale.
 */
const DRAWN_PHASES = 512;

const MAX_CACHED_FILTERS = 8;

/** One short filter for each position that an output can have between two inputs. */
interface PolyphaseFilter {
  /** Inputs from one cycle of phases to the next. */
  inputStep: number;
  /** Outputs a cycle. */
  phases: number;
  /** Whether there are weights for every phase, or for `drawnPhases` of them in one input. */
  isExact: boolean;
  drawnPhases: number;
  /** Weights of each phase. */
  taps: number;
  /** The input of a phase's first weight, from the start of the cycle. */
  firstInput: Int32Array;
  /** Shape: `[phases, taps]`. */
  weights: Float32Array;
}

const filters = new Map<string, PolyphaseFilter>();

/**
 * Resamples a waveform as torchaudio does by default.
 *
 * Shape: `samples [S] -> [ceil(S * toHz / fromHz)]`
 *
 * @param samples one channel of audio.
 * @param fromHz its rate, a whole number of hertz.
 * @param toHz the rate wanted, a whole number of hertz.
 * @returns a new array, or `samples` itself where the rates are equal.
 * @throws {RangeError} for a rate that is not from 1 to 768000, and rates more than a factor of 256
 * apart.
 *
 * @example
 * ```ts
 * import { resample } from "@earshot/earshot/audio";
 * import { equal } from "node:assert/strict";
 *
 * const oneSecond = new Float32Array(44_100).fill(0.5);
 * const resampled = resample(oneSecond, 44_100, 16_000);
 * equal(resampled.length, 16_000);
 * equal(resampled[8_000]!.toFixed(3), "0.500");
 * ```
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  if (fromHz === toHz) {
    requireRates(fromHz, toHz);
    return samples;
  }
  const resampler = new Resampler(fromHz, toHz);
  const output = new Float32Array(resampledLength(samples.length, fromHz, toHz));
  resampler.fill(samples, output);
  return output;
}

/**
 * How many samples `resample` gives, which costs nothing.
 *
 * @param length samples at the first rate.
 * @param fromHz the rate they have, a whole number of hertz.
 * @param toHz the rate wanted, a whole number of hertz.
 * @returns `ceil(length * toHz / fromHz)`.
 * @throws {RangeError} as `resample` does.
 *
 * @example
 * ```ts
 * import { resampledLength } from "@earshot/earshot/audio";
 * import { equal } from "node:assert/strict";
 *
 * equal(resampledLength(44_101, 44_100, 16_000), 16_001);
 * ```
 */
export function resampledLength(length: number, fromHz: number, toHz: number): number {
  requireRates(fromHz, toHz);
  return Math.ceil(length * toHz / fromHz);
}

/**
 * Resamples a waveform that comes in pieces, to the very samples that the whole at once would give.
 *
 * What an output needs of the future has to be there first: 6 zero crossings of the filter, under
 * half a millisecond at usual rates.
 *
 * @example
 * ```ts
 * import { resample, Resampler } from "@earshot/earshot/audio";
 * import { deepEqual } from "node:assert/strict";
 *
 * const samples = Float32Array.from({ length: 441 }, (_, i) => Math.sin(i / 9));
 * const resampler = new Resampler(44_100, 16_000);
 * const pieces = [
 *   resampler.push(samples.subarray(0, 100)),
 *   resampler.push(samples.subarray(100)),
 *   resampler.finish(),
 * ];
 * deepEqual(pieces.flatMap((piece) => [...piece]), [...resample(samples, 44_100, 16_000)]);
 * ```
 */
export class Resampler {
  readonly #fromHz: number;
  readonly #toHz: number;
  readonly #filter?: PolyphaseFilter;
  /** The last samples that came in, and how many came before them. */
  #held = new Float32Array(0);
  #before = 0;
  #position: Position = { cycleStart: 0, phase: 0 };
  #outputs = 0;

  /**
   * Prepares the filter.
   *
   * @param fromHz the rate of what comes in, a whole number of hertz.
   * @param toHz the rate wanted, a whole number of hertz.
   * @throws {RangeError} as `resample` does.
   */
  constructor(fromHz: number, toHz: number) {
    requireRates(fromHz, toHz);
    this.#fromHz = fromHz;
    this.#toHz = toHz;
    this.#filter = fromHz === toHz ? undefined : cachedFilter(fromHz, toHz);
  }

  /**
   * Takes samples in.
   *
   * Shape: `samples [S] -> [about S * toHz / fromHz]`
   *
   * @param samples the next piece, of any length.
   * @returns the outputs that they make ready; possibly none.
   */
  push(samples: Float32Array): Float32Array {
    if (this.#filter === undefined) return samples;
    const held = new Float32Array(this.#held.length + samples.length);
    held.set(this.#held);
    held.set(samples, this.#held.length);
    this.#held = held;
    const received = this.#before + held.length;
    const reach = this.#filter.taps + 1;
    return this.#outputsBefore(Math.floor((received - reach) * this.#toHz / this.#fromHz));
  }

  /**
   * Ends the waveform.
   *
   * @returns the last outputs, for which silence stands in the place of a future.
   */
  finish(): Float32Array {
    if (this.#filter === undefined) return new Float32Array(0);
    const received = this.#before + this.#held.length;
    return this.#outputsBefore(resampledLength(received, this.#fromHz, this.#toHz));
  }

  /** Resamples all of a waveform into an array of the right length. */
  fill(samples: Float32Array, output: Float32Array): void {
    applyFilter(samples, 0, this.#filter!, { cycleStart: 0, phase: 0 }, output);
  }

  #outputsBefore(end: number): Float32Array {
    const output = new Float32Array(Math.max(0, end - this.#outputs));
    const filter = this.#filter!;
    applyFilter(this.#held, this.#before, filter, this.#position, output);
    this.#outputs += output.length;
    const needed = this.#position.cycleStart +
      Math.floor(this.#position.phase * filter.inputStep / filter.phases) - filter.taps;
    const used = Math.min(Math.max(0, needed - this.#before), this.#held.length);
    this.#held = this.#held.slice(used);
    this.#before += used;
    return output;
  }
}

/** Where the next output lies: the input at which its cycle starts, and its number in the cycle. */
interface Position {
  cycleStart: number;
  phase: number;
}

/** Computes outputs from inputs of which the first is number `before`; moves the position on. */
function applyFilter(
  samples: Float32Array,
  before: number,
  filter: PolyphaseFilter,
  position: Position,
  output: Float32Array,
): void {
  const { inputStep, phases, isExact } = filter;
  for (let i = 0; i < output.length; i++) {
    const { cycleStart, phase } = position;
    output[i] = isExact
      ? sumOfPhase(samples, filter, phase, cycleStart - before)
      : drawnSum(samples, filter, phase, cycleStart - before);
    if (++position.phase === phases) {
      position.phase = 0;
      position.cycleStart += inputStep;
    }
  }
}

function sumOfPhase(
  samples: Float32Array,
  { taps, firstInput, weights }: PolyphaseFilter,
  phase: number,
  offset: number,
): number {
  const start = offset + firstInput[phase]!;
  const begin = Math.max(start, 0);
  const end = Math.min(start + taps, samples.length);
  const weightsAt = phase * taps - start;
  let sum = 0;
  for (let j = begin; j < end; j++) sum += samples[j]! * weights[weightsAt + j]!;
  return sum;
}

/** The sum for a position between two phases that there are weights for. */
function drawnSum(
  samples: Float32Array,
  filter: PolyphaseFilter,
  phase: number,
  offset: number,
): number {
  const { inputStep, phases, drawnPhases } = filter;
  const inputs = Math.floor(phase * inputStep / phases);
  const place = (phase * inputStep - inputs * phases) / phases * drawnPhases;
  const low = Math.floor(place);
  const part = place - low;
  const below = sumOfPhase(samples, filter, low, offset + inputs);
  return below + part * (sumOfPhase(samples, filter, low + 1, offset + inputs) - below);
}

/** The filters used last are kept; the one unused for longest makes room. */
function cachedFilter(fromHz: number, toHz: number): PolyphaseFilter {
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const [inputStep, phases] = [fromHz / divisor, toHz / divisor];
  const key = `${inputStep}:${phases}`;
  const filter = filters.get(key) ?? designFilter(inputStep, phases);
  filters.delete(key);
  filters.set(key, filter);
  if (filters.size > MAX_CACHED_FILTERS) filters.delete(filters.keys().next().value!);
  return filter;
}

/** Samples the windowed sinc at every distance that can lie between an input and an output. */
function designFilter(inputStep: number, phases: number): PolyphaseFilter {
  const cutoff = ROLLOFF * Math.min(inputStep, phases); // relative to the rates' common divisor
  const reach = FILTER_WIDTH * inputStep / cutoff; // in inputs
  const taps = Math.floor(2 * reach) + 1;
  const isExact = phases * taps <= MAX_WEIGHTS;
  const drawnPhases = isExact ? phases : drawnPhasesFor(inputStep / phases);
  // Exact phases lie anywhere in a cycle of inputs, drawn ones in one input, both ends included.
  const [rows, inputs] = isExact ? [phases, inputStep] : [drawnPhases + 1, 1];
  const firstInput = new Int32Array(rows);
  const weights = new Float32Array(rows * taps);
  for (let row = 0; row < rows; row++) {
    const first = Math.ceil(row * inputs / drawnPhases - reach);
    firstInput[row] = first;
    for (let tap = 0; tap < taps; tap++) {
      const distance = (first + tap) * drawnPhases - row * inputs; // exact
      const time = isExact
        ? distance / (inputStep * phases) * cutoff
        : distance / drawnPhases * cutoff / inputStep;
      weights[row * taps + tap] = windowedSinc(time) * cutoff / inputStep;
    }
  }
  return { inputStep, phases, isExact, drawnPhases, taps, firstInput, weights };
}

/** A filter for a much lower rate changes slowly from input to input, and needs fewer phases. */
function drawnPhasesFor(ratio: number): number {
  return Math.ceil(DRAWN_PHASES / Math.max(1, ratio));
}

function windowedSinc(time: number): number {
  if (time === 0) return 1;
  if (Math.abs(time) >= FILTER_WIDTH) return 0;
  const angle = Math.PI * time;
  return Math.sin(angle) / angle * Math.cos(angle / FILTER_WIDTH / 2) ** 2;
}

function requireRates(fromHz: number, toHz: number): void {
  for (const rateHz of [fromHz, toHz]) {
    if (Number.isInteger(rateHz) && rateHz >= 1 && rateHz <= MAX_SAMPLE_RATE_HZ) continue;
    throw new RangeError(
      `Cannot resample: expected a whole rate of 1 to ${MAX_SAMPLE_RATE_HZ} Hz, found ${rateHz}`,
    );
  }
  const ratio = Math.max(fromHz / toHz, toHz / fromHz);
  if (ratio <= MAX_RATIO) return;
  const found = `a factor of ${ratio.toFixed(0)}`;
  throw new RangeError(`Cannot resample: expected rates within ${MAX_RATIO}:1, found ${found}`);
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
