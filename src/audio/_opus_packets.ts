/**
 * Opus for the containers that are not Ogg.
 *
 * @module
 */

import type { Asking } from "./_byte_reader.ts";
import { OpusPackets } from "./_opus_decoder.ts";
import { OPUS_RATE_HZ, readOpusHeader } from "./_opus_header.ts";
import type { CodecSetup, PacketCodec } from "./_packet_codec.ts";

/** Starts a decoder; without a header, for one or two channels without anything to skip. */
export function* openOpusPackets(
  { config, channels }: CodecSetup,
  file?: string,
): Asking<PacketCodec> {
  const header = readOpusHeader(config.length > 0 ? config : plainHeader(channels), file);
  const decoder = yield* OpusPackets.open(header, file);
  return {
    channels: header.channels,
    sampleRateHz: OPUS_RATE_HZ,
    skipFrames: header.preSkip,
    decode: (packet) => packet.length === 0 ? [] : decoder.decode(packet),
  };
}

function plainHeader(channels: number): Uint8Array {
  const header = new Uint8Array(19);
  header.set(new TextEncoder().encode("OpusHead"));
  header.set([1, channels], 8);
  return header;
}
