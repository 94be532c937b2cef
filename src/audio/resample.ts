/**
 * Changes the sampling rate by band-limited interpolation: a sinc under a Hann window.
 *
 * The filter is torchaudio's default (`sinc_interp_hann`, six zero crossings a side, cut-off at 0.99
 * of the lower Nyquist frequency), so a model hears what it heard in training; librosa's soxr is
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

/** Most weights that a filter may have: 16 MiB, reached only by rates without a common divisor. */
const MAX_WEIGHTS = 2 ** 22;

const MAX_CACHED_FILTERS = 8;

/** One short filter for each position that an output can have between two inputs. */
interface PolyphaseFilter {
  /** Inputs from one cycle of phases to the next. */
  inputStep: number;
  /** Outputs a cycle, and so the number of phases. */
  phases: number;
  /** Weights of each phase. */
  taps: number;
  /** The input that a phase's first weight meets, from the start of the cycle. */
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
 * @throws {RangeError} for a rate that is not from 1 to 768000, rates more than a factor of 256
 * apart, and rates whose common divisor is so small that the filter would not fit in 16 MiB.
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
  requireRate(fromHz);
  requireRate(toHz);
  if (fromHz === toHz) return samples;
  const filter = cachedFilter(fromHz, toHz);
  const output = new Float32Array(Math.ceil(samples.length * toHz / fromHz));
  applyFilter(samples, filter, output);
  return output;
}

function applyFilter(samples: Float32Array, filter: PolyphaseFilter, output: Float32Array): void {
  const { inputStep, phases, taps, firstInput, weights } = filter;
  let cycleStart = 0;
  let phase = 0;
  for (let i = 0; i < output.length; i++) {
    const start = cycleStart + firstInput[phase]!;
    const begin = Math.max(start, 0);
    const end = Math.min(start + taps, samples.length);
    const weightsAt = phase * taps - start;
    let sum = 0;
    for (let j = begin; j < end; j++) sum += samples[j]! * weights[weightsAt + j]!;
    output[i] = sum;
    if (++phase === phases) {
      phase = 0;
      cycleStart += inputStep;
    }
  }
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
  requireFeasible(inputStep, phases, taps);
  const firstInput = new Int32Array(phases);
  const weights = new Float32Array(phases * taps);
  for (let phase = 0; phase < phases; phase++) {
    const first = Math.ceil(phase * inputStep / phases - reach);
    firstInput[phase] = first;
    for (let tap = 0; tap < taps; tap++) {
      const distance = (first + tap) * phases - phase * inputStep; // exact
      const time = distance / (inputStep * phases) * cutoff;
      weights[phase * taps + tap] = windowedSinc(time) * cutoff / inputStep;
    }
  }
  return { inputStep, phases, taps, firstInput, weights };
}

function windowedSinc(time: number): number {
  if (time === 0) return 1;
  if (Math.abs(time) >= FILTER_WIDTH) return 0;
  const angle = Math.PI * time;
  return Math.sin(angle) / angle * Math.cos(angle / FILTER_WIDTH / 2) ** 2;
}

function requireRate(rateHz: number): void {
  if (Number.isInteger(rateHz) && rateHz >= 1 && rateHz <= MAX_SAMPLE_RATE_HZ) return;
  throw new RangeError(
    `Cannot resample: expected a whole rate of 1 to ${MAX_SAMPLE_RATE_HZ} Hz, found ${rateHz}`,
  );
}

function requireFeasible(inputStep: number, phases: number, taps: number): void {
  const ratio = Math.max(inputStep / phases, phases / inputStep);
  if (ratio > MAX_RATIO) {
    const found = `a factor of ${ratio.toFixed(0)}`;
    throw new RangeError(`Cannot resample: expected rates within ${MAX_RATIO}:1, found ${found}`);
  }
  if (phases * taps > MAX_WEIGHTS) {
    throw new RangeError(
      `Cannot resample: expected rates with a common divisor, found ${inputStep}:${phases}`,
    );
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
