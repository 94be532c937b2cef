/**
 * Sounds that are a recording of nothing: silence, noise of any colour, hum. Drawn from a seed.
 *
 * They show what a model takes for a class that is none; what a user has of such clips shows more.
 *
 * @module
 */
import { Random } from "../random.ts";

/** How long and how many. */
export interface SyntheticNoiseOptions {
  rateHz: number;
  count: number;
  seed: number;
  /** Shorter clips are not made. @default 0 */
  minSamples?: number;
}

const [SHORTEST_SECONDS, LONGEST_SECONDS] = [0.5, 3];
/** Levels in decibels of full scale; what is louder than that is cut off, as a converter does. */
const [QUIETEST_DB, LOUDEST_DB] = [-66, 3];
const STEP_16_BITS = 1 / 32768;
const HARMONICS = 10;

/** The clips, their kinds in turn. */
export function* syntheticNoise(
  { rateHz, count, seed, minSamples = 0 }: SyntheticNoiseOptions,
): Generator<Float32Array, void, void> {
  const random = new Random(seed);
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  const kinds = [silence, white, coloured, hum];
  for (let i = 0; i < count; i++) {
    const length = Math.round(rateHz * between(SHORTEST_SECONDS, LONGEST_SECONDS));
    const samples = new Float32Array(Math.max(minSamples, length));
    const level = 10 ** (between(QUIETEST_DB, LOUDEST_DB) / 20);
    kinds[i % kinds.length]!(samples, { rateHz, level, between, random });
    yield samples.map((value) => Math.max(-1, Math.min(1, value)));
  }
}

interface Drawing {
  rateHz: number;
  level: number;
  random: Random;
  between: (low: number, high: number) => number;
}

/** Zeros, a constant, or what rounding to 16 bits leaves. */
function silence(samples: Float32Array, { between, random }: Drawing): void {
  const offset = random.uniform() < 0.3 ? between(-0.02, 0.02) : 0;
  const noise = random.uniform() < 0.5 ? between(0, 3) * STEP_16_BITS : 0;
  samples.forEach((_, i) => samples[i] = offset + noise * between(-1, 1));
}

function white(samples: Float32Array, { level, random }: Drawing): void {
  samples.forEach((_, i) => samples[i] = level * random.normal());
}

/** White noise through low passes an octave apart, which together are pink where they weigh alike, and else other. */
function coloured(samples: Float32Array, { level, between, random }: Drawing): void {
  const tilt = between(0.5, 1.6);
  const poles = Array.from({ length: 10 }, (_, octave) => {
    const rate = 2 ** (-octave - 1);
    return { rate, weight: rate ** (-tilt / 2), value: 0 };
  });
  for (let i = 0; i < samples.length; i++) {
    let sum = 0;
    for (const pole of poles) {
      pole.value += pole.rate * (random.normal() - pole.value);
      sum += pole.weight * pole.value;
    }
    samples[i] = sum;
  }
  scaleTo(samples, level);
}

/** Mains and machines: a low tone with harmonics that fall off, and a little noise. */
function hum(samples: Float32Array, { rateHz, level, between, random }: Drawing): void {
  const fundamental = random.uniform() < 0.5
    ? (random.uniform() < 0.5 ? 50 : 60)
    : between(40, 140);
  const fall = between(0, 2);
  const tones = Array.from(
    { length: 1 + Math.floor(HARMONICS * random.uniform()) },
    (_, harmonic) => ({
      step: 2 * Math.PI * fundamental * (harmonic + 1) / rateHz,
      phase: between(0, 2 * Math.PI),
      height: between(0.2, 1) / (harmonic + 1) ** fall,
    }),
  );
  const noise = random.uniform() < 0.5 ? 0 : between(0, 0.03);
  samples.forEach((_, i) => {
    const sum = tones.reduce((total, { step, phase, height }) => {
      return total + height * Math.sin(step * i + phase);
    }, 0);
    samples[i] = sum + noise * random.normal();
  });
  scaleTo(samples, level);
}

/** Brings the root of the mean square to a level. */
function scaleTo(samples: Float32Array, level: number): void {
  const square = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
  const scale = level / Math.sqrt(square || 1);
  samples.forEach((value, i) => samples[i] = scale * value);
}
