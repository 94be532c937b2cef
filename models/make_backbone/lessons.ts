/**
 * All that is taught, in memory, and batches of it.
 *
 * A batch has clips of one length: short ones, for words, so that a step does not compute silence, or those of the
 * backbone's full length. What is behind a clip is padding, as the feature extractor pads.
 *
 * Of speech any piece can be taught, since the speech embedding is known at every time of it: each token learns it for
 * its own middle, and the vector of the clip its mean over what is loud.
 *
 * @module
 */
import type { Random } from "../../src/random.ts";
import { changed, LEAST, type Spectrogram, type Strength } from "./augment.ts";
import { atTokens, meanOver, sentencePiece, type TokenGrid, wordPiece } from "./speech_targets.ts";
import type { Lesson } from "./rendering.ts";
import { isSpoken, type SourceName } from "./sources.ts";
import { SPEECH_EMBEDDING_SIZE } from "./speech_embedding.ts";
import { BANDS, chunksOf, joined, readChunk, YAMNET_CLASSES, YAMNET_SIZE } from "./teachers.ts";

/** Where a lesson comes from. */
type Origin = SourceName | "noises";

/** A lesson in memory. */
interface Taught {
  origin: Origin;
  spectrogram: Spectrogram;
  loud: readonly [first: number, end: number];
  /** The number of its label; -1 without one. */
  label: number;
  /** What is distilled, scaled: all windows of the speech embedding of speech, YAMNet's mean of all others. */
  numbers: Float32Array;
  /** YAMNet's scores; empty for speech. */
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
  /** Shape: `[clips, 521]`; empty for speech. */
  scores: Float32Array;
  /** Of speech, what each token is taught. Shape: `[clips, tokens, 96]`; the mask is 1 where it is nothing. */
  tokens?: { targets: Float32Array; mask: Int32Array };
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

/** Others may speak faster than those who are heard here. */
const SPOKEN: Strength = { tempo: [0.85, 1.5], warp: 0.1, stretchShare: 0.6, noiseShare: 0.25 };
const SOUNDING: Strength = { tempo: [0.85, 1.15], warp: 0.08, stretchShare: 0.5, noiseShare: 0.3 };
/** How often speech has silence before it, and how often behind it, and its most frames. */
const SILENCE = { share: 0.3, most: 20 } as const;

/**
 * How often each source is drawn: for speech by the frames of a batch, and for all else. What is cut out of a sentence is
 * taught where nothing near was cut off, so that short batches have words alone.
 */
const SPEECH_SHARES: readonly { below: number; shares: Shares }[] = [
  { below: 200, shares: { words: 0.7, wake_words: 0.3 } },
  { below: 400, shares: { wake_words: 0.1, commands: 0.9 } },
  { below: Infinity, shares: { words: 0.4, wake_words: 0.2, commands: 0.4 } },
];
const SOUND_SHARES: Shares = { sounds: 0.72, instruments: 0.18, noises: 0.1 };

type Shares = Readonly<Partial<Record<Origin, number>>>;

/** How often the clips of a batch are mixed. */
const MIXED_SHARE = 0.6;

/** A lesson cut and changed. */
interface Drawn {
  spectrogram: Spectrogram;
  label: number;
  numbers: Float32Array;
  scores: Float32Array;
  tokens?: { targets: Float32Array; mask: Int32Array };
}

/** Lessons to draw from. */
export class Lessons {
  readonly labels: readonly string[];
  readonly #of: Readonly<Partial<Record<Origin, Taught[]>>>;
  /** What brings means over what is loud to mean 0 and deviation 1. */
  readonly #meanScale: NumberScale;

  private constructor(labels: readonly string[], lessons: Taught[]) {
    this.labels = labels;
    this.#of = Object.groupBy(lessons, ({ origin }) => origin);
    const spoken = lessons.filter(({ origin }) => isSpeech(origin));
    scaleAll(spoken.map(({ numbers }) => numbers), SPEECH_EMBEDDING_SIZE);
    const means = spoken.map(({ numbers, loud }) => meanOver(numbers, loud));
    this.#meanScale = scaleOf(means, SPEECH_EMBEDDING_SIZE);
    const others = lessons.filter(({ origin }) => !isSpeech(origin));
    scaleAll(others.map(({ numbers }) => numbers), others[0]!.numbers.length);
  }

