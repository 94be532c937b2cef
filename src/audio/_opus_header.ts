/**
 * The header of an Opus recording, in Ogg, Matroska and MP4 alike.
 *
 * Follows RFC 7845, section 5.1.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { OpusLayout } from "./_opus_decoder.ts";

/** What the header says. */
export interface OpusHeader extends OpusLayout {
  /** Frames at the start that belong to the codec. */
  preSkip: number;
}

/** The rate at which Opus works. */
export const OPUS_RATE_HZ = 48_000;

const HEADER_BYTES = 19;

/** The most channels that are mixed from one file; Opus has layouts up to 255. */
const MAX_OPUS_CHANNELS = 8;

/** Reads the packet that begins with `OpusHead`. */
export function readOpusHeader(packet: Uint8Array, file?: string): OpusHeader {
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
