/**
 * All that is taught, in memory, and batches of it.
 *
 * A batch has clips of one length: short ones, for words, so that a step does not compute silence, or those of the
 * backbone's full length. What is behind a clip is padding, as the feature extractor pads.
 *
 * @module
 */
import type { Random } from "../../src/random.ts";
import { changed, LEAST, type Spectrogram, type Strength } from "./augment.ts";
import type { Lesson } from "./rendering.ts";
import { isSpoken, type SourceName } from "./sources.ts";
import {
  BANDS,
  chunksOf,
  joined,
  readChunk,
  SPEECH_NUMBERS,
  YAMNET_CLASSES,
  YAMNET_SIZE,
} from "./teachers.ts";

/** Where a lesson comes from. */
type Origin = SourceName | "noises";

/** A lesson in memory. */
interface Taught {
  origin: Origin;
  spectrogram: Spectrogram;
  loud: readonly [first: number, end: number];
  /** The number of its label; -1 without one. */
  label: number;
  /** What is distilled, scaled: the speech embedding of words, YAMNet's of all others. */
  numbers: Float32Array;
  /** YAMNet's scores; empty for words. */
  scores: Float32Array;
}

/** Clips of one length with what is taught of them. */
export interface LessonBatch {
  /** Logarithms of energies; `PADDING` behind a clip. Shape: `[clips, frames, BANDS]` */
  inputs: Float32Array;
  clips: number;
  frames: number;
  /** Shape: `[clips]`; -1 where there is none, behind all others. */
  labels: Int32Array;
  /** Shape: `[clips, numbers]` */
  numbers: Float32Array;
  /** Shape: `[clips, 521]`; empty for words. */
  scores: Float32Array;
  /** Where clips are mixed: the labels of what was mixed in, and what their own count. */
  mixed?: { labels: Int32Array; share: number };
}

/** What to draw. */
export interface DrawOptions {
  clips: number;
  frames: number;
  random: Random;
}

/** What the extractor puts behind a clip, before it scales. */
export const PADDING = 0;
const NONE = new Float32Array(0);
const FRAMES_AN_HOUR = 360_000;
/** Frames around what is loud that a clip keeps at least. */
const MARGIN = 4;

const SPOKEN: Strength = { speed: 0.2, warp: 0.12, noiseShare: 0.5 };
const SOUNDING: Strength = { speed: 0.15, warp: 0.08, noiseShare: 0.3 };

/** How often each source is drawn among what is not spoken. */
const SHARES: Readonly<Partial<Record<Origin, number>>> = {
  sounds: 0.62,
  instruments: 0.15,
  commands: 0.13,
  noises: 0.1,
};

/** How often the clips of a batch are mixed. */
const MIXED_SHARE = 0.6;

/** Lessons to draw from. */
export class Lessons {
  readonly labels: readonly string[];
  readonly #of: Readonly<Partial<Record<Origin, Taught[]>>>;
  readonly #words: Taught[];

  private constructor(labels: readonly string[], lessons: Taught[]) {
    this.labels = labels;
    this.#of = Object.groupBy(lessons, ({ origin }) => origin);
    this.#words = lessons.filter(({ origin }) => isWord(origin));
    scaleNumbers(this.#words);
    scaleNumbers(lessons.filter(({ origin }) => !isWord(origin)));
  }

  /** Reads all from the cache. */
  static async read(cache: string, lessons: readonly Lesson[]): Promise<Lessons> {
    const names = new Set(lessons.flatMap(({ clip }) => clip?.label ? [labelOf(clip)] : []));
    const labels = [...names].sort();
    const taught: Taught[] = [];
    for (const [i, chunk] of chunksOf(lessons).entries()) {
      const read = await readChunk(cache, i);
      const speech = rowsOf(read.speech, SPEECH_NUMBERS);
      const scores = rowsOf(read.scores, YAMNET_CLASSES);
      const embedding = rowsOf(read.embedding, YAMNET_SIZE);
      const spectrograms = rowsOf(read.energies, BANDS);
      for (const [k, { clip, below }] of chunk.entries()) {
        const origin = clip?.source ?? "noises";
        taught.push({
          origin,
          spectrogram: spectrograms.next(read.frames[k]!),
          loud: [read.loud[2 * k]!, read.loud[2 * k + 1]!],
          label: clip?.label && !below ? labels.indexOf(labelOf(clip)) : -1,
          numbers: isWord(origin) ? speech.next(1) : embedding.next(1),
          scores: isWord(origin) ? NONE : scores.next(1),
        });
      }
    }
    return new Lessons(labels, taught);
  }

  /** Hours of all lessons. */
  get hours(): number {
    const frames = this.#all().reduce(
      (sum, { spectrogram }) => sum + spectrogram.length / BANDS,
      0,
    );
    return frames / FRAMES_AN_HOUR;
  }

  #all(): Taught[] {
    return Object.values(this.#of).flat();
  }

  /** Mean and deviation of all numbers of all spectrograms. */
  statistics(): { mean: number; std: number } {
    let [count, sum, squares] = [0, 0, 0];
    for (const { spectrogram } of this.#all()) {
      for (let i = 0; i < spectrogram.length; i++) {
        sum += spectrogram[i]!;
        squares += spectrogram[i]! ** 2;
      }
      count += spectrogram.length;
    }
    const mean = sum / count;
    return { mean, std: Math.sqrt(squares / count - mean ** 2) };
  }

