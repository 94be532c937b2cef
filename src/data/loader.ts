/**
 * From a file to the samples that a model takes, one batch after the other.
 *
 * Decodes when a batch comes up and reads a few batches ahead, so memory holds those batches and a
 * bounded cache, however many clips there are. Many clips are decoded by a worker, beside the
 * device's work. It neither normalises nor pads: that is the feature extractor's. What it draws at
 * random depends on the seed, the epoch and the clip alone.
 *
 * @module
 */

import { AudioFormatError, DatasetError, FileError } from "../errors.ts";
import type { Random } from "../random.ts";
import { ClipCache } from "./_clip_cache.ts";
import { type LoadClipOptions, type ReadClip, readClip } from "./_clip_reader.ts";
import { ReadingThread } from "./_reading_thread.ts";
import { isSilent } from "./_silence.ts";
import type { AudioClip, AudioDataset } from "./audio_dataset.ts";
import { seededRandom } from "./random.ts";
import type { BatchPlan } from "./sampler.ts";

export { MAX_CLIP_SECONDS, MAX_LONG_SECONDS } from "../audio/recording.ts";

export type { LoadClipOptions };

/** Something about a clip that a user should know. */
export interface ClipNotice {
  /**
   * "silent": its samples are all but zero; "skipped": it cannot be used and is left out; "odd": it
   * was read, with a doubt; "long": it is evaluated in windows.
   */
  kind: "silent" | "skipped" | "odd" | "long";
  /** The clip's path. */
  file: string;
  /** What is wrong, one sentence that names the file. */
  message: string;
}

/** How the clips of a data set are loaded. */
export interface ClipLoaderOptions extends LoadClipOptions {
  /** Whether a clip that cannot be read is left out instead of ending the run. @default false */
  skipBadFiles?: boolean;
  /** Called once for each odd clip, in the epoch in which it shows. */
  onNotice?: (notice: ClipNotice) => void;
  /** Batches that are loaded ahead of the one in use. @default 2 */
  prefetch?: number;
  /** Memory for samples that later epochs find decoded; 0 for none. @default 268435456 (256 MiB) */
  cacheBytes?: number;
  /**
   * Changes a clip for training, such as by adding noise. Gets samples of its own, which it may
   * change.
   */
  transform?: (samples: Float32Array, random: Random) => Float32Array;
  /** Whether clips are decoded in a thread of their own. @default true for some hundred clips */
  worker?: boolean;
  /** Seed of the numbers that `transform` gets. @default 42 */
  seed?: number;
}

/** The clips of one batch, without those that were skipped. */
export interface ClipBatch {
  /** The batch's place in the plan. */
  position: number;
  /** Clip numbers in the data set. */
  indices: number[];
  /** Samples by clip; they may be the cache's own, so they are only to be read. */
  clips: Float32Array[];
  /** Class numbers `[B]`, or the clips' targets `[B, N]`. */
  labels: Int32Array | Float32Array;
}

const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;

/** A plan with fewer clips to decode than this is done before a worker would have started. */
const MIN_WORKER_CLIPS = 200;

/**
 * Reads, decodes and resamples one clip.
 *
 * Shape: file of `S` samples a channel -> `[ceil(S * samplingRate / rate of the file)]`
 *
 * @param file the path of an audio file.
 * @param options the rate wanted, and the longest clip accepted.
 * @returns the mean of the file's channels at that rate.
 * @throws {FileError} where it cannot be read.
 * @throws {AudioFormatError} where it holds no audio that can be used, or more than `maxSeconds`.
 *
 * @example
 * ```ts
 * import { encodeWav } from "../audio/encode_wav.ts";
 * import { equal } from "node:assert/strict";
 *
 * const file = await Deno.makeTempFile();
 * await Deno.writeFile(file, encodeWav(new Float32Array(4_000), 8_000));
 * equal((await loadClip(file, { samplingRate: 16_000 })).length, 8_000);
 * ```
 */
export async function loadClip(file: string, options: LoadClipOptions): Promise<Float32Array> {
  return (await readClip({ file, label: 0 }, options)).samples;
}

/**
 * Loads the clips of one data set, in epoch after epoch.
 *
 * It remembers across epochs which files it had to skip, which it spoke of, and as many decoded
 * clips as fit in its cache.
 *
 * @example
 * ```ts
 * import { encodeWav } from "../audio/encode_wav.ts";
 * import { deepEqual } from "node:assert/strict";
 *
 * const file = await Deno.makeTempFile();
 * await Deno.writeFile(file, encodeWav(new Float32Array(4_000), 8_000));
 * const dataset = { split: "train", labels: ["no", "yes"], clips: [{ file, label: 1 }] };
 * const loader = new ClipLoader(dataset, { samplingRate: 8_000 });
 * for await (const { clips, labels } of loader.batches([[0]])) {
 *   deepEqual([clips[0]!.length, labels[0]], [4_000, 1]);
 * }
 * ```
 */
export class ClipLoader {
  readonly #dataset: AudioDataset;
  readonly #options: ClipLoaderOptions;
  readonly #cache: ClipCache;
  readonly #skipped = new Map<number, ClipNotice>();
  readonly #noticed = new Set<number>();

  /**
   * A loader that has read nothing yet.
   *
   * @param dataset the clips.
   * @param options the rate of the model's input, and what to do with bad files.
   */
  constructor(dataset: AudioDataset, options: ClipLoaderOptions) {
    this.#dataset = dataset;
    this.#options = options;
    this.#cache = new ClipCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES);
  }

