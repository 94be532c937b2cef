/**
 * Changes of a clip that leave its class as it is, drawn anew in each epoch.
 *
 * An extractor that brings clips to one loudness undoes a change of gain; noise stays.
 *
 * @module
 */
import type { Random } from "../../random.ts";

/** How clips are changed in training; each is off at 0. */
export interface AugmentOptions {
  /** Speed is drawn from 1 - this to 1 + this; pitch goes with it. 0 to below 1. @default 0 */
  speed?: number;
  /** Clips are moved by up to so many samples, either way; silence comes in. @default 0 */
  shiftSamples?: number;
  /** Loudness is drawn from so many decibels less to so many more. @default 0 */
  gainDb?: number;
  /** Clips are brought to so many samples, at a place drawn at random; silence is around them. 0: as they are. @default 0 */
  windowSamples?: number;
  /** What is added to some clips. @default nothing */
  noise?: NoiseOptions;
}

/** What noise is added to which clips. */
export interface NoiseOptions {
  /** Share of the clips that get some. */
  share: number;
  /** Least decibels of the clip above it. */
  minSnrDb: number;
  /** Most decibels of the clip above it. */
  maxSnrDb: number;
  /** Recordings to take it from; none for white noise. @default none */
  recordings?: readonly Float32Array[];
}

/** Changes a clip, which stays the caller's, by numbers drawn at random. */
export type Augmentation = (samples: Float32Array, random: Random) => Float32Array;

/** The changes that the options ask for, one after the other, or undefined where they ask for none. */
export function augmentation(options: AugmentOptions): Augmentation | undefined {
  const { speed = 0, shiftSamples = 0, gainDb = 0, windowSamples = 0, noise } = options;
  const changes: Augmentation[] = [];
  if (speed > 0) {
    changes.push((samples, random) => {
      const factor = 1 + speed * between(-1, 1, random);
      // Of a clip that is longer than a window, as much as fills one.
      const most = windowSamples > 0 ? Math.round(windowSamples * factor) : Infinity;
      const part = samples.length > most ? placed(samples, most, random.uniform()) : samples;
      return changeSpeed(part, factor);
    });
  }
  if (shiftSamples > 0) {
    changes.push((samples, random) =>
      shift(samples, Math.round(shiftSamples * between(-1, 1, random)))
    );
  }
  if (gainDb > 0) {
    changes.push((samples, random) => changeGain(samples, gainDb * between(-1, 1, random)));
  }
  if (windowSamples > 0) {
    changes.push((samples, random) => placed(samples, windowSamples, random.uniform()));
  }
  if (noise && noise.share > 0) changes.push(noiseAdder(noise));
  if (changes.length === 0) return undefined;
  return (samples, random) => changes.reduce((clip, change) => change(clip, random), samples);
}

function between(low: number, high: number, random: Random): number {
  return low + (high - low) * random.uniform();
}

/**
 * The clip played `factor` times as fast, by linear interpolation: `length / factor` samples, at least one.
 *
 * @example
 * ```ts
 * import { changeSpeed } from "./_augment.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(changeSpeed(Float32Array.of(0, 1, 2, 3), 2), Float32Array.of(0, 2));
 * ```
 */
export function changeSpeed(samples: Float32Array, factor: number): Float32Array {
  const length = Math.max(1, Math.round(samples.length / factor));
  const last = samples.length - 1;
  const changed = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const place = Math.min(last, i * factor);
    const before = Math.floor(place);
    const after = Math.min(last, before + 1);
    changed[i] = samples[before]! + (place - before) * (samples[after]! - samples[before]!);
  }
  return changed;
}

/** The clip so many samples later, or earlier; as long as before, with silence at one end. */
export function shift(samples: Float32Array, later: number): Float32Array {
  const moved = new Float32Array(samples.length);
  const kept = samples.length - Math.abs(later);
  if (kept > 0) {
    moved.set(
      samples.subarray(Math.max(0, -later), kept + Math.max(0, -later)),
      Math.max(0, later),
    );
  }
  return moved;
}

/**
 * So many samples with the clip among zeros, or of a longer clip a part.
 *
 * @param place where it is, from 0, at the beginning, to below 1.
 *
 * @example
 * ```ts
 * import { placed } from "./_augment.ts";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(placed(Float32Array.of(1, 2), 4, 0.5), Float32Array.of(0, 1, 2, 0));
 * assert.deepEqual(placed(Float32Array.of(1, 2, 3), 2, 0), Float32Array.of(1, 2));
 * ```
 */
export function placed(samples: Float32Array, length: number, place: number): Float32Array {
  const before = Math.floor(place * (Math.abs(length - samples.length) + 1));
  if (samples.length >= length) return samples.subarray(before, before + length);
  const window = new Float32Array(length);
  window.set(samples, before);
  return window;
}

/** The clip so many decibels louder. */
export function changeGain(samples: Float32Array, decibels: number): Float32Array {
  const factor = 10 ** (decibels / 20);
  return samples.map((sample) => sample * factor);
}

/**
 * The clip with noise so many decibels below it, by mean power; shorter noise is repeated. Zeros at the beginning and
 * the end of a clip are no part of what is measured. A silent clip stays silent, and so does one with silent noise.
 */
export function addNoise(
  samples: Float32Array,
  noise: Float32Array,
  snrDb: number,
): Float32Array {
  const power = meanPower(noise);
  const factor = power > 0
    ? Math.sqrt(meanPower(withoutZeros(samples)) / power * 10 ** (-snrDb / 10))
    : 0;
  return samples.map((sample, i) => sample + factor * noise[i % noise.length]!);
}

function meanPower(samples: Float32Array): number {
  return samples.reduce((sum, sample) => sum + sample ** 2, 0) / Math.max(1, samples.length);
}

function withoutZeros(samples: Float32Array): Float32Array {
  const isSound = (sample: number) => sample !== 0;
  return samples.subarray(
    Math.max(0, samples.findIndex(isSound)),
    samples.findLastIndex(isSound) + 1,
  );
}

function noiseAdder({ share, minSnrDb, maxSnrDb, recordings = [] }: NoiseOptions): Augmentation {
  return (samples, random) => {
    if (random.uniform() >= share) return samples;
    const snrDb = between(minSnrDb, maxSnrDb, random);
    return addNoise(samples, drawnNoise(samples.length, recordings, random), snrDb);
  };
}

/** White noise, or a recording from a place drawn at random on. */
function drawnNoise(
  length: number,
  recordings: readonly Float32Array[],
  random: Random,
): Float32Array {
  if (recordings.length === 0) return Float32Array.from({ length }, () => random.normal());
  const recording = recordings[random.below(recordings.length)]!;
  const start = random.below(recording.length);
  return Float32Array.from({ length }, (_, i) => recording[(start + i) % recording.length]!);
}
