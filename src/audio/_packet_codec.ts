/**
 * The codecs whose sound comes in packets, for the containers that carry any of them.
 *
 * A container says which codec it holds and hands over its packets; the codec is loaded when a file
 * has it. What the codec's own configuration says of rate and channels goes before the container's word.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { AudioBlock, AudioBlocks, AudioStream } from "./_audio_stream.ts";
import { type Asking, awaited, type Wish } from "./_byte_reader.ts";

/** The codecs there are. */
export type CodecName = "AAC" | "ALAC" | "FLAC" | "MP3" | "Opus" | "Vorbis";

/** What a container says of its codec. */
export interface CodecSetup {
  /** The codec's configuration, in the codec's own form. */
  config: Uint8Array;
  channels: number;
  sampleRateHz: number;
}

/** A decoder of packets, in their order. */
export interface PacketCodec {
  channels: number;
  sampleRateHz: number;
  /** Frames at the start that belong to the codec, where its configuration says so. */
  skipFrames?: number;
  /** What a reader of the file should know. */
  warning?: string;
  /** The blocks that a packet makes ready, valid until the next packet. */
  decode(packet: Uint8Array): readonly AudioBlock[];
}

/** A packet with where it stands in time. */
export interface TimedPacket {
  bytes: Uint8Array;
  /** Frames of the decoded packet to leave out at its end. */
  discardEnd?: number;
}

/** The bytes of a packet, or those with more about them. */
export type Packet = Uint8Array | TimedPacket;

/** Loads a codec and prepares it. */
export function* openPacketCodec(
  name: CodecName,
  setup: CodecSetup,
  file?: string,
): Asking<PacketCodec> {
  switch (name) {
    case "ALAC": {
      const { openAlac } = yield* awaited(import("./_alac.ts"));
      return openAlac(setup, file);
    }
    case "AAC": {
      const { openAac } = yield* awaited(import("./_aac.ts"));
      return openAac(setup.config, file);
    }
    case "Opus": {
      const { openOpusPackets } = yield* awaited(import("./_opus_packets.ts"));
      return yield* openOpusPackets(setup, file);
    }
    case "Vorbis": {
      const { openVorbisPackets } = yield* awaited(import("./_vorbis_packets.ts"));
      return openVorbisPackets(setup.config, file);
    }
    case "FLAC": {
      const { openFlacPackets } = yield* awaited(import("./flac.ts"));
      return openFlacPackets(setup.config, file);
    }
    case "MP3": {
      const { openMp3Packets } = yield* awaited(import("./mp3.ts"));
      return openMp3Packets(setup);
    }
    default:
      throw audioError(`expected a known codec, found ${name}`, file);
  }
}

/**
 * The stream of what a codec makes of packets.
 *
 * @param codec the decoder.
 * @param packets what the container holds.
 * @param endFrames decoded frames after which no further packet is decoded; the packet in which the
 * end lies is decoded whole, as ffmpeg has it.
 */
export function packetStream(
  codec: PacketCodec,
  packets: (warn: (doubt: string) => void) => Generator<Packet | Wish, void, unknown>,
  endFrames: number = Infinity,
): AudioStream {
  const { channels, sampleRateHz, skipFrames } = codec;
  return {
    channels,
    sampleRateHz,
    skipFrames,
    blocks: (warn) => packetBlocks(codec, packets(warn), endFrames, warn),
  };
}

function* packetBlocks(
  codec: PacketCodec,
  packets: Generator<Packet | Wish, void, unknown>,
  endFrames: number,
  warn: (doubt: string) => void,
): AudioBlocks {
  let frames = 0;
  let step = packets.next();
  while (!step.done && frames < endFrames) {
    const packet = step.value;
    if (!isPacket(packet)) {
      step = packets.next(yield packet);
      continue;
    }
    const { bytes, discardEnd = 0 } = packet instanceof Uint8Array ? { bytes: packet } : packet;
    for (const block of withoutEnd(codec.decode(bytes), discardEnd)) {
      frames += block[0]!.length;
      yield block;
    }
    if (codec.warning !== undefined) warn(codec.warning);
    step = packets.next();
  }
}

function isPacket(step: Packet | Wish): step is Packet {
  return step instanceof Uint8Array || "bytes" in step;
}

function withoutEnd(blocks: readonly AudioBlock[], frames: number): readonly AudioBlock[] {
  if (frames <= 0) return blocks;
  const total = blocks.reduce((sum, block) => sum + block[0]!.length, 0);
  let left = Math.max(0, total - frames);
  return blocks.flatMap((block) => {
    const kept = Math.min(left, block[0]!.length);
    left -= kept;
    return kept > 0 ? [block.map((samples) => samples.subarray(0, kept))] : [];
  });
}
