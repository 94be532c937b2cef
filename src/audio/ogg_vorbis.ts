/**
 * Decodes Vorbis in Ogg.
 *
 * As libsndfile does, it cuts the sound where the last page says, and at the start where the first
 * page counts fewer frames than its packets hold. Written after the Vorbis I specification so that
 * nothing foreign is needed: the decoders on npm that wrap libvorbis depend on a parser under the LGPL.
 *
 * @module
 */

import type { AudioBlock, AudioBlocks, AudioStream } from "./_audio_stream.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import type { OggReader } from "./_ogg.ts";
import { openChain } from "./_ogg_chain.ts";
import { PageBounds } from "./_page_bounds.ts";
import { VorbisBlocks } from "./_vorbis_block.ts";
import { readVorbisSetup } from "./_vorbis_setup.ts";

const MAGIC = "\x01vorbis";
const HEADER_PACKETS = 3;

/** Reads the headers of an Ogg Vorbis file. */
export function* openOggVorbis(reader: ByteReader, file?: string): Asking<AudioStream> {
  return yield* openChain({ magic: MAGIC, open: openStream }, reader, file);
}

function* openStream(ogg: OggReader, file?: string): Asking<AudioStream> {
  const headers: Uint8Array[] = [];
  while (headers.length < HEADER_PACKETS) {
    const packet = yield* ogg.nextPacket();
    if (packet === undefined) break;
    headers.push(packet.slice());
  }
  const setup = readVorbisSetup(headers, file);
  const { channels, sampleRateHz } = setup;
  const blocks: AudioStream["blocks"] = (warn, isMeanEnough) =>
    vorbisBlocks(ogg, new VorbisBlocks(setup, isMeanEnough), warn);
  return { channels, sampleRateHz, blocks };
}

function* vorbisBlocks(
  ogg: OggReader,
  blocks: VorbisBlocks,
  warn: (doubt: string) => void,
): AudioBlocks {
  const bounds = new PageBounds({ cutsStart: true, skipFrames: 0, warn });
  for (;;) {
    const page = yield* ogg.nextPage();
    if (page === undefined) break;
    const ready: AudioBlock[] = [];
    for (const packet of page.packets) {
      const block = packet.length > 0 ? blocks.decode(packet) : undefined;
      if (block !== undefined) ready.push(block);
    }
    yield* bounds.cut(ready, page);
  }
}
