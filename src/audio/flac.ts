/**
 * Decodes FLAC, alone or within Ogg, to the very integers that were encoded.
 *
 * Every frame's checksum is held against its bytes. Written after RFC 9639 so that nothing foreign
 * is needed: the decoders on npm that wrap libFLAC depend on a parser under the LGPL.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import { type AudioBlocks, type AudioStream, truncated } from "./_audio_stream.ts";
import { BitReader, OutOfBits } from "./_bit_reader.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { type FlacInfo, readFlacFrame } from "./_flac_frame.ts";
import { id3Bytes } from "./_id3.ts";
import type { OggReader } from "./_ogg.ts";
import { openChain } from "./_ogg_chain.ts";
import type { PacketCodec } from "./_packet_codec.ts";

/** Enough for the header of an ID3 tag. */
const ID3_HEAD_BYTES = 10;
const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 4;
const STREAM_INFO_BYTES = 34;

/** What is waited for at least when a frame goes on. */
const FIRST_FRAME_BYTES = 2 ** 8;

/** What stands before the plain FLAC header in the first packet of Ogg. */
const OGG_MAPPING_BYTES = 9;

/** Reads the headers of a FLAC file. */
export function* openFlac(reader: ByteReader, file?: string): Asking<AudioStream> {
  reader.skip(id3Bytes(yield* reader.peek(ID3_HEAD_BYTES)));
  reader.skip(MAGIC_BYTES);
  const info = yield* readStreamInfo(reader, file);
  const blocks: AudioStream["blocks"] = (warn, isMeanEnough) =>
    flacBlocks(reader, info, warn, isMeanEnough, file);
  return { ...info, blocks };
}

/** Reads the headers of FLAC in Ogg. */
export function* openOggFlac(reader: ByteReader, file?: string): Asking<AudioStream> {
  return yield* openChain({ magic: "\x7fFLAC", open: openOggStream }, reader, file);
}

/** Reads the headers of one stream in Ogg: its packets, put together, are a FLAC file. */
function* openOggStream(ogg: OggReader, file?: string): Asking<AudioStream> {
  const packet = yield* ogg.nextPacket();
  const first = (packet ?? new Uint8Array(0)).subarray(OGG_MAPPING_BYTES + MAGIC_BYTES);
  const info = streamInfoOf(first, file);
  for (let isLast = isLastBlock(first); !isLast;) {
    const block = yield* ogg.nextPacket();
    if (block === undefined) throw audioError("expected FLAC frames, found only metadata", file);
    isLast = isLastBlock(block);
  }
  const { sampleRateHz, channels, totalFrames } = info;
  // What the header counts is this stream's, and not that of those behind it.
  return {
    sampleRateHz,
    channels,
    expectedFrames: totalFrames,
    blocks: (warn) => oggFlacBlocks(ogg, info, warn, file),
  };
}

/** FLAC for containers whose packets are its frames; the configuration is the file's head. */
export function openFlacPackets(config: Uint8Array, file?: string): PacketCodec {
  const hasMagic = String.fromCharCode(...config.subarray(0, MAGIC_BYTES)) === "fLaC";
  const info = streamInfoOf(hasMagic ? config.subarray(MAGIC_BYTES) : config, file);
  const decode = (packet: Uint8Array) => {
    try {
      return [readFlacFrame(packet, 0, info, file).channels];
    } catch (error) {
      if (!(error instanceof OutOfBits)) throw error;
      throw audioError("expected a whole FLAC frame, found a part of one", file);
    }
  };
  return { ...info, decode };
}

/** Reads the blocks before the frames; the first of them describes all frames. */
function* readStreamInfo(reader: ByteReader, file?: string): Asking<FlacInfo> {
  const first = yield* reader.take(BLOCK_HEADER_BYTES + STREAM_INFO_BYTES);
  const info = streamInfoOf(first, file);
  for (let isLast = isLastBlock(first); !isLast;) {
    const header = yield* reader.take(BLOCK_HEADER_BYTES);
    const { sizeBytes = Infinity } = reader;
    if (header.length < BLOCK_HEADER_BYTES || reader.position > sizeBytes) {
      throw audioError("expected FLAC frames, found only metadata", file);
    }
    isLast = isLastBlock(header);
    reader.skip(header[1]! << 16 | header[2]! << 8 | header[3]!);
  }
  return info;
}

function isLastBlock(block: Uint8Array): boolean {
  return block.length === 0 || block[0]! >> 7 === 1;
}

function streamInfoOf(block: Uint8Array, file?: string): FlacInfo {
  if (block.length < BLOCK_HEADER_BYTES + STREAM_INFO_BYTES) {
    throw audioError(`expected a FLAC header, found ${block.length} bytes`, file);
  }
  const bits = new BitReader(block);
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

function* flacBlocks(
  reader: ByteReader,
  info: FlacInfo,
  warn: (doubt: string) => void,
  isMeanEnough: boolean,
  file?: string,
): AudioBlocks {
  let frames = 0;
  let least = 1;
  for (;;) {
    const bytes = yield* reader.peekAll(least);
    if (bytes.length === 0) return;
    try {
      const { channels, end } = readFlacFrame(bytes, 0, info, file, isMeanEnough);
      frames += channels[0]!.length;
      reader.skip(end);
      least = 1;
      yield channels;
    } catch (error) {
      if (!(error instanceof OutOfBits)) throw error;
      // The frame goes on behind what has come, or the file is cut.
      if (bytes.length < least) return warn(truncated(info.totalFrames, frames));
      least = Math.max(FIRST_FRAME_BYTES, 2 * bytes.length);
    }
  }
}

function* oggFlacBlocks(
  ogg: OggReader,
  info: FlacInfo,
  warn: (doubt: string) => void,
  file?: string,
): AudioBlocks {
  const { totalFrames = Infinity } = info;
  let frames = 0;
  for (;;) {
    const packet = yield* ogg.nextPacket();
    if (packet === undefined) break;
    if (packet.length === 0) continue;
    try {
      const { channels } = readFlacFrame(packet, 0, info, file);
      const { length } = channels[0]!;
      const kept = Math.min(length, totalFrames - frames);
      frames += kept;
      if (kept === length) yield channels;
      else if (kept > 0) yield channels.map((samples) => samples.subarray(0, kept));
    } catch (error) {
      if (!(error instanceof OutOfBits)) throw error;
      return warn(truncated(info.totalFrames, frames));
    }
  }
  if (ogg.warning !== undefined && !ogg.isFollowed) warn(ogg.warning);
  else if (info.totalFrames !== undefined && frames < totalFrames) {
    warn(truncated(totalFrames, frames));
  }
}
