/**
 * Changes of a spectrogram that a listener would not mind: speed, the size of the speaker, reverberation, another
 * microphone, gain, noise or none at all, a telephone, and holes in time and frequency.
 *
 * All of it on logarithms of energies, where gain is a sum and noise adds its energy, so that a step costs no more for
 * it; samples would have to be transformed anew each time.
 *
 * Source: Jaitly and Hinton 2013, "Vocal tract length perturbation"; Park et al. 2019, "SpecAugment".
 *
 * @module
 */
import type { Random } from "../../src/random.ts";
import { BANDS } from "./teachers.ts";

/** The extractor's least energy. */
export const LEAST = Math.log(1.192092955078125e-07);
/** Bands below 4 kHz. */
const TELEPHONE_BANDS = 30;
const NEPERS = Math.LN10 / 10;

/** How much is changed. */
export interface Strength {
  /** The slowest and the fastest, as times of the speed of before. */
  tempo: readonly [slowest: number, fastest: number];
  /** Largest change of frequency, as a share. */
  warp: number;
  /** How often speed and frequencies change. */
  stretchShare: number;
  /** How often noise is added. */
  noiseShare: number;
}

/** Frames of a spectrogram with room for changes. Shape: `[frames, BANDS]` */
export type Spectrogram = Float32Array;

/** A rendition, and how many times as fast it is. */
export interface Rendition {
  spectrogram: Spectrogram;
  tempo: number;
}

/** Another rendition of a spectrogram; `noise` is a spectrogram to lie under it. */
export function changed(
  spectrogram: Spectrogram,
  { tempo: [slowest, fastest], warp, stretchShare, noiseShare }: Strength,
  { random, noise }: { random: Random; noise: Spectrogram },
): Rendition {
  const isStretched = random.uniform() < stretchShare;
  const [tempo, pitch] = isStretched
    ? [slowest * (fastest / slowest) ** random.uniform(), spread(warp, random)]
    : [1, 1];
  let now = isStretched ? stretched(spectrogram, tempo, pitch) : spectrogram.slice();
  if (random.uniform() < 0.15) reverberate(now, random);
  if (random.uniform() < 0.4) tilt(now, random);
  lift(now, -25 + 31 * random.uniform());
  if (random.uniform() < noiseShare) {
    now = random.uniform() < 0.5
      ? withNoise(now, noise, 10 + 30 * random.uniform(), random)
      : withHiss(now, 10 + 30 * random.uniform(), random);
  }
  if (random.uniform() < 0.35) limitBand(now, random);
  if (random.uniform() < 0.35) gate(now, random);
  for (let i = 0; i < now.length; i++) if (now[i]! < LEAST) now[i] = LEAST;
  if (random.uniform() < 0.1) punch(now, random);
  return { spectrogram: now, tempo };
}

function spread(most: number, random: Random): number {
  return 1 + most * (2 * random.uniform() - 1);
}

/** So many times as fast, with frequencies so many times as high. */
function stretched(spectrogram: Spectrogram, tempo: number, pitch: number): Spectrogram {
  const frames = spectrogram.length / BANDS;
  const wanted = Math.max(1, Math.round(frames / tempo));
  const result = new Float32Array(wanted * BANDS);
  const bands = Array.from({ length: BANDS }, (_, band) => Math.min(band / pitch, BANDS - 1));
  for (let frame = 0; frame < wanted; frame++) {
    const place = Math.min(frame * tempo, frames - 1);
    const before = Math.floor(place);
    const after = Math.min(before + 1, frames - 1);
    const late = place - before;
    for (let band = 0; band < BANDS; band++) {
      const below = Math.floor(bands[band]!);
      const above = Math.min(below + 1, BANDS - 1);
      const high = bands[band]! - below;
      const at = (row: number) =>
        (1 - high) * spectrogram[row * BANDS + below]! + high * spectrogram[row * BANDS + above]!;
      result[frame * BANDS + band] = (1 - late) * at(before) + late * at(after);
    }
  }
  return result;
}

/** Each frame leaves energy that dies away: 60 dB in 0.1 to 0.8 s. */
function reverberate(spectrogram: Spectrogram, random: Random): void {
  const decay = Math.exp(-6 * Math.LN10 * 0.01 / (0.1 + 0.7 * random.uniform()));
  const share = 0.02 + 0.3 * random.uniform() ** 2;
  for (let band = 0; band < BANDS; band++) {
    let tail = 0;
    for (let at = band; at < spectrogram.length; at += BANDS) {
      const energy = Math.exp(spectrogram[at]!);
      spectrogram[at] = Math.log(energy + share * tail + 1e-10);
      tail = decay * tail + energy;
    }
  }
}

