/**
 * Decodes Opus in Ogg to 48 kHz, the rate at which Opus works, whatever the recording's was.
 *
 * What the codec adds at the start (pre-skip) and at the end is cut off, and the header's gain is
 * applied, as RFC 7845 asks.
 *
 * @module
 */

import type { AudioBlock, AudioBlocks, AudioStream } from "./_audio_stream.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import type { OggReader } from "./_ogg.ts";
import { openChain } from "./_ogg_chain.ts";
import { OpusPackets } from "./_opus_decoder.ts";
import { OPUS_RATE_HZ, readOpusHeader } from "./_opus_header.ts";
import { cutBlocks, PageBounds } from "./_page_bounds.ts";

const MAGIC = "OpusHead";

/** Reads the headers of an Ogg Opus file. */
export function* openOggOpus(reader: ByteReader, file?: string): Asking<AudioStream> {
  return yield* openChain({ magic: MAGIC, open: openStream }, reader, file);
}

function* openStream(ogg: OggReader, file?: string): Asking<AudioStream> {
  const first = yield* ogg.nextPacket();
  const header = readOpusHeader(first ?? new Uint8Array(0), file);
  yield* ogg.nextPacket(); // comments
  const decoder = yield* OpusPackets.open(header, file);
  return {
    sampleRateHz: OPUS_RATE_HZ,
    channels: header.channels,
    skipFrames: header.preSkip,
    blocks: (warn) => opusBlocks(ogg, decoder, header.preSkip, warn),
  };
}

function* opusBlocks(
  ogg: OggReader,
  decoder: OpusPackets,
  skipFrames: number,
  warn: (doubt: string) => void,
): AudioBlocks {
  const bounds = new PageBounds({ cutsStart: false, skipFrames, warn });
  for (;;) {
    const page = yield* ogg.nextPage();
    if (page === undefined) break;
    const frames = page.packets.reduce((sum, packet) => sum + decoder.framesOf(packet), 0);
    yield* cutBlocks(decodedPackets(page.packets, decoder), bounds.spanOf(frames, page));
  }
}

/** One packet after the other: a page of a kilobyte may hold half a minute. */
function* decodedPackets(
  packets: readonly Uint8Array[],
  decoder: OpusPackets,
): Generator<AudioBlock, void, unknown> {
  for (const packet of packets) yield* decoder.decode(packet);
}
