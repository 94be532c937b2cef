/**
 * Makes the voice menu again from nothing, the same bytes each time.
 *
 * Each clip is spoken by espeak-ng, brought from 22,050 to 8,000 Hz by our own resampler, trimmed,
 * levelled and written as mu-law WAV, which is what a telephone line delivers. Needs the Debian
 * package `espeak-ng`; the data here came from version 1.51, others speak a little differently:
 *
 *     deno run --allow-run=espeak-ng --allow-read --allow-write examples/voice_menu/make.ts [--output DIR]
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { decodeWav, encodeWav, resample } from "../../src/audio/mod.ts";
import { PHRASES } from "./phrases.ts";
import { type Split, SPLITS, type Voice, voicesOf } from "./voices.ts";

const SAMPLE_RATE_HZ = 8_000;
const PEAK = 0.7;

/** Samples below this share of the peak are silence where they lie at an end. */
const SILENCE = 0.02;

const KEPT_SILENCE_SAMPLES = 0.02 * SAMPLE_RATE_HZ;

/** Words per minute, and steps of pitch, by which the clips of one voice differ. */
const RATE_CHANGES: readonly number[] = [0, 10, -10, 5, -5];
const PITCH_CHANGES: readonly number[] = [0, -12, 8, -5, 15, -8, 4];

/** One clip of the data set: who says what, and where it is kept. */
export interface Clip {
  /** Path below the data set, `split/label/voice_phrasing.wav`. */
  path: string;
  text: string;
  voice: Voice;
  pitch: number;
  wordsPerMinute: number;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { output: { type: "string" } } });
  const directory = values.output ?? import.meta.dirname!;
  let clips = 0;
  let sizeBytes = 0;
  for (const clip of SPLITS.flatMap(clipsOf)) {
    const bytes = await speak(clip);
    const file = join(directory, clip.path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeFile(file, bytes);
    clips++;
    sizeBytes += bytes.length;
  }
  console.log(`${clips} clips, ${(sizeBytes / 1e6).toFixed(2)} MB in ${directory}`);
}

/** Every clip of a split: each voice says each intent once, in the phrasing whose turn it is. */
export function clipsOf(split: Split): Clip[] {
  return voicesOf(split).flatMap((voice, voiceIndex) =>
    Object.entries(PHRASES).map(([label, phrases], labelIndex) => {
      const phrasing = (voiceIndex + labelIndex) % phrases.length;
      const turn = voiceIndex + 2 * labelIndex;
      return {
        path: `${split}/${label}/${voice.name}_${phrasing + 1}.wav`,
        text: phrases[phrasing]!,
        voice,
        pitch: voice.pitch + PITCH_CHANGES[turn % PITCH_CHANGES.length]!,
        wordsPerMinute: voice.wordsPerMinute + RATE_CHANGES[turn % RATE_CHANGES.length]!,
      };
    })
  );
}

/**
 * Has espeak-ng speak one clip.
 *
 * @returns the bytes of a mu-law WAV file.
 * @throws {TypeError} when espeak-ng is missing or fails.
 */
export async function speak(clip: Clip): Promise<Uint8Array<ArrayBuffer>> {
  const { text, voice, pitch, wordsPerMinute } = clip;
  const flags = ["-v", voice.espeak, "-p", `${pitch}`, "-s", `${wordsPerMinute}`, "--stdout"];
  const command = new Deno.Command("espeak-ng", { args: [...flags, text] });
  const { success, stdout, stderr } = await outputOf(command);
  if (!success) {
    const found = new TextDecoder().decode(stderr).trim();
    throw new TypeError(`Cannot speak "${clip.path}": expected audio, found ${found}`);
  }
  const { samples, sampleRateHz } = decodeWav(stdout);
  const telephone = levelled(trimmed(resample(samples, sampleRateHz, SAMPLE_RATE_HZ)));
  return encodeWav(telephone, SAMPLE_RATE_HZ, { encoding: "mulaw" });
}

async function outputOf(espeak: Deno.Command): Promise<Deno.CommandOutput> {
  try {
    return await espeak.output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    const message = "Cannot speak: expected the program espeak-ng, found none of that name";
    throw new TypeError(`${message}; Debian's package is called espeak-ng`, { cause });
  }
}

/** The part between the first and the last sound, with a little of the silence around it. */
export function trimmed(samples: Float32Array): Float32Array {
  const limit = SILENCE * peakOf(samples);
  const first = samples.findIndex((sample) => Math.abs(sample) > limit);
  const last = samples.findLastIndex((sample) => Math.abs(sample) > limit);
  return samples.slice(Math.max(0, first - KEPT_SILENCE_SAMPLES), last + 1 + KEPT_SILENCE_SAMPLES);
}

function levelled(samples: Float32Array): Float32Array {
  const gain = PEAK / peakOf(samples);
  return samples.map((sample) => sample * gain);
}

function peakOf(samples: Float32Array): number {
  return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
}
