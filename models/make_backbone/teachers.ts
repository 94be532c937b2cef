/**
 * What the teachers make of each lesson, and its spectrogram: computed once, in chunks that are kept on disk, by several
 * workers. A chunk that is there is not computed again.
 *
 * @module
 */
import { join } from "node:path";
import { ASTFeatureExtractor } from "../../src/features/mod.ts";
import { directoryFiles, writeFileAtomic } from "../../src/files.ts";
import { encodeSafetensors } from "../../src/weights/safetensors_writer.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import { type Lesson, MAX_SAMPLES, render } from "./rendering.ts";
import { isSpoken } from "./sources.ts";
import {
  SPEECH_EMBEDDING_SIZE,
  SPEECH_HOP,
  SPEECH_WINDOW,
  SpeechEmbedding,
} from "./speech_embedding.ts";
import { Yamnet, type YamnetOutput } from "./yamnet.ts";

/** Bands of the spectrogram. */
export const BANDS = 40;
/** Places of a clip, evenly over what is loud in it, at which the speech embedding is taken. */
export const SPEECH_PLACES = 5;
/** Numbers of the speech embedding. */
export const SPEECH_NUMBERS = SPEECH_PLACES * SPEECH_EMBEDDING_SIZE;
/** Numbers of YAMNet. */
export const YAMNET_CLASSES = 521;
export const YAMNET_SIZE = 1024;

/** Samples from one frame of the spectrogram to the next, and of each. */
export const FRAME_HOP = 160;
export const FRAME_WINDOW = 400;
/** Changes with what a chunk holds, so that older ones are not taken for it. */
export const CHUNK_FORMAT = 2;
const LESSONS_A_CHUNK = 64;
/** What is quieter than the loudest frame by more is no part of a clip, in nepers of energy: 30 dB. */
const QUIET = 3 * Math.LN10;

/** Files of the teachers; YAMNet may be left out. */
export interface TeacherFiles {
  /** `yamnet.tflite` */
  yamnet?: string;
  /** The folder of `melspectrogram.tflite` and `embedding_model.tflite`. */
  speechEmbedding: string;
}

/** Lessons with what was made of them. */
export interface TaughtChunk {
  /** Logarithms of the energies of all frames, one after the other. Shape: `[frames of all, BANDS]` */
  energies: Float32Array;
  /** Frames of each. */
  frames: Int32Array;
  /** The first frame of each that is loud, and the one after the last. Shape: `[n, 2]` */
  loud: Int32Array;
  /** Windows of the speech embedding in each; 0 where it is not spoken. */
  windows: Int32Array;
  /** Of those that are spoken, all windows one after the other. Shape: `[windows of all, 96]` */
  speech: Float32Array;
  /** Of all others; empty without YAMNet. Shape: `[others, 521]`, `[others, 1024]` */
  scores: Float32Array;
  embedding: Float32Array;
}

const extractor = new ASTFeatureExtractor({
  numMelBins: BANDS,
  maxLength: Math.floor((MAX_SAMPLES - FRAME_WINDOW) / FRAME_HOP) + 1,
  doNormalize: false,
});

/** Logarithms of a clip's energies. Shape: -> `[frames, BANDS]` */
export function logEnergies(samples: Float32Array): Float32Array {
  const { inputValues } = extractor.extract([samples], { padding: "longest" });
  return inputValues;
}

/** The frames between the first and the last loud one. */
export function loudFrames(energies: Float32Array): [first: number, end: number] {
  const frames = energies.length / BANDS;
  const levels = Array.from({ length: frames }, (_, frame) => {
    let sum = 0;
    for (let band = 0; band < BANDS; band++) sum += Math.exp(energies[frame * BANDS + band]!);
    return Math.log(sum + 1e-10);
  });
  const least = Math.max(...levels) - QUIET;
  return [
    levels.findIndex((level) => level >= least),
    levels.findLastIndex((level) => level >= least) + 1,
  ];
}

/** What is made of one clip. */
interface Taught extends Partial<YamnetOutput> {
  energies: Float32Array;
  loud: [first: number, end: number];
  speech?: Float32Array;
}

/** The teachers, ready to be asked. */
export class Teachers {
  readonly #yamnet?: Yamnet;
  readonly #speech: SpeechEmbedding;

  private constructor(yamnet: Yamnet | undefined, speech: SpeechEmbedding) {
    this.#yamnet = yamnet;
    this.#speech = speech;
  }

  static async open({ yamnet, speechEmbedding }: TeacherFiles): Promise<Teachers> {
    const [spectrogram, network] = await Promise.all(
      ["melspectrogram", "embedding_model"].map((name) =>
        Deno.readFile(join(speechEmbedding, `${name}.tflite`))
      ),
    );
    const classes = yamnet === undefined
      ? undefined
      : new Yamnet(await Deno.readFile(yamnet), yamnet);
    return new Teachers(classes, new SpeechEmbedding(spectrogram!, network!));
  }