  /** Words, cut close or not. */
  words(options: DrawOptions): LessonBatch {
    const { random } = options;
    return this.#batch(options, () => this.#words[random.below(this.#words.length)]!);
  }

  /** All that is no single word. */
  sounds(options: DrawOptions): LessonBatch {
    const { random } = options;
    const batch = this.#batch(options, () => {
      let place = random.uniform() * Object.values(SHARES).reduce((a, b) => a + b);
      for (const [origin, share] of Object.entries(SHARES)) {
        const lessons = this.#of[origin as Origin] ?? [];
        place -= share;
        if (place < 0 && lessons.length > 0) return lessons[random.below(lessons.length)]!;
      }
      return this.#of.noises![random.below(this.#of.noises!.length)]!;
    });
    return random.uniform() < MIXED_SHARE ? mixed(batch, 0.5 + 0.5 * random.uniform()) : batch;
  }

  #batch({ clips, frames, random }: DrawOptions, draw: () => Taught): LessonBatch {
    const lessons = Array.from({ length: clips }, draw)
      .sort((a, b) => Number(a.label < 0) - Number(b.label < 0));
    const inputs = new Float32Array(clips * frames * BANDS).fill(PADDING);
    lessons.forEach((lesson, i) =>
      inputs.set(this.#rendition(lesson, frames, random), i * frames * BANDS)
    );
    return {
      inputs,
      clips,
      frames,
      labels: Int32Array.from(lessons, ({ label }) => label),
      numbers: joined(lessons.map(({ numbers }) => numbers)),
      scores: joined(lessons.map(({ scores }) => scores)),
    };
  }

  /** A lesson cut and changed, no longer than `frames`. */
  #rendition({ origin, spectrogram, loud }: Taught, frames: number, random: Random): Spectrogram {
    const isCut = isWord(origin);
    const noises = random.uniform() < 0.7 && this.#of.sounds || this.#of.noises!;
    const noise = noises[random.below(noises.length)]!.spectrogram;
    const cut = isCut
      ? around(spectrogram, loud, { most: frames / (1 + SPOKEN.speed), random })
      : spectrogram;
    const now = changed(cut, isCut ? SPOKEN : SOUNDING, { random, noise });
    const spare = frames - now.length / BANDS;
    if (spare < 0) return now.subarray(0, frames * BANDS);
    if (isCut || random.uniform() < 0.5) return now;
    // What begins later has silence before it.
    const later = random.below(spare + 1);
    const moved = new Float32Array(now.length + later * BANDS).fill(LEAST);
    moved.set(now, later * BANDS);
    return moved;
  }
}

/**
 * Each clip mixed with another, what is taught of them as well: those with a label among themselves, and the others.
 *
 * Source: Zhang et al. 2018, "mixup".
 */
function mixed(batch: LessonBatch, share: number): LessonBatch {
  const { clips, labels } = batch;
  const known = labels.includes(-1) ? labels.indexOf(-1) : clips;
  const other = (clip: number) => clip < known ? known - 1 - clip : known + clips - 1 - clip;
  const mix = (values: Float32Array) => {
    const size = values.length / clips;
    return values.map((value, i) => {
      const clip = Math.floor(i / size);
      return share * value + (1 - share) * values[other(clip) * size + i % size]!;
    });
  };
  return {
    ...batch,
    inputs: mix(batch.inputs),
    numbers: mix(batch.numbers),
    scores: mix(batch.scores),
    mixed: { labels: labels.map((_, clip) => labels[other(clip)]!), share },
  };
}

function isWord(origin: Origin): boolean {
  return origin !== "noises" && isSpoken(origin);
}

/** The rows of a matrix, some at a time. */
function rowsOf(values: Float32Array, size: number): { next(rows: number): Float32Array } {
  let at = 0;
  return {
    next: (rows) => values.subarray(at, at += rows * size),
  };
}

/** The loud part with more or less of what is around it. */
function around(
  spectrogram: Spectrogram,
  [first, end]: readonly [number, number],
  { most, random }: { most: number; random: Random },
): Spectrogram {
  const frames = spectrogram.length / BANDS;
  const spare = Math.max(0, Math.floor(most) - (end - first));
  const share = random.uniform();
  const before = Math.min(first, spare, MARGIN + random.below(Math.ceil(share * spare) + 1));
  const after = Math.min(
    frames - end,
    Math.max(0, spare - before),
    MARGIN + random.below(Math.ceil(share * spare) + 1),
  );
  return spectrogram.subarray((first - before) * BANDS, (end + after) * BANDS);
}

function labelOf({ source, label }: { source: SourceName; label?: string }): string {
  return source === "instruments" ? `instrument ${label}` : label!;
}

/** To mean 0 and deviation 1 over all lessons. */
function scaleNumbers(lessons: readonly Taught[]): void {
  const size = lessons[0]!.numbers.length;
  const [sum, squares] = [new Float64Array(size), new Float64Array(size)];
  for (const { numbers } of lessons) {
    for (let i = 0; i < size; i++) {
      sum[i]! += numbers[i]!;
      squares[i]! += numbers[i]! ** 2;
    }
  }
  for (const { numbers } of lessons) {
    for (let i = 0; i < size; i++) {
      const mean = sum[i]! / lessons.length;
      const variance = squares[i]! / lessons.length - mean ** 2;
      numbers[i] = Math.max(-5, Math.min(5, (numbers[i]! - mean) / Math.sqrt(variance + 1e-6)));
    }
  }
}
