/**
 * Vorbis for the containers that are not Ogg: three header packets in one configuration.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { PacketCodec } from "./_packet_codec.ts";
import { VorbisBlocks } from "./_vorbis_block.ts";
import { readVorbisSetup } from "./_vorbis_setup.ts";

const HEADER_PACKETS = 3;

/** Prepares a decoder from the configuration in Xiph's lacing. */
export function openVorbisPackets(config: Uint8Array, file?: string): PacketCodec {
  const setup = readVorbisSetup(headersOf(config, file), file);
  const blocks = new VorbisBlocks(setup, false);
  return {
    channels: setup.channels,
    sampleRateHz: setup.sampleRateHz,
    decode: (packet) => {
      const ready = packet.length > 0 ? blocks.decode(packet) : undefined;
      return ready === undefined ? [] : [ready];
    },
  };
}

/** The number of packets less one, the sizes of all but the last as sums of bytes, the packets. */
function headersOf(config: Uint8Array, file?: string): Uint8Array[] {
  const sizes: number[] = [];
  let at = 1;
  while (config[0] === HEADER_PACKETS - 1 && sizes.length < HEADER_PACKETS - 1) {
    let size = 0;
    let byte = 255;
    while (byte === 255 && at < config.length) size += byte = config[at++]!;
    sizes.push(size);
  }
  if (sizes.length < HEADER_PACKETS - 1) {
    throw audioError("expected three Vorbis headers in one configuration, found others", file);
  }
  const [first, second] = [at + sizes[0]!, at + sizes[0]! + sizes[1]!];
  return [config.subarray(at, first), config.subarray(first, second), config.subarray(second)];
}
