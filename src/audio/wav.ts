/**
 * Decodes WAV files, RF64 and BW64 too: PCM of 8, 16, 24 and 32 bits, float of 32 and 64, mu-law and
 * A-law, Microsoft's and IMA's ADPCM, and GSM 6.10; MP3 inside WAV by `decodeAudio`.
 *
 * Mixing happens while reading: a mono decode never holds the channels apart. It does not resample,
 * and it refuses samples that are not finite.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import {
  type AudioBlock,
  type AudioStream,
  decodeWith,
  drained,
  Mixer,
  requireFinite,
} from "./_audio_stream.ts";
import { answer, type Asking, awaited, ByteReader } from "./_byte_reader.ts";
import { sampleStream } from "./_sample_stream.ts";
import { readWavLayout, type WavLayout } from "./_wav_layout.ts";
import type { DecodedAudio, DecodedChannels, DecodeOptions } from "./decoded_audio.ts";

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
  return decodeWith(openWav, bytes, options);
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
  return answer(bytes, decodingChannels(new ByteReader(bytes.length), options));
}

/** Reads the headers of a WAV file. */
export function* openWav(reader: ByteReader, file?: string): Asking<AudioStream> {
  return yield* waveStream(reader, yield* readWavLayout(reader, file), file);
}

/** The stream of the samples that a WAV or W64 file describes. */
export function* waveStream(
  reader: ByteReader,
  layout: WavLayout,
  file?: string,
): Asking<AudioStream> {
  const { codec, dataStart, dataBytes, ...format } = layout;
  if (codec !== "MP3") {
    return sampleStream(reader, { ...format, codec, start: dataStart, declaredBytes: dataBytes });
  }
  const { openMp3 } = yield* awaited(import("./mp3.ts"));
  return yield* openMp3(reader.part(dataStart, dataBytes), file);
}

function* decodingChannels(reader: ByteReader, options: DecodeOptions): Asking<DecodedChannels> {
  const stream = yield* openWav(reader, options.file);
  const { channels, sampleRateHz } = stream;
  const mixer = new Mixer(stream, options);
  const pieces: Float32Array[] = [];
  let numbers = 0;
  yield* drained(mixer.channelBlocks(), (block) => {
    const piece = interleavedOf(block);
    requireFinite(piece, channels, numbers / channels, options.file);
    pieces.push(piece);
    numbers += piece.length;
  });
  if (numbers === 0) throw audioError("expected samples, found an empty clip", options.file);
  const interleaved = new Float32Array(numbers);
  let at = 0;
  for (const piece of pieces) {
    interleaved.set(piece, at);
    at += piece.length;
  }
  const durationSec = numbers / channels / sampleRateHz;
  return { interleaved, channels, sampleRateHz, durationSec, warning: mixer.warning };
}

function interleavedOf(block: AudioBlock): Float32Array {
  const numbers = new Float32Array(block.length * block[0]!.length);
  for (const [channel, samples] of block.entries()) {
    for (let i = 0, at = channel; i < samples.length; i++, at += block.length) {
      numbers[at] = samples[i]!;
    }
  }
  return numbers;
}
