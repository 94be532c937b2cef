/**
 * Words at known times in a background.
 *
 * @module
 */
import type { SoundEvent } from "../src/detect/mod.ts";
import type { Random } from "../src/random.ts";
import { atLevel, BACKGROUND_LEVEL } from "./_background_sound.ts";

/** A recording of a word. */
export interface Word {
  label: string;
  samples: Float32Array;
}

/** Decibels of a word above the background. */
const WORD_DB = 10;

/**
 * Adds a word, ten decibels above the mean power of the background.
 *
 * @returns where it is.
 */
export function addWord(
  sound: Float32Array,
  { label, samples }: Word,
  { at, sampleRateHz }: { at: number; sampleRateHz: number },
): SoundEvent {
  atLevel(samples, BACKGROUND_LEVEL * 10 ** (WORD_DB / 20)).forEach((sample, i) => {
    sound[at + i]! += sample;
  });
  return { start: at / sampleRateHz, end: (at + samples.length) / sampleRateHz, label };
}

/** How far words are apart, in samples. */
export interface Gaps {
  least: number;
  most: number;
}

/**
 * Draws where words begin, so that the gaps before, between and behind them are within bounds and fill a stream.
 *
 * @param lengths samples of each word, in order.
 * @param count samples of the stream.
 */
export function drawnPlaces(
  lengths: readonly number[],
  count: number,
  { least, most, random }: Gaps & { random: Random },
): number[] {
  const gaps = drawnGaps(lengths.length + 1, count - sum(lengths), { least, most, random });
  let at = 0;
  return lengths.map((length, i) => {
    const place = at + gaps[i]!;
    at = place + length;
    return place;
  });
}

/** Gaps of exponential lengths over the least one, drawn again until none is over the most. */
function drawnGaps(
  count: number,
  total: number,
  { least, most, random }: Gaps & { random: Random },
): number[] {
  const spare = total - count * least;
  if (spare < 0 || total > count * most) {
    throw new RangeError(
      `Cannot place the words: expected ${count} gaps of ${least} to ${most} samples, found ${total} in all`,
    );
  }
  while (true) {
    const shares = Array.from({ length: count }, () => -Math.log(1 - random.uniform()));
    const whole = sum(shares);
    const gaps = shares.map((share) => least + Math.floor(share / whole * spare));
    if (gaps.every((gap) => gap <= most)) return gaps;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