/** Highs or lows louder, and a smooth bump, as by another microphone or room. */
function tilt(spectrogram: Spectrogram, random: Random): void {
  const slope = 0.08 * (random.uniform() - 0.5);
  const [height, centre, width] = [
    2 * (random.uniform() - 0.5),
    BANDS * random.uniform(),
    4 + 8 * random.uniform(),
  ];
  const change = Array.from(
    { length: BANDS },
    (_, band) => slope * (band - BANDS / 2) + height * Math.exp(-(((band - centre) / width) ** 2)),
  );
  for (let i = 0; i < spectrogram.length; i++) spectrogram[i]! += change[i % BANDS]!;
}

/** Nearly nothing above a frequency: 4 kHz, as of a telephone, or another. */
function limitBand(spectrogram: Spectrogram, random: Random): void {
  const first = random.uniform() < 0.7 ? TELEPHONE_BANDS : 22 + random.below(BANDS - 22);
  const less = random.uniform() < 0.5 ? Infinity : 5 + 13 * random.uniform();
  for (let i = 0; i < spectrogram.length; i++) {
    if (i % BANDS >= first) spectrogram[i]! -= less;
  }
}

/** No noise below what is loud, as of recordings that were cleaned or have few bits: 20 to 50 dB below the mean. */
function gate(spectrogram: Spectrogram, random: Random): void {
  const floor = meanEnergy(spectrogram) * 10 ** (-2 - 3 * random.uniform());
  const rest = Math.exp(LEAST);
  for (let i = 0; i < spectrogram.length; i++) {
    spectrogram[i] = Math.log(Math.max(Math.exp(spectrogram[i]!) - floor, rest));
  }
}

function lift(spectrogram: Spectrogram, decibels: number): void {
  for (let i = 0; i < spectrogram.length; i++) spectrogram[i]! += NEPERS * decibels;
}

function meanEnergy(spectrogram: Spectrogram): number {
  return spectrogram.reduce((sum, value) => sum + Math.exp(value), 0) / spectrogram.length;
}

/** Another sound, so many decibels below. */
function withNoise(
  spectrogram: Spectrogram,
  noise: Spectrogram,
  decibels: number,
  random: Random,
): Spectrogram {
  const factor = meanEnergy(spectrogram) / (meanEnergy(noise) + 1e-12) * 10 ** (-decibels / 10);
  const first = BANDS * random.below(noise.length / BANDS);
  return spectrogram.map((value, i) =>
    Math.log(Math.exp(value) + factor * Math.exp(noise[(first + i) % noise.length]!))
  );
}

/** Steady noise of a random colour, so many decibels below; each energy is that of two squared normal numbers. */
function withHiss(spectrogram: Spectrogram, decibels: number, random: Random): Spectrogram {
  const slope = 0.2 * (random.uniform() - 0.5);
  const shape = Array.from({ length: BANDS }, (_, band) => Math.exp(slope * band));
  const mean = shape.reduce((sum, value) => sum + value, 0) / BANDS;
  const level = meanEnergy(spectrogram) * 10 ** (-decibels / 10) / mean;
  return spectrogram.map((value, i) => {
    const energy = -Math.log(1 - random.uniform()) - Math.log(1 - random.uniform());
    return Math.log(Math.exp(value) + level * shape[i % BANDS]! * energy / 2);
  });
}

/** A hole in frequency, and one in time. */
function punch(spectrogram: Spectrogram, random: Random): void {
  const frames = spectrogram.length / BANDS;
  const high = random.below(7);
  const band = random.below(BANDS - high + 1);
  const long = random.below(Math.ceil(frames / 8) + 1);
  const frame = random.below(frames - long + 1);
  const mean = spectrogram.reduce((sum, value) => sum + value, 0) / spectrogram.length;
  for (let row = 0; row < frames; row++) {
    const isHole = row >= frame && row < frame + long;
    const [first, end] = isHole ? [0, BANDS] : [band, band + high];
    spectrogram.fill(mean, row * BANDS + first, row * BANDS + end);
  }
}