  /** Reads all from the cache. */
  static async read(cache: string, lessons: readonly Lesson[]): Promise<Lessons> {
    const names = new Set(lessons.flatMap(({ clip }) => clip?.label ? [labelOf(clip)] : []));
    const labels = [...names].sort();
    const taught: Taught[] = [];
    for (const [i, chunk] of chunksOf(lessons).entries()) {
      const read = await readChunk(cache, i);
      const speech = rowsOf(read.speech, SPEECH_EMBEDDING_SIZE);
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
          numbers: isSpeech(origin) ? speech.next(read.windows[k]!) : embedding.next(1),
          scores: isSpeech(origin) ? NONE : scores.next(1),
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

  /** Words and pieces of sentences. */
  speech(options: DrawOptions & { grid: TokenGrid }): LessonBatch {
    return batchOf(
      Array.from({ length: options.clips }, () => this.#spoken(options)),
      options.frames,
    );
  }

  /** All that is not spoken. */
  sounds(options: DrawOptions): LessonBatch {
    const { clips, frames, random } = options;
    const batch = batchOf(Array.from({ length: clips }, () => this.#sounding(options)), frames);
    return random.uniform() < MIXED_SHARE ? mixed(batch, 0.5 + 0.5 * random.uniform()) : batch;
  }

  #draw(shares: Shares, random: Random): Taught {
    const known = Object.entries(shares).map(([origin, share]) => ({
      lessons: this.#of[origin as Origin] ?? [],
      share,
    })).filter(({ lessons }) => lessons.length > 0);
    let place = random.uniform() * known.reduce((sum, { share }) => sum + share, 0);
    const { lessons } = known.find(({ share }) => (place -= share) < 0) ?? known[0]!;
    return lessons[random.below(lessons.length)]!;
  }

  /** Another recording to lie under one. */
  #noise(random: Random): Spectrogram {
    const noises = random.uniform() < 0.7 && this.#of.sounds || this.#of.noises!;
    return noises[random.below(noises.length)]!.spectrogram;
  }

  #spoken({ frames, random, grid }: DrawOptions & { grid: TokenGrid }): Drawn {
    const { origin, spectrogram, loud, label, numbers } = this.#draw(
      SPEECH_SHARES.find(({ below }) => frames < below)!.shares,
      random,
    );
    const most = frames * SPOKEN.tempo[0];
    const { first, end, said, isWhole } = origin === "commands"
      ? sentencePiece(loud, { most, random })
      : wordPiece(loud, { frames: spectrogram.length / BANDS, most, random });
    const cut = spectrogram.subarray(first * BANDS, end * BANDS);
    const now = changed(cut, SPOKEN, { random, noise: this.#noise(random) });
    const pieceFrames = Math.min(frames, now.spectrogram.length / BANDS);
    const silence = () => random.uniform() < SILENCE.share ? random.below(SILENCE.most) : 0;
    const before = Math.min(frames - pieceFrames, silence());
    const behind = Math.min(frames - pieceFrames - before, silence());
    const shown = new Float32Array((before + pieceFrames + behind) * BANDS).fill(LEAST);
    shown.set(now.spectrogram.subarray(0, pieceFrames * BANDS), before * BANDS);
    const place = { first, frames: pieceFrames, before, tempo: now.tempo, said: loud };
    return {
      spectrogram: shown,
      label: isWhole ? label : -1,
      numbers: scaled(meanOver(numbers, said), this.#meanScale),
      scores: NONE,
      tokens: atTokens(numbers, place, grid),
    };
  }

  #sounding({ frames, random }: DrawOptions): Drawn {
    const lesson = this.#draw(SOUND_SHARES, random);
    const now = changed(lesson.spectrogram, SOUNDING, { random, noise: this.#noise(random) });
    const spare = frames - now.spectrogram.length / BANDS;
    const loud = lesson.loud.map((frame) => frame / now.tempo);
    return {
      ...lesson,
      spectrogram: spare < 0
        ? aroundOne(now.spectrogram, { frames, loud, random })
        : random.uniform() < 0.5
        ? now.spectrogram
        : later(now.spectrogram, random.below(spare + 1)),
    };
  }
}

/** So many frames around one of those from the first to the last loud one. */
function aroundOne(
  spectrogram: Spectrogram,
  { frames, loud: [from, to], random }: { frames: number; loud: number[]; random: Random },
): Spectrogram {
  const middle = from! + (to! - from!) * random.uniform();
  const last = spectrogram.length / BANDS - frames;
  const first = Math.max(0, Math.min(last, Math.round(middle - frames / 2)));
  return spectrogram.subarray(first * BANDS, (first + frames) * BANDS);
}

/** With so many frames of silence before it. */
function later(spectrogram: Spectrogram, frames: number): Spectrogram {
  const moved = new Float32Array(spectrogram.length + frames * BANDS).fill(LEAST);
  moved.set(spectrogram, frames * BANDS);
  return moved;
}

/** What has a label comes first. */
function batchOf(drawn: Drawn[], frames: number): LessonBatch {
  drawn.sort((a, b) => Number(a.label < 0) - Number(b.label < 0));
  const inputs = new Float32Array(drawn.length * frames * BANDS).fill(PADDING);
  drawn.forEach(({ spectrogram }, i) => inputs.set(spectrogram, i * frames * BANDS));
  const tokens = drawn.flatMap(({ tokens }) => tokens ?? []);
  return {
    inputs,
    clips: drawn.length,
    frames,
    labels: Int32Array.from(drawn, ({ label }) => label),
    numbers: joined(drawn.map(({ numbers }) => numbers)),
    scores: joined(drawn.map(({ scores }) => scores)),
    tokens: tokens.length === 0 ? undefined : {
      targets: joined(tokens.map(({ targets }) => targets)),
      mask: Int32Array.from(tokens.flatMap(({ mask }) => [...mask])),
    },
  };
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

function isSpeech(origin: Origin): boolean {
  return origin !== "noises" && isSpoken(origin);
}

/** The rows of a matrix, some at a time. */
function rowsOf(values: Float32Array, size: number): { next(rows: number): Float32Array } {
  let at = 0;
  return {
    next: (rows) => values.subarray(at, at += rows * size),
  };
}

function labelOf({ source, label }: { source: SourceName; label?: string }): string {
  return source === "instruments" ? `instrument ${label}` : label!;
}

/** Means and deviations of the numbers of a row. */
interface NumberScale {
  means: Float64Array;
  deviations: Float64Array;
}

/** Rows of `size` numbers to mean 0 and deviation 1. */
function scaleAll(parts: readonly Float32Array[], size: number): void {
  const scale = scaleOf(parts, size);
  for (const numbers of parts) scaled(numbers, scale);
}

function scaleOf(parts: readonly Float32Array[], size: number): NumberScale {
  const [sum, squares] = [new Float64Array(size), new Float64Array(size)];
  const rows = parts.reduce((rows, { length }) => rows + length / size, 0);
  for (const numbers of parts) {
    for (let i = 0; i < numbers.length; i++) {
      sum[i % size]! += numbers[i]!;
      squares[i % size]! += numbers[i]! ** 2;
    }
  }
  const means = sum.map((value) => value / rows);
  const deviations = squares.map((value, i) => Math.sqrt(value / rows - means[i]! ** 2 + 1e-6));
  return { means, deviations };
}

/** Changes the numbers themselves; what lies far out is brought nearer. */
function scaled(numbers: Float32Array, { means, deviations }: NumberScale): Float32Array {
  const size = means.length;
  for (let i = 0; i < numbers.length; i++) {
    const value = (numbers[i]! - means[i % size]!) / deviations[i % size]!;
    numbers[i] = Math.max(-5, Math.min(5, value));
  }
  return numbers;
}
