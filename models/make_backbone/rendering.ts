/**
 * Recordings as they are taught: speech as it is, in parts of five seconds, and sounds further times cut, faster or
 * slower, filtered and over one another, so that the teachers hear more than there is. The same seed renders the same
 * samples.
 *
 * @module
 */
import { decodeAudio, resample } from "../../src/audio/mod.ts";
import { Random } from "../../src/random.ts";
import { isSpoken, type SourceClip, type SourceName } from "./sources.ts";

/** The rate of both teachers and of the backbone. */
export const RATE_HZ = 16_000;
/** No lesson is longer. */
export const MAX_SAMPLES = 5 * RATE_HZ;

/** A recording in one of its versions; without a recording, noise that is made. */
export interface Lesson {
  clip?: SourceClip;
  /** 0 as it is. */
  version: number;
  /** What it lies over, where it does. */
  below?: SourceClip;
  seed: number;
}

/** How often each source is rendered. */
const VERSIONS: Readonly<Record<SourceName, number>> = {
  words: 1,
  wake_words: 1,
  commands: 2,
  sounds: 8,
  instruments: 2,
};
/** Pieces of noise that are made. */
const NOISES = 200;
const MIXED_SHARE = 0.4;

/** All lessons of the clips, in one order. */
export function lessonsOf(clips: readonly SourceClip[], seed: number): Lesson[] {
  const random = new Random(seed);
  const sounds = clips.filter(({ source }) => !isSpoken(source));
  const lessons: Lesson[] = clips.flatMap((clip) =>
    Array.from({ length: VERSIONS[clip.source] }, (_, version) => {
      const isMixed = !isSpoken(clip.source) && version > 0 && random.uniform() < MIXED_SHARE;
      const below = isMixed ? sounds[random.below(sounds.length)] : undefined;
      return { clip, version, below, seed: random.uint32() };
    })
  );
  const noises = Array.from({ length: NOISES }, () => ({ version: 0, seed: random.uint32() }));
  return [...lessons, ...noises];
}

/** The samples of a lesson. */
export async function render({ clip, version, below, seed }: Lesson): Promise<Float32Array> {
  const random = new Random(seed);
  if (!clip) return noise(random);
  if (isSpoken(clip.source)) return part(await samplesOf(clip.file), version);
  const samples = (await soundOf(clip.file)).subarray(0, MAX_SAMPLES);
  if (version === 0) return samples;
  const changed = filtered(faster(cut(samples, random), 0.8 + 0.5 * random.uniform()), random);
  if (!below) return changed.subarray(0, MAX_SAMPLES);
  const other = faster(cut(await soundOf(below.file), random), 0.8 + 0.5 * random.uniform());
  return mixed(changed, other, -12 + 12 * random.uniform()).subarray(0, MAX_SAMPLES);
}

/** Sounds are rendered more than once. */
const decoded = new Map<string, Float32Array>();

/** The samples of a sound, which is decoded once. */
async function soundOf(file: string): Promise<Float32Array> {
  const samples = decoded.get(file) ?? await samplesOf(file);
  decoded.set(file, samples);
  return samples;
}

/** The samples of a file at the rate of the teachers. */
export async function samplesOf(file: string): Promise<Float32Array> {
  const { samples, sampleRateHz } = await decodeAudio(await Deno.readFile(file), { file });
  return resample(samples, sampleRateHz, RATE_HZ);
}

/** The first part of what was said, the second, and so on; of less than a second, the end before it too. */
function part(samples: Float32Array, version: number): Float32Array {
  const left = samples.length - version * MAX_SAMPLES;
  return left >= RATE_HZ || version === 0
    ? samples.subarray(version * MAX_SAMPLES, (version + 1) * MAX_SAMPLES)
    : samples.subarray(-MAX_SAMPLES);
}

/** Half of a clip or more. */
function cut(samples: Float32Array, random: Random): Float32Array {
  const length = Math.ceil(Math.min(samples.length, MAX_SAMPLES) * (0.5 + 0.5 * random.uniform()));
  const from = random.below(samples.length - length + 1);
  return samples.subarray(from, from + length);
}

/** Played `factor` times as fast, pitch and all. */
function faster(samples: Float32Array, factor: number): Float32Array {
  const length = Math.max(1, Math.floor((samples.length - 1) / factor));
  return Float32Array.from({ length }, (_, i) => {
    const place = i * factor;
    const before = Math.floor(place);
    return samples[before]! + (place - before) * (samples[before + 1]! - samples[before]!);
  });
}

/** Highs lifted or lowered, as by another microphone. */
function filtered(samples: Float32Array, random: Random): Float32Array {
  const share = -0.6 + 1.2 * random.uniform();
  return samples.map((sample, i) => sample + share * (i > 0 ? samples[i - 1]! : 0));
}

/** One over the other, so many decibels below it by mean power. */
function mixed(samples: Float32Array, other: Float32Array, decibels: number): Float32Array {
  const power = meanPower(other);
  const factor = power > 0 ? Math.sqrt(meanPower(samples) / power) * 10 ** (decibels / 20) : 0;
  return samples.map((sample, i) => sample + factor * other[i % other.length]!);
}

function meanPower(samples: Float32Array): number {
  return samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
}

/** White to brown noise, hum or near silence, 1 to 5 s, at any level. */
function noise(random: Random): Float32Array {
  const length = Math.floor(RATE_HZ * (1 + 4 * random.uniform()));
  const level = 10 ** (-3.5 * random.uniform());
  const kind = random.below(4);
  const colour = kind === 0 ? 0 : 0.5 + 0.49 * random.uniform();
  const hertz = random.below(2) === 0 ? 50 : 60;
  let low = 0;
  return Float32Array.from({ length }, (_, i) => {
    const white = 0.3 * random.normal();
    low = colour * low + (1 - colour) * white;
    if (kind === 3) return level * 0.01 * white;
    if (kind < 2) return level * (kind === 0 ? white : low);
    const phase = 2 * Math.PI * hertz * i / RATE_HZ;
    return level * 0.2 * (Math.sin(phase) + 0.5 * Math.sin(3 * phase) + 0.2 * white);
  });
}