  /** What was skipped so far, in the order in which it was found. */
  get skipped(): ClipNotice[] {
    return [...this.#skipped.values()];
  }

  /**
   * The batches of a plan in its order; one of which every clip was skipped is left out.
   *
   * @param plan clip numbers by batch.
   * @param epoch the epoch, part of what the random numbers of `transform` depend on.
   * @returns the batches, each loaded shortly before it is due.
   * @throws {FileError | AudioFormatError} for a clip that cannot be used, unless bad files are
   * skipped.
   * @throws {DatasetError} where every clip of the data set was skipped.
   */
  async *batches(plan: BatchPlan, epoch = 0): AsyncGenerator<ClipBatch, void, void> {
    const ahead: Promise<ClipBatch>[] = [];
    const { prefetch = 2 } = this.#options;
    let latest: Promise<ClipBatch | void> = Promise.resolve();
    let started = 0;
    const thread = this.#startThread(plan);
    try {
      while (started < plan.length || ahead.length > 0) {
        while (started < plan.length && ahead.length <= prefetch) {
          const position = started++;
          // One after the other, so that the batch that is waited for is the one in work.
          const batch = latest.then(() => this.#load(plan[position]!, position, epoch, thread));
          batch.catch(ignoreUntilAwaited);
          ahead.push(batch);
          latest = batch;
        }
        const batch = await ahead.shift()!;
        if (batch.clips.length > 0) yield batch;
        else if (this.#skipped.size === this.#dataset.clips.length) throw this.#allSkipped();
      }
    } finally {
      await Promise.allSettled(ahead);
      thread?.[Symbol.dispose]();
    }
  }

  /** A worker where there is enough to do for one, and the engine has them. */
  #startThread(plan: BatchPlan): ReadingThread | undefined {
    if (typeof Worker === "undefined") return undefined;
    const { worker } = this.#options;
    const isNeeded = worker ?? this.#hasToRead(plan, MIN_WORKER_CLIPS);
    return isNeeded ? new ReadingThread(this.#options) : undefined;
  }

  #hasToRead(plan: BatchPlan, count: number): boolean {
    return plan.some((batch) =>
      batch.some((index) => !this.#skipped.has(index) && !this.#cache.get(index) && --count <= 0)
    );
  }

  async #load(
    batch: readonly number[],
    position: number,
    epoch: number,
    thread?: ReadingThread,
  ): Promise<ClipBatch> {
    const indices: number[] = [];
    const clips: Float32Array[] = [];
    // The first batch is decoded here, while the thread starts; the others are asked for at once.
    const asked = position > 0 && thread ? this.#ask(batch, thread) : undefined;
    for (const index of batch) {
      const samples = await this.#clip(index, asked?.get(index));
      if (samples === undefined) continue;
      indices.push(index);
      clips.push(this.#transformed(samples, epoch, index));
    }
    const labels = labelsOf(indices.map((index) => this.#dataset.clips[index]!));
    return { position, indices, clips, labels };
  }

  /** Has the clips of a batch read that are not in memory. */
  #ask(batch: readonly number[], thread: ReadingThread): Map<number, Promise<ReadClip>> {
    const needed = batch.filter((index) => !this.#skipped.has(index) && !this.#cache.get(index));
    return new Map(needed.map((index) => {
      const reading = thread.read(this.#dataset.clips[index]!);
      reading.catch(ignoreUntilAwaited);
      return [index, reading];
    }));
  }

  /** The samples of a clip, or undefined where it is skipped. */
  async #clip(index: number, asked?: Promise<ReadClip>): Promise<Float32Array | undefined> {
    if (this.#skipped.has(index)) return undefined;
    const cached = this.#cache.get(index);
    if (cached !== undefined) return cached;
    const clip = this.#dataset.clips[index]!;
    const { file } = clip;
    try {
      const { samples, warning } = await (asked ?? readClip(clip, this.#options));
      this.#cache.add(index, samples);
      if (warning !== undefined) {
        this.#notice(index, { kind: "odd", file, message: `Odd audio "${file}": ${warning}` });
      } else if (isSilent(samples)) {
        this.#notice(index, { kind: "silent", file, message: `Clip "${file}" is silent` });
      }
      return samples;
    } catch (error) {
      const isBadFile = error instanceof AudioFormatError || error instanceof FileError;
      if (!isBadFile || !this.#options.skipBadFiles) throw error;
      const notice: ClipNotice = { kind: "skipped", file, message: error.message };
      this.#skipped.set(index, notice);
      this.#notice(index, notice);
      return undefined;
    }
  }

  #transformed(samples: Float32Array, epoch: number, index: number): Float32Array {
    const { transform, seed = 42 } = this.#options;
    return transform ? transform(samples.slice(), seededRandom(seed, epoch, index)) : samples;
  }

  #notice(index: number, notice: ClipNotice): void {
    if (this.#noticed.has(index)) return;
    this.#noticed.add(index);
    this.#options.onNotice?.(notice);
  }

  #allSkipped(): DatasetError {
    const { split } = this.#dataset;
    const [first] = this.#skipped.values();
    const message = `Cannot use data set "${split}": expected clips that can be read, found none`;
    return new DatasetError(message, { file: first?.file, hint: first?.message });
  }
}

/** What is read ahead may fail before it is awaited; the error is thrown where it is. */
function ignoreUntilAwaited(): void {}

function labelsOf(clips: readonly AudioClip[]): Int32Array | Float32Array {
  if (clips[0]?.targets === undefined) return Int32Array.from(clips, (clip) => clip.label);
  return Float32Array.from(clips.flatMap((clip) => clip.targets ?? []));
}
