/**
 * What a decoder of a compressed format gives, and how it becomes one channel.
 *
 * A decoder hands its blocks on one at a time, so a file that would grow beyond the limit is
 * stopped while it is decoded and not afterwards: a few bytes of FLAC may stand for a second.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import {
  type DecodedAudio,
  type DecodeOptions,
  MAX_CHANNELS,
  MAX_SAMPLE_RATE_HZ,
  MIN_SAMPLE_RATE_HZ,
} from "./decoded_audio.ts";

/** Samples of some frames by channel, all of one length; only valid until the next block. */
export type AudioBlock = readonly Float32Array[];

/** A file that is about to be decoded. */
export interface AudioStream {
  sampleRateHz: number;
  channels: number;
  /** Frames at the start that belong to the codec and not to the recording. @default 0 */
  skipFrames?: number;
  /** Frames of the recording, where the file says so: what follows is cut. */
  totalFrames?: number;
  /** Decodes, and tells of what it had to leave out. */
  blocks: (warn: (doubt: string) => void) => Generator<AudioBlock, void, void>;
}

/** Most frames that a file may unfold to, whatever `maxSeconds` says: 1 GiB of samples. */
const MAX_FRAMES = 2 ** 28;

const FIRST_ROOM_FRAMES = 2 ** 15;

/** Decodes a stream to the mean of its channels. */
export function mixStream(stream: AudioStream, options: DecodeOptions): DecodedAudio {
  const { file } = options;
  const { channels, sampleRateHz, totalFrames } = stream;
  requireRange("channels", channels, 1, MAX_CHANNELS, file);
  requireRange("Hz", sampleRateHz, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ, file);
  const mixer = new Mixer(stream, options);
  mixer.run();
  const { samples, warning } = mixer;
  if (samples.length === 0) throw audioError("expected samples, found an empty clip", file);
  const odd = samples.findIndex((sample) => !Number.isFinite(sample));
  if (odd >= 0) {
    throw audioError(`expected finite samples, found NaN or infinity in frame ${odd}`, file);
  }
  const missing = totalFrames === undefined ? 0 : totalFrames - samples.length;
  return {
    samples,
    sampleRateHz,
    channels,
    durationSec: samples.length / sampleRateHz,
    warning: warning ?? (missing > 0 ? truncated(totalFrames!, samples.length) : undefined),
  };
}

/** The warning of a file that ends before it should. */
export function truncated(expected: number | undefined, found: number): string {
  const declared = expected === undefined
    ? "The last block is incomplete"
    : `${expected} frames declared`;
  return `Truncated: ${declared}; read the ${found} that are there`;
}

/** Collects the frames of a stream within its limits. */
class Mixer {
  readonly #stream: AudioStream;
  readonly #options: DecodeOptions;
  readonly #limit: number;
  #room = new Float32Array(FIRST_ROOM_FRAMES);
  #frames = 0;
  /** The first thing that the decoder told. */
  warning?: string;

  constructor(stream: AudioStream, options: DecodeOptions) {
    const { maxSeconds = Infinity } = options;
    this.#stream = stream;
    this.#options = options;
    this.#limit = Math.min(maxSeconds * stream.sampleRateHz, MAX_FRAMES);
    if ((stream.totalFrames ?? 0) > this.#limit) throw this.#tooLong(stream.totalFrames!);
  }

  /** Decodes until the end that the file states, or its last block. */
  run(): void {
    const { skipFrames = 0, totalFrames = Infinity } = this.#stream;
    let toSkip = skipFrames;
    for (const block of this.#stream.blocks((doubt) => this.warning ??= doubt)) {
      const { length } = block[0]!;
      const start = Math.min(toSkip, length);
      toSkip -= start;
      this.#add(block, start, Math.min(length, start + totalFrames - this.#frames));
      if (this.#frames >= totalFrames) return;
    }
  }

  /** What was decoded. */
  get samples(): Float32Array {
    return this.#room.slice(0, this.#frames);
  }

  #add(block: AudioBlock, start: number, end: number): void {
    const frames = this.#frames + end - start;
    if (frames > this.#limit) throw this.#tooLong(frames);
    if (frames > this.#room.length) this.#grow(frames);
    const room = this.#room;
    let at = this.#frames;
    for (let i = start; i < end; i++, at++) {
      let sum = 0;
      for (let channel = 0; channel < block.length; channel++) sum += block[channel]![i]!;
      room[at] = sum / block.length;
    }
    this.#frames = frames;
  }

  #grow(frames: number): void {
    const room = new Float32Array(Math.max(frames, this.#room.length * 2));
    room.set(this.#room.subarray(0, this.#frames));
    this.#room = room;
  }

  #tooLong(frames: number) {
    const { file, maxSeconds = Infinity } = this.#options;
    const seconds = (frames / this.#stream.sampleRateHz).toFixed(1);
    const expected = frames > MAX_FRAMES ? `${MAX_FRAMES} frames` : `${maxSeconds} s`;
    return audioError(`expected at most ${expected}, found ${seconds} s or more`, file);
  }
}

function requireRange(unit: string, found: number, least: number, most: number, file?: string) {
  if (found >= least && found <= most) return;
  throw audioError(`expected ${least} to ${most} ${unit}, found ${found}`, file);
}
