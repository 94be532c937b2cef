/**
 * Decodes a recording of any length block by block, in memory that does not grow with it.
 *
 * The samples are those of `decodeAudio`, whichever way the bytes come: at once, in pieces of any size, or
 * live. Of a stream whose description stands behind the sound (MP4 that was not written for streaming,
 * CAF with packets) all is held until it has come, up to a limit.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { isWish, Mixer } from "./_audio_stream.ts";
import { answered, answerFrom, ByteReader, type ByteSupply, supplyOf } from "./_byte_reader.ts";
import { type ClosableSupply, fileSupply, StreamSupply } from "./_supplies.ts";
import { openerOf } from "./decode.ts";
import type { DecodeOptions } from "./decoded_audio.ts";
import type { ReadableBytes } from "./duration.ts";
import { Resampler } from "./resample.ts";
import { sniff } from "./sniff.ts";

/** Bytes of a file: all of them, parts on request, or pieces as they come. */
export type AudioSource =
  | Uint8Array
  | ReadableBytes
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>;

/** How a recording is to be decoded. */
export interface OpenAudioOptions extends DecodeOptions {
  /** The rate to bring it to, in hertz. @default the recording's own */
  samplingRate?: number;
  /** Bytes of a stream that are kept until it is known where its description stands. @default 256 MiB */
  maxHeldBytes?: number;
}

/** A recording that is being decoded. */
export interface OpenedAudio {
  /** Samples a second of what `blocks` gives. */
  readonly sampleRateHz: number;
  /** Channels in the file, before any mixing. */
  readonly channels: number;
  /** The length that the headers state, in seconds. */
  readonly statedSec?: number;
  /** What is odd about the recording, as far as it has been decoded. */
  readonly warning?: string;
  /** The samples, the mean of the channels, to be taken once. Leaving the loop closes the source. */
  blocks(): AsyncGenerator<Float32Array, void, void>;
}

/** What most formats need to be recognised, and where MP3 behind junk is looked for. */
const HEAD_BYTES = 512;
const LONG_HEAD_BYTES = 2 ** 16;

/** A phone's recording of hours; a stream that is played while it comes has its description in front. */
const MAX_HELD_BYTES = 2 ** 28;

/**
 * Reads the headers of a recording, to decode it block by block.
 *
 * @param source the file's bytes, however they come.
 * @param options the file's name for messages, the longest audio to accept, and the rate wanted.
 * @returns the recording's rate and channels, and its blocks.
 * @throws {AudioFormatError} where the format is not supported, then named, or the headers are broken; what is
 * broken behind them is thrown by `blocks`.
 * @throws {RangeError} where the rate wanted cannot be made.
 *
 * @example
 * ```ts
 * import { encodeWav, openAudio } from "@earshot/earshot/audio";
 * import { equal } from "node:assert/strict";
 *
 * const wav = encodeWav(new Float32Array(4_000), 8_000);
 * const live = new Blob([wav.slice()]).stream();
 * const audio = await openAudio(live, { samplingRate: 16_000 });
 * let samples = 0;
 * for await (const block of audio.blocks()) samples += block.length;
 * equal(samples, 8_000);
 * ```
 */
export async function openAudio(
  source: AudioSource,
  options: OpenAudioOptions = {},
): Promise<OpenedAudio> {
  const supply = supplyFor(source, options);
  try {
    const open = await openerOf(await headOf(supply), options.file);
    const stream = await answerFrom(supply, open(new ByteReader(supply.sizeBytes), options.file));
    supply.opened?.();
    const mixer = new Mixer(stream, options);
    const { samplingRate = stream.sampleRateHz } = options;
    const resampler = new Resampler(stream.sampleRateHz, samplingRate);
    const { totalFrames, expectedFrames = totalFrames } = stream;
    return {
      sampleRateHz: samplingRate,
      channels: stream.channels,
      statedSec: expectedFrames && expectedFrames / stream.sampleRateHz,
      get warning() {
        return mixer.warning;
      },
      blocks: () => decodedBlocks(supply, mixer, resampler, options.file),
    };
  } catch (error) {
    await supply.close();
    throw error;
  }
}

function supplyFor(source: AudioSource, options: OpenAudioOptions): ClosableSupply {
  if (source instanceof Uint8Array) {
    const sizeBytes = source.length;
    return { ...supplyOf(source), sizeBytes, close: () => Promise.resolve() };
  }
  if ("read" in source) return fileSupply(source);
  const { file, maxHeldBytes = MAX_HELD_BYTES } = options;
  return new StreamSupply(source, { file, maxHeldBytes });
}

/** The first bytes: as few as tell the format, so that live sound does not have to wait. */
async function headOf(supply: ByteSupply): Promise<Uint8Array> {
  const short = await supply.bytesOf({ start: 0, least: HEAD_BYTES, most: LONG_HEAD_BYTES });
  const isKnown = short.length < HEAD_BYTES || sniff(short) !== undefined;
  if (isKnown) return short;
  return await supply.bytesOf({ start: 0, least: LONG_HEAD_BYTES, most: LONG_HEAD_BYTES });
}

async function* decodedBlocks(
  supply: ClosableSupply,
  mixer: Mixer,
  resampler: Resampler,
  file?: string,
): AsyncGenerator<Float32Array, void, void> {
  const blocks = mixer.blocks();
  let isEmpty = true;
  try {
    let step = blocks.next();
    while (!step.done) {
      if (isWish(step.value)) {
        step = await answered(supply, blocks, step.value);
        continue;
      }
      isEmpty = false;
      const ready = resampler.push(step.value);
      // What is not resampled lies where the next block will.
      if (ready.length > 0) yield ready === step.value ? ready.slice() : ready;
      step = blocks.next();
    }
    if (isEmpty) throw audioError("expected samples, found an empty clip", file);
    const rest = resampler.finish();
    if (rest.length > 0) yield rest;
  } finally {
    blocks.return();
    await supply.close();
  }
}
