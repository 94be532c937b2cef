/**
 * Whatever sound comes from, as blocks of samples at the rate that a model wants.
 *
 * A file is read in parts and a stream as it comes, so that neither is ever in memory whole.
 *
 * @module
 */
import { openAudio, type OpenedAudio, type ReadableBytes, Resampler } from "../audio/mod.ts";
import { MAX_FILE_BYTES } from "../audio/recording.ts";
import { AudioFormatError } from "../errors.ts";
import {
  type AudioInput,
  type BareSamples,
  checkedSamples,
  expectFiniteSamples,
  fetchResponse,
  filePath,
  isWebAddress,
  type OpenFile,
  realSamples,
  shortName,
  statedSamples,
  unknownInput,
} from "./_audio_input.ts";

/**
 * Sound of any length: a path, a URL, bytes or samples as for a clip; a file of which parts can be read; or a stream of
 * bytes or samples as they come, which need the option `samplingRate`.
 */
export type SoundSource =
  | AudioInput
  | ReadableBytes
  | ReadableStream<Uint8Array>
  | ReadableStream<BareSamples>
  | AsyncIterable<Uint8Array>
  | AsyncIterable<BareSamples>;

/** What sound is brought to, and how a path is read. */
export interface SoundRules {
  /** The rate to bring it to. */
  rateHz: number;
  /** Hertz of samples that come alone. */
  samplingRate?: number;
  /** Most bytes of samples of all channels of a file. @default any */
  maxDecodedBytes?: number;
  /** What messages call it. */
  file?: string;
  /** Ends the waiting for a stream. */
  signal?: AbortSignal;
  /** Opens a file of the disk, where there is one. */
  openFile?: OpenFile;
  /** The bytes of a file of the disk, where it cannot be opened. */
  readFile?: (path: string, maxBytes: number) => Promise<Uint8Array>;
}

/** Sound that is about to be heard. */
export interface Sound {
  /** What messages call it. */
  file?: string;
  /** Whether it may come no faster than it is played. */
  isLive: boolean;
  /** The samples, to be taken once. Leaving the loop closes the source. */
  blocks: AsyncIterable<Float32Array>;
  /** What is odd about it, as far as it has been heard. */
  warning(): string | undefined;
}

/** Opens sound; what is wrong with it may also be thrown by its blocks. */
export async function openSound(source: SoundSource, rules: SoundRules): Promise<Sound> {
  const named = typeof source === "string" || source instanceof URL;
  const file = rules.file ?? (named ? shortName(source) : undefined);
  const ruled = { ...rules, file };
  if (named) return await openPlace(String(source), ruled);
  if (source instanceof ArrayBuffer) return await decoded(new Uint8Array(source), ruled, false);
  if (source instanceof Uint8Array) return await decoded(source, ruled, false);
  if (source instanceof Blob) return await decoded(readableBlob(source), ruled, false);
  const given = statedSamples(source, rules);
  if (given) {
    const { samples, sampleRateHz } = checkedSamples(given, file);
    const blocks = resampled(once(samples), sampleRateHz, ruled);
    return { file, isLive: false, blocks, warning: () => undefined };
  }
  if (typeof source !== "object" || source === null) throw unknownInput(source);
  if ("read" in source && "sizeBytes" in source) return await decoded(source, ruled, false);
  if (Symbol.asyncIterator in source) return await openStream(source, ruled);
  throw unknownInput(source);
}

async function openPlace(place: string, rules: SoundRules): Promise<Sound> {
  if (isWebAddress(place)) {
    const { body } = await fetchResponse(place, rules.signal);
    return await openStream(body ?? new Blob().stream(), rules);
  }
  if (rules.openFile) {
    const opened = await rules.openFile(filePath(place));
    return await decoded(opened, rules, false, () => opened.close?.());
  }
  if (rules.readFile) {
    return await decoded(await rules.readFile(filePath(place), MAX_FILE_BYTES), rules, false);
  }
  throw new TypeError(
    `Cannot read "${place}": expected bytes, samples or a web address, found a path`,
  );
}

