/**
 * From a file to the samples that a model takes, one batch after the other.
 *
 * Decodes when a batch comes up and reads a few batches ahead, so memory holds those batches and a
 * bounded cache, however many clips there are. It neither normalises nor pads: that is the feature
 * extractor's. What it draws at random depends on the seed, the epoch and the clip alone.
 *
 * @module
 */

import { decodeAudio } from "../audio/decode.ts";
import type { DecodedAudio } from "../audio/decoded_audio.ts";
import { resample } from "../audio/resample.ts";
import { AudioFormatError, DatasetError, FileError } from "../errors.ts";
import type { Random } from "../random.ts";
import { ClipCache } from "./_clip_cache.ts";
import { type AudioClip, type AudioDataset, openClip } from "./audio_dataset.ts";
import { wavDurationSec } from "./durations.ts";
import { seededRandom } from "./random.ts";
import type { BatchPlan } from "./sampler.ts";

/** How one clip is loaded. */
export interface LoadClipOptions {
  /** The rate that the model hears, in hertz. */
  samplingRate: number;
  /**
   * Longest clip accepted; a longer one is refused, from its header where that can be. @default 600
   */
  maxSeconds?: number;
  /** Fewest samples at that rate, such as the model's receptive field. @default 1 */
  minSamples?: number;
}

/** Something about a clip that a user should be told. */
export interface ClipNotice {
  /**
   * "silent": its samples are all but zero; "skipped": it cannot be used and is left out; "odd": it
   * was read, with a doubt.
   */
  kind: "silent" | "skipped" | "odd";
  /** The clip's path. */
  file: string;
  /** What is wrong, one sentence that names the file. */
  message: string;
}

/** How the clips of a data set are loaded. */
export interface ClipLoaderOptions extends LoadClipOptions {
  /** Whether a clip that cannot be read is left out instead of ending the run. @default false */
  skipBadFiles?: boolean;
  /** Told of each odd clip once, in whatever epoch it shows. */
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

/** A peak below this is silence: -80 dB of full scale. */
const SILENCE_PEAK = 1e-4;

const DEFAULT_MAX_SECONDS = 600;
const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;

/** Files above this are not read before their header has said how long they are. */
const LARGE_FILE_BYTES = 16 * 2 ** 20;

const MAX_FILE_BYTES = 2 ** 30;

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

async function readClip(
  clip: AudioClip,
  options: LoadClipOptions,
): Promise<Pick<DecodedAudio, "samples" | "warning">> {
  const { samplingRate, maxSeconds = DEFAULT_MAX_SECONDS, minSamples = 1 } = options;
  const { file } = clip;
  const bytes = await readWithin(clip, maxSeconds);
  const { samples, sampleRateHz, warning } = await decodeAudio(bytes, { file, maxSeconds });
  try {
    const resampled = resample(samples, sampleRateHz, samplingRate);
    if (resampled.length < minSamples) throw tooShort(file, resampled.length, options);
    return { samples: resampled, warning };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message =
      `Cannot resample audio "${file}": expected a rate from which ${samplingRate} Hz ` +
      `can be made, found ${sampleRateHz} Hz`;
    throw new AudioFormatError(message, { cause, file });
  }
}

/** The bytes of a file, unless its size or its header says that it is too long. */
async function readWithin(clip: AudioClip, maxSeconds: number): Promise<Uint8Array> {
  using source = await openClip(clip);
  const { file } = clip;
  const { sizeBytes } = source;
  if (sizeBytes > LARGE_FILE_BYTES) {
    const seconds = await wavDurationSec(source) ?? 0;
    if (seconds > maxSeconds) throw tooLong(file, `${maxSeconds} s`, `${seconds.toFixed(1)} s`);
  }
  if (sizeBytes > MAX_FILE_BYTES) throw tooLong(file, `${MAX_FILE_BYTES} bytes`, `${sizeBytes}`);
  return await source.read(0, sizeBytes);
}

function tooLong(file: string, expected: string, found: string): AudioFormatError {
  const message = `Cannot load audio "${file}": expected at most ${expected}, found ${found}`;
  return new AudioFormatError(message, { file, hint: "Cut it into shorter clips" });
}

function tooShort(
  file: string,
  found: number,
  { minSamples, samplingRate }: LoadClipOptions,
): AudioFormatError {
  const message = `Cannot load audio "${file}": expected at least ${minSamples} samples at ` +
    `${samplingRate} Hz, found ${found}`;
  return new AudioFormatError(message, { file });
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
   * @param options the rate that the model hears, and what to do with bad files.
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
    try {
      while (started < plan.length || ahead.length > 0) {
        while (started < plan.length && ahead.length <= prefetch) {
          const position = started++;
          // One after the other, so that the batch that is waited for is the one in work.
          const batch = latest.then(() => this.#load(plan, position, epoch));
          batch.catch(() => {}); // it is thrown when its turn comes
          ahead.push(batch);
          latest = batch;
        }
        const batch = await ahead.shift()!;
        if (batch.clips.length > 0) yield batch;
        else if (this.#skipped.size === this.#dataset.clips.length) throw this.#allSkipped();
      }
    } finally {
      await Promise.allSettled(ahead);
    }
  }

  async #load(plan: BatchPlan, position: number, epoch: number): Promise<ClipBatch> {
    const indices: number[] = [];
    const clips: Float32Array[] = [];
    for (const index of plan[position]!) {
      const samples = await this.#clip(index);
      if (samples === undefined) continue;
      indices.push(index);
      clips.push(this.#transformed(samples, epoch, index));
    }
    const labels = labelsOf(indices.map((index) => this.#dataset.clips[index]!));
    return { position, indices, clips, labels };
  }

  /** The samples of a clip, or undefined where it is skipped. */
  async #clip(index: number): Promise<Float32Array | undefined> {
    if (this.#skipped.has(index)) return undefined;
    const cached = this.#cache.get(index);
    if (cached !== undefined) return cached;
    const clip = this.#dataset.clips[index]!;
    const { file } = clip;
    try {
      const { samples, warning } = await readClip(clip, this.#options);
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

function labelsOf(clips: readonly AudioClip[]): Int32Array | Float32Array {
  if (clips[0]?.targets === undefined) return Int32Array.from(clips, (clip) => clip.label);
  return Float32Array.from(clips.flatMap((clip) => clip.targets ?? []));
}

function isSilent(samples: Float32Array): boolean {
  return samples.every((sample) => Math.abs(sample) < SILENCE_PEAK);
}
