/**
 * Decodes WAV files: PCM of 8, 16, 24 and 32 bits, float of 32 and 64, mu-law and A-law.
 *
 * Integers become `value / 2^(bits - 1)`, as libsndfile and torchaudio have it, so 16-bit -32768 is
 * -1 and 32767 is just below 1. Mixing happens while reading: a mono decode never holds the channels
 * apart. It does not resample, and it refuses samples that are not finite.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { aLawTable, muLawTable } from "./_companding.ts";
import { readWavLayout, type WavLayout } from "./_wav_layout.ts";
import type { AudioInfo, DecodedAudio, DecodedChannels, DecodeOptions } from "./decoded_audio.ts";

type SampleReader = (view: DataView, at: number) => number;

/**
 * Decodes a WAV file to one channel, the mean of its channels.
 *
 * Shape: bytes of `frames` frames -> `samples [frames]`
 *
 * @param bytes the whole file.
 * @param options the file's name for messages, and the longest audio to accept.
 * @returns the samples, their rate in hertz, and a warning where the file is cut short.
 * @throws {AudioFormatError} where the bytes are no WAV file that can be read, hold no frame, hold
 * NaN or infinite samples, or are longer than `maxSeconds`.
 *
 * @example
 * ```ts
 * import { decodeWav, encodeWav } from "@earshot/earshot/audio";
 * import { deepEqual } from "node:assert/strict";
 *
 * const bytes = encodeWav(Float32Array.of(0, 0.5, -1), 16_000);
 * const { samples, sampleRateHz } = decodeWav(bytes, { file: "clip.wav" });
 * deepEqual(samples, Float32Array.of(0, 0.5, -1));
 * deepEqual(sampleRateHz, 16_000);
 * ```
 */
export function decodeWav(bytes: Uint8Array, options: DecodeOptions = {}): DecodedAudio {
  const layout = readWavLayout(bytes, options);
  const { channels, frames } = layout;
  const samples = new Float32Array(frames);
  if (layout.encoding === "pcm" && layout.bitsPerSample === 16) {
    mixPcm16(pcm16Of(bytes, layout), channels, samples);
    return { samples, ...infoOf(layout) };
  }
  const { view, read, sampleBytes } = sampleSource(bytes, layout);
  let at = layout.dataOffset;
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, at += sampleBytes) sum += read(view, at);
    samples[frame] = sum / channels;
    if (!Number.isFinite(samples[frame])) throw notFinite(frame, options.file);
  }
  return { samples, ...infoOf(layout) };
}

/**
 * Decodes a WAV file with its channels apart.
 *
 * Shape: bytes of `frames` frames -> `interleaved [frames, channels]`
 *
 * @param bytes the whole file.
 * @param options the file's name for messages, and the longest audio to accept.
 * @returns the samples, their rate in hertz, and a warning where the file is cut short.
 * @throws {AudioFormatError} for the same reasons as {@linkcode decodeWav}.
 *
 * @example
 * ```ts
 * import { decodeWavChannels, encodeWav } from "@earshot/earshot/audio";
 * import { equal } from "node:assert/strict";
 *
 * const { interleaved, channels } = decodeWavChannels(encodeWav(new Float32Array(80), 8_000));
 * equal(interleaved.length, 80 * channels);
 * ```
 */
export function decodeWavChannels(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): DecodedChannels {
  const layout = readWavLayout(bytes, options);
  const { view, read, sampleBytes } = sampleSource(bytes, layout);
  const interleaved = new Float32Array(layout.frames * layout.channels);
  for (let i = 0; i < interleaved.length; i++) {
    interleaved[i] = read(view, layout.dataOffset + i * sampleBytes);
    if (!Number.isFinite(interleaved[i])) {
      throw notFinite(Math.floor(i / layout.channels), options.file);
    }
  }
  return { interleaved, ...infoOf(layout) };
}

/** The samples of the commonest format, as they lie there or, from an odd byte on, copied. */
function pcm16Of(bytes: Uint8Array, { dataOffset, frames, channels }: WavLayout): Int16Array {
  const count = frames * channels;
  const start = bytes.byteOffset + dataOffset;
  if (start % 2 === 0) return new Int16Array(bytes.buffer, start, count);
  return new Int16Array(bytes.slice(dataOffset, dataOffset + 2 * count).buffer);
}

function mixPcm16(values: Int16Array, channels: number, samples: Float32Array): void {
  if (channels === 1) {
    for (let i = 0; i < samples.length; i++) samples[i] = values[i]! / 2 ** 15;
    return;
  }
  for (let frame = 0, at = 0; frame < samples.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, at++) sum += values[at]!;
    samples[frame] = sum / channels / 2 ** 15;
  }
}

function sampleSource(bytes: Uint8Array, layout: WavLayout) {
  return {
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    read: sampleReader(layout),
    sampleBytes: layout.bitsPerSample / 8,
  };
}

function sampleReader({ encoding, bitsPerSample }: WavLayout): SampleReader {
  if (encoding === "mulaw" || encoding === "alaw") {
    const table = encoding === "mulaw" ? muLawTable() : aLawTable();
    return (view, at) => table[view.getUint8(at)]!;
  }
  if (encoding === "float") {
    return bitsPerSample === 32
      ? (view, at) => view.getFloat32(at, true)
      : (view, at) => view.getFloat64(at, true);
  }
  switch (bitsPerSample) {
    case 8:
      return (view, at) => (view.getUint8(at) - 2 ** 7) / 2 ** 7;
    case 16:
      return (view, at) => view.getInt16(at, true) / 2 ** 15;
    case 24:
      return (view, at) => (view.getUint16(at, true) | view.getInt8(at + 2) << 16) / 2 ** 23;
    default:
      return (view, at) => view.getInt32(at, true) / 2 ** 31;
  }
}

function infoOf({ channels, frames, sampleRateHz, warning }: WavLayout): AudioInfo {
  return { channels, sampleRateHz, durationSec: frames / sampleRateHz, warning };
}

function notFinite(frame: number, file?: string) {
  return audioError(`expected finite samples, found NaN or infinity in frame ${frame}`, file);
}
