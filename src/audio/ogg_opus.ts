/**
 * Decodes Opus in Ogg to 48 kHz, the rate at which Opus works, whatever the recording's was.
 *
 * What the codec adds at the start (pre-skip) and at the end is cut off, and the header's gain is
 * applied, as RFC 7845 asks. The packets are decoded by libopus (BSD-3-Clause) as WebAssembly, in
 * the package `opus-decoder` (MIT), which is loaded with the first such file. Each file gets a decoder of
 * its own, so what a broken one leaves behind dies with it.
 *
 * @module
 */

import { OpusDecoder } from "opus-decoder";
import { audioError } from "./_audio_error.ts";
import { type AudioBlock, type AudioStream, mixStream } from "./_audio_stream.ts";
import { type OggStream, readOgg } from "./_ogg.ts";
import { opusPacketFrames } from "./_opus_packet.ts";
import type { DecodedAudio, DecodeOptions } from "./decoded_audio.ts";

const MAGIC = "OpusHead";
const HEADER_BYTES = 19;
const SAMPLE_RATE_HZ = 48_000;

/** What stands before the sound: the header and the comments. */
const HEADER_PACKETS = 2;

/** Most bytes of a packet for each channel; the decoder has room for no more. */
const MAX_CHANNEL_BYTES = 3_840;

/** The most channels that are mixed from one file; Opus has layouts up to 255. */
const MAX_OPUS_CHANNELS = 8;

interface OpusHeader {
  channels: number;
  preSkip: number;
  /** What every sample is multiplied with. */
  gain: number;
  streamCount: number;
  coupledStreamCount: number;
  channelMappingTable: number[];
}

/** Decodes an Ogg Opus file to the mean of its channels. */
export async function decodeOggOpus(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedAudio> {
  const { file } = options;
  const ogg = readOgg(bytes, MAGIC, file);
  const header = readHeader(ogg.packets[0]!, file);
  const { channels, streamCount, coupledStreamCount, channelMappingTable } = header;
  const frames = packetFrames(ogg, channels, file);
  const decoder = new OpusDecoder({
    channels,
    streamCount,
    coupledStreamCount,
    channelMappingTable,
  });
  await decoder.ready;
  const stream: AudioStream = {
    sampleRateHz: SAMPLE_RATE_HZ,
    channels,
    skipFrames: header.preSkip,
    totalFrames: totalFrames(ogg, frames, header.preSkip),
    blocks: (warn) => opusBlocks(decoder, ogg, header.gain, warn, file),
  };
  try {
    return mixStream(stream, options);
  } finally {
    decoder.free();
  }
}

function readHeader(packet: Uint8Array, file?: string): OpusHeader {
  if (packet.length < HEADER_BYTES) {
    throw audioError(`expected an Opus header, found ${packet.length} bytes`, file);
  }
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const version = view.getUint8(8);
  if (version >> 4 !== 0) throw audioError(`expected Opus version 1, found ${version}`, file);
  const channels = view.getUint8(9);
  if (channels < 1 || channels > MAX_OPUS_CHANNELS) {
    throw audioError(`expected 1 to ${MAX_OPUS_CHANNELS} channels, found ${channels}`, file);
  }
  const preSkip = view.getUint16(10, true);
  const gain = 10 ** (view.getInt16(16, true) / 256 / 20);
  return { channels, preSkip, gain, ...readMapping(view, channels, file) };
}

/** Which coded streams make which channels. */
function readMapping(view: DataView, channels: number, file?: string) {
  if (view.getUint8(18) === 0) {
    if (channels > 2) throw audioError(`expected 1 or 2 channels, found ${channels}`, file);
    const channelMappingTable = channels === 1 ? [0] : [0, 1];
    return { streamCount: 1, coupledStreamCount: channels - 1, channelMappingTable };
  }
  if (view.byteLength < HEADER_BYTES + 2 + channels) {
    throw audioError("expected a table of Opus channels, found the header's end", file);
  }
  const streamCount = view.getUint8(19);
  const coupledStreamCount = view.getUint8(20);
  const channelMappingTable = Array.from(
    { length: channels },
    (_, i) => view.getUint8(HEADER_BYTES + 2 + i),
  );
  const coded = streamCount + coupledStreamCount;
  const isSound = streamCount > 0 && coupledStreamCount <= streamCount && coded <= 255 &&
    channelMappingTable.every((place) => place < coded || place === 255);
  if (!isSound) throw audioError("expected Opus channels that exist, found others", file);
  return { streamCount, coupledStreamCount, channelMappingTable };
}

/** The frames of every packet of sound; several streams in one packet are equally long. */
function packetFrames({ packets }: OggStream, channels: number, file?: string): number[] {
  return packets.slice(HEADER_PACKETS).map((packet, i) => {
    const isSingle = channels <= 2;
    const frames = isSingle ? opusPacketFrames(packet) : firstStreamFrames(packet);
    if (frames !== undefined && packet.length <= MAX_CHANNEL_BYTES * channels) return frames;
    throw audioError(`expected a sound Opus packet, found packet ${i} broken`, file);
  });
}

/** Several streams delimit themselves, which changes all but the first byte or two. */
function firstStreamFrames(packet: Uint8Array): number | undefined {
  const code = packet.length === 0 ? 0 : packet[0]! & 3;
  const alone = code === 3 ? packet[1]! & 63 : code === 0 ? 1 : 2;
  const single = opusPacketFrames(Uint8Array.of(packet[0] ?? 3));
  return single === undefined ? undefined : single * alone;
}

/** The frames between the first one and the place that the last page states. */
function totalFrames(
  { granules, packets, isEnded }: OggStream,
  frames: number[],
  preSkip: number,
): number | undefined {
  const places = [...granules].filter(([packet]) => packet >= HEADER_PACKETS);
  if (!isEnded || places.length === 0) return undefined;
  const [lastPacket, end] = places.at(-1)!;
  if (lastPacket !== packets.length - 1) return undefined;
  const [firstPacket, firstEnd] = places[0]!;
  const before = frames.slice(0, firstPacket + 1 - HEADER_PACKETS).reduce((a, b) => a + b, 0);
  // A stream that was cut out of a longer one begins later than at 0.
  const begin = places.length > 1 ? Math.max(0, firstEnd - before) : 0;
  return Math.max(0, end - begin - preSkip);
}

function* opusBlocks(
  decoder: OpusDecoder,
  { packets, warning }: OggStream,
  gain: number,
  warn: (doubt: string) => void,
  file?: string,
): Generator<AudioBlock, void, void> {
  if (warning !== undefined) warn(warning);
  for (const packet of packets.slice(HEADER_PACKETS)) {
    const { channelData, errors } = decoder.decodeFrame(packet);
    if (errors.length > 0) throw audioError("expected a sound Opus packet, found another", file);
    if (gain !== 1) {
      for (const samples of channelData) {
        for (let i = 0; i < samples.length; i++) samples[i]! *= gain;
      }
    }
    yield channelData;
  }
}