  /** What is taught of a clip: by the speech embedding where it is spoken, else by YAMNet. */
  teach(samples: Float32Array, { isSpoken }: { isSpoken: boolean }): Taught {
    const clip = samples.length < FRAME_WINDOW ? padded(samples, FRAME_WINDOW) : samples;
    const energies = logEnergies(clip);
    const loud = loudFrames(energies);
    if (isSpoken) return { energies, loud, speech: this.windows(clip) };
    return { energies, loud, ...this.#yamnet?.output(clip) };
  }

  /** The speech embedding every 80 ms, each window around its time, from the first sample on. Shape: -> `[windows, 96]` */
  windows(samples: Float32Array): Float32Array {
    const around = new Float32Array(samples.length + SPEECH_WINDOW + SPEECH_HOP);
    around.set(samples, SPEECH_WINDOW / 2);
    const count = Math.ceil(samples.length / SPEECH_HOP) + 1;
    return this.#speech.windows(around).subarray(0, count * SPEECH_EMBEDDING_SIZE);
  }

  /** The speech embedding over what is loud. Shape: -> `[SPEECH_PLACES * 96]` */
  speech(samples: Float32Array, [first, end]: readonly [number, number]): Float32Array {
    const half = SPEECH_WINDOW / 2;
    const from = Math.max(0, first * FRAME_HOP);
    const to = Math.min(samples.length, end * FRAME_HOP + FRAME_WINDOW);
    const around = new Float32Array(to - from + SPEECH_WINDOW + SPEECH_HOP);
    // What is around a place belongs to its window, as far as there is any.
    const begin = Math.max(0, from - half);
    around.set(samples.subarray(begin, Math.min(samples.length, to + half)), half - (from - begin));
    const windows = this.#speech.windows(around);
    const taken = new Float32Array(SPEECH_NUMBERS);
    for (let place = 0; place < SPEECH_PLACES; place++) {
      const sample = (to - from) * (place + 0.5) / SPEECH_PLACES;
      const at = Math.round(sample / SPEECH_HOP) * SPEECH_EMBEDDING_SIZE;
      taken.set(
        windows.subarray(at, at + SPEECH_EMBEDDING_SIZE),
        place * SPEECH_EMBEDDING_SIZE,
      );
    }
    return taken;
  }
}

function padded(samples: Float32Array, length: number): Float32Array {
  const longer = new Float32Array(length);
  longer.set(samples);
  return longer;
}

/** Lessons in chunks. */
export function chunksOf(lessons: readonly Lesson[]): Lesson[][] {
  return Array.from(
    { length: Math.ceil(lessons.length / LESSONS_A_CHUNK) },
    (_, i) => lessons.slice(i * LESSONS_A_CHUNK, (i + 1) * LESSONS_A_CHUNK),
  );
}

/** The file of a chunk. */
export function chunkFile(cache: string, chunk: number): string {
  return join(cache, `lessons-${String(chunk).padStart(4, "0")}.safetensors`);
}

/** Computes a chunk and keeps it. */
export async function teachChunk(
  teachers: Teachers,
  lessons: readonly Lesson[],
  file: string,
): Promise<void> {
  const taught: Taught[] = [];
  for (const lesson of lessons) {
    taught.push(teachers.teach(await render(lesson), { isSpoken: isSpoken(lesson.clip?.source) }));
  }
  const tensor = (name: string, parts: (Float32Array | undefined)[], size: number) => {
    const values = joined(parts.filter((part) => part !== undefined));
    return { name, dtype: "F32" as const, shape: [values.length / size, size], values };
  };
  const frames = Int32Array.from(taught, ({ energies }) => energies.length / BANDS);
  const loud = Int32Array.from(taught.flatMap(({ loud }) => loud));
  const windows = Int32Array.from(
    taught,
    ({ speech }) => (speech?.length ?? 0) / SPEECH_EMBEDDING_SIZE,
  );
  const bytes = encodeSafetensors([
    { name: "frames", dtype: "I32", shape: [frames.length], values: frames },
    { name: "loud", dtype: "I32", shape: [frames.length, 2], values: loud },
    tensor("energies", taught.map(({ energies }) => energies), BANDS),
    { name: "windows", dtype: "I32", shape: [frames.length], values: windows },
    tensor("speech", taught.map(({ speech }) => speech), SPEECH_EMBEDDING_SIZE),
    tensor("scores", taught.map(({ scores }) => scores), YAMNET_CLASSES),
    tensor("embedding", taught.map(({ embedding }) => embedding), YAMNET_SIZE),
  ], {});
  await writeFileAtomic(file, [bytes]);
}

/** One after the other. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Reads a chunk back. */
export async function readChunk(cache: string, chunk: number): Promise<TaughtChunk> {
  const file = chunkFile(cache, chunk);
  const name = file.slice(cache.length + 1);
  const source = await openSafetensors((await directoryFiles(cache).open(name))!);
  try {
    const floats = async (key: string) => await source.read(key) as Float32Array;
    const integers = async (key: string) => Int32Array.from(await source.read(key));
    return {
      energies: await floats("energies"),
      frames: await integers("frames"),
      loud: await integers("loud"),
      windows: await integers("windows"),
      speech: await floats("speech"),
      scores: await floats("scores"),
      embedding: await floats("embedding"),
    };
  } finally {
    source.close();
  }
}
