/**
 * What a decoder gives, and how it becomes one channel.
 *
 * A decoder hands its blocks on one at a time, so a file that would grow beyond the limit is
 * stopped while it is decoded and not afterwards: a few bytes of FLAC may stand for a second.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { answer, type Asking, ByteReader, type Wish } from "./_byte_reader.ts";
import {
  type DecodedAudio,
  type DecodeOptions,
  MAX_CHANNELS,
  MAX_SAMPLE_RATE_HZ,
  MIN_SAMPLE_RATE_HZ,
} from "./decoded_audio.ts";
import type { AudioFormatError } from "../errors.ts";
import { TooLongError } from "./too_long.ts";

/** Samples of some frames by channel, all of one length; only valid until the next block. */
export type AudioBlock = readonly (Float32Array | Float64Array)[];

/** The blocks of a recording, between them what the decoder waits for. */
export type AudioBlocks = Generator<AudioBlock | Wish, void, unknown>;

/** A recording that is about to be decoded. */
export interface AudioStream {
  sampleRateHz: number;
  channels: number;
  /** Frames at the start that belong to the codec and not to the recording. @default 0 */
  skipFrames?: number;
  /** Frames of the recording, where the file says so: what follows is cut. */
  totalFrames?: number;
  /** Frames to expect, for a file that is too long to be refused at once. @default `totalFrames` */
  expectedFrames?: number;
  /** Frames by the size of the file and its first bit rate: no more than a guess. */
  likelyFrames?: number;
  /**
   * Decodes, and calls back with what it had to leave out. Where only the mean of the channels is asked
   * for, a block may hold that alone: a codec that mixes its spectra has one sound to make of them.
   */
  blocks: (warn: (doubt: string) => void, isMeanEnough: boolean) => AudioBlocks;
}

/** Reads a recording's headers. */
export type OpenAudio = (reader: ByteReader, file?: string) => Asking<AudioStream>;

/** Most frames that a file may unfold to, whatever `maxSeconds` says: 1 GiB of samples. */
const MAX_FRAMES = 2 ** 28;

const BYTES_PER_SAMPLE = 4;

/** Frames that room is made for at first, later on, and at once because a header says so. */
const FIRST_ROOM = 2 ** 12;
const LATER_ROOM = 2 ** 20;
const TRUSTED_ROOM = 2 ** 24;

/** Decodes a whole file in memory at once. */
export function decodeWith(
  open: OpenAudio,
  bytes: Uint8Array,
  options: DecodeOptions,
): DecodedAudio {
  return answer(bytes, decoding(open, new ByteReader(bytes.length), options));
}

/** Decodes a recording to the mean of its channels. */
export function* decoding(
  open: OpenAudio,
  reader: ByteReader,
  options: DecodeOptions,
): Asking<DecodedAudio> {
  const stream = yield* open(reader, options.file);
  const { channels, sampleRateHz } = stream;
  const mixer = new Mixer(stream, options, MAX_FRAMES);
  const samples = new Collected(stream.expectedFrames ?? stream.totalFrames ?? 0);
  yield* drained(mixer.blocks(), (block) => samples.add(block));
  const frames = samples.length;
  if (frames === 0) throw audioError("expected samples, found an empty clip", options.file);
  const { warning } = mixer;
  const durationSec = frames / sampleRateHz;
  return { samples: samples.joined(), sampleRateHz, channels, durationSec, warning };
}

/** Samples put together in rooms that are never moved until the end. */
class Collected {
  readonly #full: Float32Array<ArrayBuffer>[] = [];
  #room: Float32Array<ArrayBuffer>;
  #at = 0;
  length = 0;

  constructor(expected: number) {
    this.#room = new Float32Array(Math.min(Math.max(expected, FIRST_ROOM), TRUSTED_ROOM));
  }

