/**
 * Two codes of 4 bits a sample, Microsoft's and IMA's: each sample by its distance from a
 * prediction, in steps that grow and shrink.
 *
 * The arithmetic is libsndfile's, to the bit. (ffmpeg rounds both codes in another way, up to 51 of
 * 32,768 away on noise.) Follows "Multimedia Data Standards Update" (Microsoft, 1994) and "Recommended
 * Practices for Enhancing Digital Audio Compatibility" (IMA, 1992).
 *
 * @module
 */

import type { AudioBlock } from "./_audio_stream.ts";
import type { SampleCodec } from "./_sample_codec.ts";

const PCM16_SCALE = 2 ** 15;

/** Bytes a channel at the start of a block. */
const MS_HEAD_BYTES = 7;
const IMA_HEAD_BYTES = 4;

/** Bytes of one channel before those of the next, in a block of IMA ADPCM. */
const IMA_RUN_BYTES = 4;

const LEAST_MS_STEP = 16;

/** By 4-bit code: what the step is multiplied with, in 256ths. */
const MS_GROWTH = [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];

/** Weights of the two samples before, in 256ths: the seven pairs of every encoder. */
export const MS_WEIGHTS: readonly (readonly [number, number])[] = [
  [256, 0],
  [512, -256],
  [0, 0],
  [192, 64],
  [240, 0],
  [460, -208],
  [392, -232],
];

const IMA_STEPS = [
  [7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73],
  [80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494],
  [544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499],
  [2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442],
  [11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767],
].flat();

/** By the low three bits of a code: how far to go in the table of steps. */
const IMA_MOVES = [-1, -1, -1, -1, 2, 4, 6, 8];

/** Frames in a block of Microsoft's code, fewer than 1 where it holds none. */
export function msBlockFrames(blockBytes: number, channels: number): number {
  return 2 + Math.floor((blockBytes - MS_HEAD_BYTES * channels) * 2 / channels);
}

/** Frames in a block of IMA's code. */
export function imaBlockFrames(blockBytes: number, channels: number): number {
  const runs = Math.floor((blockBytes / channels - IMA_HEAD_BYTES) / IMA_RUN_BYTES);
  return 1 + runs * IMA_RUN_BYTES * 2;
}

/** The codec of Microsoft's ADPCM for one or two channels. */
export function msAdpcmCodec(
  blockBytes: number,
  channels: number,
  weights: readonly (readonly [number, number])[],
  groupFrames: number,
): SampleCodec {
  const decodeBlock = (bytes: Uint8Array, out: Float32Array[], start: number) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const state = out.map((samples, channel) => {
      const int16 = (field: number) =>
        view.getInt16(channels + (field * channels + channel) * 2, true);
      const [step, newer, older] = [int16(0), int16(1), int16(2)];
      samples[start] = older / PCM16_SCALE;
      if (groupFrames > 1) samples[start + 1] = newer / PCM16_SCALE;
      return { step, newer, older, pair: weights[bytes[channel]!] ?? weights[0]! };
    });
    const codes = (groupFrames - 2) * channels;
    for (let i = 0; i < codes; i++) {
      const byte = bytes[MS_HEAD_BYTES * channels + (i >> 1)]!;
      const code = i % 2 === 0 ? byte >> 4 : byte & 15;
      const channel = i % channels;
      const own = state[channel]!;
      const predicted = own.newer * own.pair[0] + own.older * own.pair[1] >> 8;
      const sample = clip16(predicted + (code < 8 ? code : code - 16) * own.step);
      own.step = Math.max(LEAST_MS_STEP, own.step * MS_GROWTH[code]! >> 8);
      own.older = own.newer;
      own.newer = sample;
      out[channel]![start + 2 + Math.floor(i / channels)] = sample / PCM16_SCALE;
    }
  };
  return blockCodec(blockBytes, channels, groupFrames, decodeBlock);
}

/** The codec of IMA's ADPCM as WAV and W64 have it. */
export function imaAdpcmCodec(
  blockBytes: number,
  channels: number,
  groupFrames: number,
): SampleCodec {
  const decodeBlock = (bytes: Uint8Array, out: Float32Array[], start: number) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const [channel, samples] of out.entries()) {
      const head = channel * IMA_HEAD_BYTES;
      const state = new ImaState(view.getInt16(head, true), bytes[head + 2]!);
      samples[start] = state.sample / PCM16_SCALE;
      for (let i = 0; i < groupFrames - 1; i++) {
        const run = Math.floor(i / (2 * IMA_RUN_BYTES)) * channels + channel;
        const within = i % (2 * IMA_RUN_BYTES);
        const byte = bytes[IMA_HEAD_BYTES * channels + run * IMA_RUN_BYTES + (within >> 1)]!;
        const code = within % 2 === 0 ? byte & 15 : byte >> 4;
        samples[start + 1 + i] = state.next(code) / PCM16_SCALE;
      }
    }
  };
  return blockCodec(blockBytes, channels, groupFrames, decodeBlock);
}

/** The codec of IMA's ADPCM as AIFC and CAF have it: packets of 34 bytes a channel. */
export function appleImaCodec(channels: number): SampleCodec {
  const packetBytes = 34;
  const frames = 64;
  const decodeBlock = (bytes: Uint8Array, out: Float32Array[], start: number) => {
    for (const [channel, samples] of out.entries()) {
      const packet = bytes.subarray(channel * packetBytes);
      const head = packet[0]! << 8 | packet[1]!;
      const state = new ImaState(head << 16 >> 16 & ~0x7f, head & 0x7f);
      for (let i = 0; i < frames; i++) {
        const byte = packet[2 + (i >> 1)]!;
        samples[start + i] = state.next(i % 2 === 0 ? byte & 15 : byte >> 4) / PCM16_SCALE;
      }
    }
  };
  return blockCodec(packetBytes * channels, channels, frames, decodeBlock);
}

/** The last sample of a channel of IMA's code, and its place in the table of steps. */
class ImaState {
  sample: number;
  #place: number;

  constructor(sample: number, place: number) {
    this.sample = sample;
    this.#place = Math.min(place, IMA_STEPS.length - 1);
  }

  next(code: number): number {
    const step = IMA_STEPS[this.#place]!;
    let distance = step >> 3;
    if (code & 1) distance += step >> 2;
    if (code & 2) distance += step >> 1;
    if (code & 4) distance += step;
    this.sample = clip16(this.sample + (code & 8 ? -distance : distance));
    const place = this.#place + IMA_MOVES[code & 7]!;
    this.#place = Math.min(Math.max(place, 0), IMA_STEPS.length - 1);
    return this.sample;
  }
}

function blockCodec(
  groupBytes: number,
  channels: number,
  groupFrames: number,
  decodeBlock: (bytes: Uint8Array, out: Float32Array[], start: number) => void,
): SampleCodec {
  const decode = (bytes: Uint8Array): AudioBlock => {
    const blocks = bytes.length / groupBytes;
    const out = Array.from({ length: channels }, () => new Float32Array(blocks * groupFrames));
    for (let i = 0; i < blocks; i++) {
      decodeBlock(bytes.subarray(i * groupBytes, (i + 1) * groupBytes), out, i * groupFrames);
    }
    return out;
  };
  return { groupBytes, groupFrames, decode };
}

function clip16(value: number): number {
  return Math.min(Math.max(value, -32_768), 32_767);
}
