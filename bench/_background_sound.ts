/**
 * Minutes of sound without a word in them: noise and recordings in turn, all of one loudness.
 *
 * @module
 */
import type { Random } from "../src/random.ts";

/** How a background is drawn. */
export interface BackgroundOptions {
  /** Recordings at the rate of the background; none of them is silent. */
  recordings: readonly Float32Array[];
  sampleRateHz: number;
  random: Random;
}

/** Root mean square of every piece; ten decibels more, and peaks of speech, still fit into [-1, 1]. */
export const BACKGROUND_LEVEL = 0.03;

const PIECE_SECONDS = 5;
const FADE_SECONDS = 0.25;
/** Share of the pieces that are noise alone. */
const NOISE_SHARE = 0.4;
/** Share of the other pieces that are two recordings at once. */
const MIXTURE_SHARE = 0.5;
/** Decibels of the white noise that is under everything, so that no recording ends in digital silence. */
const FLOOR_DB = -20;

/**
 * Draws a background: pieces of five seconds that fade into each other.
 *
 * @returns samples whose root mean square is {@linkcode BACKGROUND_LEVEL} in each piece.
 */
export function backgroundSound(count: number, options: BackgroundOptions): Float32Array {
  const { sampleRateHz, random } = options;
  const fade = Math.round(FADE_SECONDS * sampleRateHz);
  const length = Math.round(PIECE_SECONDS * sampleRateHz) + fade;
  const sound = new Float32Array(count);
  for (let at = -fade; at < count; at += length - fade) {
    const piece = drawnPiece(length, options);
    for (let i = Math.max(0, -at); i < Math.min(length, count - at); i++) {
      // Sine and cosine, so that the power stays the same where two pieces overlap.
      const edge = Math.min(1, (i + 0.5) / fade, (length - i - 0.5) / fade);
      sound[at + i]! += piece[i]! * Math.sin(edge * Math.PI / 2);
    }
  }
  const floor = BACKGROUND_LEVEL * 10 ** (FLOOR_DB / 20);
  return sound.map((sample) => sample + floor * random.normal());
}

/** The samples with another root mean square; silence stays silent. */
export function atLevel(samples: Float32Array, level: number): Float32Array {
  const power = samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length;
  const factor = power > 0 ? level / Math.sqrt(power) : 0;
  return samples.map((sample) => factor * sample);
}

function drawnPiece(length: number, options: BackgroundOptions): Float32Array {
  const { recordings, random } = options;
  if (random.uniform() < NOISE_SHARE) {
    return atLevel(colouredNoise(length, random), BACKGROUND_LEVEL);
  }
  const first = drawnPart(length, options);
  if (recordings.length < 2 || random.uniform() >= MIXTURE_SHARE) return first;
  const second = drawnPart(length, options);
  return atLevel(first.map((sample, i) => sample + second[i]!), BACKGROUND_LEVEL);
}

/** A recording from a place drawn at random, repeated where it is too short. */
function drawnPart(length: number, { recordings, random }: BackgroundOptions): Float32Array {
  const recording = recordings[random.below(recordings.length)]!;
  const from = random.below(recording.length);
  const part = Float32Array.from(
    { length },
    (_, i) => recording[(from + i) % recording.length]!,
  );
  return atLevel(part, BACKGROUND_LEVEL);
}

/** White noise through a low pass of one pole, drawn between white and brown. */
function colouredNoise(length: number, random: Random): Float32Array {
  const pole = random.uniform() * 0.98;
  let last = 0;
  return Float32Array.from({ length }, () => last = pole * last + random.normal());
}