/** Whether a stream has bytes or samples shows when the first of them comes. */
async function openStream(
  source: AsyncIterable<Uint8Array | BareSamples>,
  rules: SoundRules,
): Promise<Sound> {
  const pieces = endable(source, rules.signal);
  let first = await pieces.next();
  while (!first.done && first.value.length === 0) first = await pieces.next();
  if (first.done) throw emptySound(rules.file);
  const { value } = first;
  const all = rejoined(value, pieces);
  try {
    if (value instanceof Uint8Array) {
      return await decoded(all as AsyncIterable<Uint8Array>, rules, true);
    }
    const { samples, sampleRateHz } = checkedSamples({
      channels: value as BareSamples,
      rateHz: rules.samplingRate,
    }, rules.file);
    if (samples.length === 0) throw emptySound(rules.file);
    const blocks = resampled(realPieces(all as AsyncIterable<BareSamples>), sampleRateHz, rules);
    return { file: rules.file, isLive: true, blocks, warning: () => undefined };
  } catch (error) {
    await all.return();
    throw error;
  }
}

async function decoded(
  source: Uint8Array | ReadableBytes | AsyncIterable<Uint8Array>,
  { rateHz, file, maxDecodedBytes }: SoundRules,
  isLive: boolean,
  close: () => void = () => {},
): Promise<Sound> {
  let opened: OpenedAudio;
  try {
    opened = await openAudio(source, { samplingRate: rateHz, file, maxDecodedBytes });
  } catch (error) {
    close();
    if (!(error instanceof RangeError)) throw error;
    // The one thing wrong with a number here is a rate that came out of the file.
    const message = `Cannot detect in ${named(file)}: ${error.message}`;
    throw new AudioFormatError(message, { file, cause: error });
  }
  return { file, isLive, blocks: closing(opened.blocks(), close), warning: () => opened.warning };
}

async function* closing(
  blocks: AsyncIterable<Float32Array>,
  close: () => void,
): AsyncGenerator<Float32Array, void, void> {
  try {
    yield* blocks;
  } finally {
    close();
  }
}

function readableBlob(blob: Blob): ReadableBytes {
  return {
    sizeBytes: blob.size,
    read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  };
}

async function* resampled(
  blocks: AsyncIterable<Float32Array>,
  fromHz: number,
  { rateHz, file }: SoundRules,
): AsyncGenerator<Float32Array, void, void> {
  const resampler = new Resampler(fromHz, rateHz);
  let before = 0;
  for await (const block of blocks) {
    expectFiniteSamples(block, file, before);
    before += block.length;
    const ready = resampler.push(block);
    if (ready.length > 0) yield ready;
  }
  const rest = resampler.finish();
  if (rest.length > 0) yield rest;
}

async function* once(samples: Float32Array): AsyncGenerator<Float32Array, void, void> {
  yield await Promise.resolve(samples);
}

async function* realPieces(
  pieces: AsyncIterable<BareSamples>,
): AsyncGenerator<Float32Array, void, void> {
  for await (const piece of pieces) yield realSamples(piece);
}

async function* rejoined<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T, void, void> {
  try {
    yield first;
    for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value;
  } finally {
    await rest.return?.();
  }
}

/** A stream whose next piece need not be waited for once the signal says so. */
function endable<T>(source: AsyncIterable<T>, signal?: AbortSignal): AsyncIterator<T> {
  const pieces = source[Symbol.asyncIterator]();
  if (signal === undefined) return pieces;
  let isWaiting = false;
  const next = () => {
    signal.throwIfAborted();
    isWaiting = true;
    // A listener for each piece, since what hangs on one promise would stay until that one is settled.
    return new Promise<IteratorResult<T>>((resolve, reject) => {
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      pieces.next().then(resolve, reject).finally(() => {
        isWaiting = false;
        signal.removeEventListener("abort", stop);
      });
    });
  };
  return {
    next,
    async return() {
      const ending = pieces.return?.();
      // A generator ends when it has given the piece that was asked for, which may never be.
      if (isWaiting) ending?.catch(() => {});
      else await ending;
      return { done: true, value: undefined };
    },
  };
}

/** Sound without a sample. */
export function emptySound(file?: string): AudioFormatError {
  const message = `Cannot detect in ${named(file)}: expected samples, found an empty recording`;
  return new AudioFormatError(message, { file });
}

function named(file?: string): string {
  return file === undefined ? "the recording" : `"${file}"`;
}