  add(block: Float32Array): void {
    this.length += block.length;
    let rest = block;
    while (rest.length > 0) {
      if (rest.length < this.#room.length - this.#at) {
        this.#room.set(rest, this.#at);
        this.#at += rest.length;
        return;
      }
      if (this.#at === this.#room.length) this.#openRoom();
      const part = rest.subarray(0, this.#room.length - this.#at);
      this.#room.set(part, this.#at);
      this.#at += part.length;
      rest = rest.subarray(part.length);
    }
  }

  joined(): Float32Array {
    if (this.#full.length === 0 && this.#at === this.#room.length) return this.#room;
    const samples = new Float32Array(this.length);
    let at = 0;
    for (const room of [...this.#full, this.#room.subarray(0, this.#at)]) {
      samples.set(room, at);
      at += room.length;
    }
    return samples;
  }

  #openRoom(): void {
    this.#full.push(this.#room);
    this.#room = new Float32Array(Math.min(Math.max(this.length, FIRST_ROOM), LATER_ROOM));
    this.#at = 0;
  }
}

/** The warning of a file that ends before it should. */
export function truncated(expected: number | undefined, found: number): string {
  const declared = expected === undefined
    ? "The last block is incomplete"
    : `${expected} frames declared`;
  return `Truncated: ${declared}; read the ${found} that are there`;
}

/** Runs a generator of arrays to its end, passing on what it waits for. */
export function* drained<T extends Float32Array | AudioBlock>(
  blocks: Generator<T | Wish, void, unknown>,
  use: (block: T) => void,
): Asking<void> {
  try {
    let step = blocks.next();
    while (!step.done) {
      if (isWish(step.value)) step = blocks.next(yield step.value);
      else {
        use(step.value);
        step = blocks.next();
      }
    }
  } finally {
    blocks.return();
  }
}

/** Tells what a decoder waits for from what it has decoded. */
export function isWish(step: Float32Array | AudioBlock | Wish): step is Wish {
  return !Array.isArray(step) && !(step instanceof Float32Array);
}

/** Brings the blocks of a stream to one channel, within its limits. */
export class Mixer {
  readonly #stream: AudioStream;
  readonly #options: DecodeOptions;
  readonly #limit: number;
  /** What the bytes that may be decoded allow. */
  readonly #decodedFrames: number;
  #toSkip: number;
  #frames = 0;
  /** For the mean of a block. */
  #room = new Float32Array(0);
  /** The rate and channels of the first block. */
  warning?: string;

  /** Holds what the headers say against the limits. */
  constructor(stream: AudioStream, options: DecodeOptions, mostFrames: number = Infinity) {
    const { maxSeconds = Infinity, file } = options;
    const { channels, sampleRateHz, totalFrames = 0, skipFrames = 0 } = stream;
    const { expectedFrames = totalFrames } = stream;
    requireRange("channels", channels, 1, MAX_CHANNELS, file);
    requireRange("Hz", sampleRateHz, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ, file);
    this.#stream = stream;
    this.#options = options;
    this.#decodedFrames = options.maxDecodedBytes === undefined
      ? Infinity
      : Math.floor(options.maxDecodedBytes / (BYTES_PER_SAMPLE * channels));
    this.#limit = Math.min(maxSeconds * sampleRateHz, mostFrames, this.#decodedFrames);
    this.#toSkip = skipFrames;
    if (expectedFrames > this.#limit) throw this.#tooLong(expectedFrames, "");
  }

  /** The mean of the channels, block by block; each is only valid until the next. */
  *blocks(): Generator<Float32Array | Wish, void, unknown> {
    const blocks = this.#blocks(true);
    try {
      let step = blocks.next();
      while (!step.done) {
        if (isWish(step.value)) step = blocks.next(yield step.value);
        else {
          const samples = this.#meanOf(step.value);
          requireFinite(samples, 1, this.#frames - samples.length, this.#options.file);
          yield samples;
          step = blocks.next();
        }
      }
    } finally {
      blocks.return();
    }
  }

  /** The channels apart. */
  channelBlocks(): AudioBlocks {
    return this.#blocks(false);
  }

  /** What is decoded, until the end that the file states or the last block. */
  *#blocks(isMeanEnough: boolean): AudioBlocks {
    const { totalFrames = Infinity } = this.#stream;
    const blocks = this.#stream.blocks((doubt) => this.warning ??= doubt, isMeanEnough);
    try {
      let step = blocks.next();
      while (!step.done && this.#frames < totalFrames) {
        if (isWish(step.value)) step = blocks.next(yield step.value);
        else {
          const cut = this.#cut(step.value, totalFrames);
          if (cut[0]!.length > 0) yield cut;
          step = blocks.next();
        }
      }
    } finally {
      blocks.return();
    }
    if (totalFrames < Infinity && this.#frames < totalFrames && this.#frames > 0) {
      this.warning ??= truncated(totalFrames, this.#frames);
    }
  }

  #meanOf(block: AudioBlock): Float32Array {
    const first = block[0]!;
    const second = block[1];
    if (second === undefined && first instanceof Float32Array) return first;
    const { length } = first;
    if (this.#room.length < length) this.#room = new Float32Array(length);
    const samples = this.#room.subarray(0, length);
    if (second === undefined) samples.set(first);
    else if (block.length === 2) {
      for (let i = 0; i < length; i++) samples[i] = (first[i]! + second[i]!) / 2;
    } else {
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let channel = 0; channel < block.length; channel++) sum += block[channel]![i]!;
        samples[i] = sum / block.length;
      }
    }
    return samples;
  }

  /** A block without what the codec added, and without what is past the end. */
  #cut(block: AudioBlock, totalFrames: number): AudioBlock {
    const { length } = block[0]!;
    const start = Math.min(this.#toSkip, length);
    this.#toSkip -= start;
    const end = Math.min(length, start + totalFrames - this.#frames);
    const frames = this.#frames + end - start;
    if (frames > this.#limit) throw this.#tooLong(frames, " or more");
    this.#frames = frames;
    if (end - start === length) return block;
    return block.map((samples) => samples.subarray(start, end));
  }

  #tooLong(frames: number, more: string): AudioFormatError {
    const { file, maxSeconds = Infinity, maxDecodedBytes } = this.#options;
    const { channels } = this.#stream;
    if (frames > this.#decodedFrames) {
      const found = `found ${frames * channels * BYTES_PER_SAMPLE}${more}`;
      return audioError(`expected at most ${maxDecodedBytes} bytes decoded, ${found}`, file);
    }
    const seconds = (frames / this.#stream.sampleRateHz).toFixed(1);
    const expected = frames > MAX_FRAMES ? `${MAX_FRAMES} frames` : `${maxSeconds} s`;
    const { message } = audioError(`expected at most ${expected}, found ${seconds} s${more}`, file);
    return new TooLongError(message, { file });
  }
}

/** Refuses samples that are no numbers, naming the frame they are in. */
export function requireFinite(
  samples: Float32Array,
  channels: number,
  framesBefore: number,
  file?: string,
): void {
  if (areFinite(samples)) return;
  for (let i = 0; i < samples.length; i++) {
    if (samples[i]! * 0 === 0) continue;
    const found = `found NaN or infinity in frame ${framesBefore + Math.floor(i / channels)}`;
    throw audioError(`expected finite samples, ${found}`, file);
  }
}

/** Whether all are numbers: zero times infinity is none, as is zero times what is none. */
function areFinite(samples: Float32Array): boolean {
  // Four sums, because each step of one would wait for the step before.
  let a = 0, b = 0, c = 0, d = 0;
  const whole = samples.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a += samples[i]! * 0;
    b += samples[i + 1]! * 0;
    c += samples[i + 2]! * 0;
    d += samples[i + 3]! * 0;
  }
  for (let i = whole; i < samples.length; i++) a += samples[i]! * 0;
  return a + b + c + d === 0;
}

function requireRange(unit: string, found: number, least: number, most: number, file?: string) {
  if (found >= least && found <= most) return;
  throw audioError(`expected ${least} to ${most} ${unit}, found ${found}`, file);
}
