/**
 * Decodes FLAC, alone or within Ogg, to the very integers that were encoded.
 *
 * Every frame's checksum is held against its bytes. Written after RFC 9639 so that nothing foreign
 * is needed: the decoders on npm that wrap libFLAC depend on a parser under the LGPL.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { type AudioBlock, type AudioStream, mixStream, truncated } from "./_audio_stream.ts";
import { BitReader, OutOfBits } from "./_bit_reader.ts";
import { type FlacInfo, readFlacFrame } from "./_flac_frame.ts";
import { id3Bytes } from "./_id3.ts";
import { readOgg } from "./_ogg.ts";
import type { DecodedAudio, DecodeOptions } from "./decoded_audio.ts";

const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 4;
const STREAM_INFO_BYTES = 34;

/** What stands before the plain FLAC header in the first packet of Ogg. */
const OGG_MAPPING_BYTES = 9;

/** Decodes a FLAC file to the mean of its channels. */
export function decodeFlac(bytes: Uint8Array, options: DecodeOptions = {}): DecodedAudio {
  return mixStream(openFlac(bytes, options.file), options);
}

/** Decodes FLAC in Ogg: its packets, put together, are a FLAC file. */
export function decodeOggFlac(bytes: Uint8Array, options: DecodeOptions = {}): DecodedAudio {
  const { packets, warning } = readOgg(bytes, "\x7fFLAC", options.file);
  const parts = packets.map((data, i) => i === 0 ? data.subarray(OGG_MAPPING_BYTES) : data);
  const flac = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    flac.set(part, at);
    at += part.length;
  }
  const audio = decodeFlac(flac, options);
  return { ...audio, warning: audio.warning ?? warning };
}

/** Reads the headers of a FLAC file; its frames come with `blocks`. */
export function openFlac(bytes: Uint8Array, file?: string): AudioStream {
  const start = id3Bytes(bytes);
  const info = readStreamInfo(bytes, start, file);
  const frames = firstFrame(bytes, start + MAGIC_BYTES, file);
  return { ...info, blocks: (warn) => flacBlocks(bytes, frames, info, warn, file) };
}

/** Reads the first of the blocks before the frames, which describes all of them. */
function readStreamInfo(bytes: Uint8Array, start: number, file?: string): FlacInfo {
  const header = start + MAGIC_BYTES;
  const end = header + BLOCK_HEADER_BYTES + STREAM_INFO_BYTES;
  if (bytes.length < end) {
    throw audioError(`expected a FLAC header, found ${bytes.length} bytes`, file);
  }
  const bits = new BitReader(bytes, header);
  const kind = bits.read(8) & 0x7f;
  const size = bits.read(24);
  if (kind !== 0 || size !== STREAM_INFO_BYTES) {
    throw audioError(`expected block STREAMINFO, found kind ${kind} of ${size} bytes`, file);
  }
  bits.skip(16 + 16 + 24 + 24); // smallest and largest blocks and frames
  const sampleRateHz = bits.read(20);
  const channels = bits.read(3) + 1;
  const bitsPerSample = bits.read(5) + 1;
  const totalFrames = bits.read(4) * 2 ** 32 + bits.read(32);
  if (bitsPerSample < 4) throw audioError(`expected 4 to 32 bits, found ${bitsPerSample}`, file);
  return { sampleRateHz, channels, bitsPerSample, totalFrames: totalFrames || undefined };
}

function firstFrame(bytes: Uint8Array, firstBlock: number, file?: string): number {
  let at = firstBlock;
  for (;;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) {
      throw audioError("expected FLAC frames, found only metadata", file);
    }
    const bits = new BitReader(bytes, at);
    const isLast = bits.read(1) === 1;
    bits.skip(7);
    at += BLOCK_HEADER_BYTES + bits.read(24);
    if (isLast) return at;
  }
}

function* flacBlocks(
  bytes: Uint8Array,
  start: number,
  info: FlacInfo,
  warn: (doubt: string) => void,
  file?: string,
): Generator<AudioBlock, void, void> {
  let at = start;
  let frames = 0;
  while (at < bytes.length) {
    try {
      const { channels, end } = readFlacFrame(bytes, at, info, file);
      yield channels;
      frames += channels[0]!.length;
      at = end;
    } catch (error) {
      if (!(error instanceof OutOfBits)) throw error;
      return warn(truncated(info.totalFrames, frames));
    }
  }
}
