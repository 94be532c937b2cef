/**
 * Decodes Vorbis in Ogg.
 *
 * As libsndfile does, it cuts the sound where the last page says, and at the start where the first
 * page counts fewer frames than its packets hold. Written after the Vorbis I specification so that
 * nothing foreign is needed: the decoders on npm that wrap libvorbis depend on a parser under the LGPL.
 *
 * @module
 */

import { type AudioBlock, type AudioStream, mixStream } from "./_audio_stream.ts";
import { type OggStream, readOgg } from "./_ogg.ts";
import { blockSizeOf, VorbisBlocks } from "./_vorbis_block.ts";
import { readVorbisSetup, type VorbisSetup } from "./_vorbis_setup.ts";
import type { DecodedAudio, DecodeOptions } from "./decoded_audio.ts";

const MAGIC = "\x01vorbis";
const HEADER_PACKETS = 3;

/** Decodes an Ogg Vorbis file to the mean of its channels. */
export function decodeOggVorbis(bytes: Uint8Array, options: DecodeOptions = {}): DecodedAudio {
  return mixStream(openOggVorbis(bytes, options.file), options);
}

/** Reads the headers of an Ogg Vorbis file; its sound comes with `blocks`. */
export function openOggVorbis(bytes: Uint8Array, file?: string): AudioStream {
  const ogg = readOgg(bytes, MAGIC, file);
  const setup = readVorbisSetup(ogg.packets, file);
  const { channels, sampleRateHz } = setup;
  const bounds = boundsOf(ogg, setup);
  return { channels, sampleRateHz, ...bounds, blocks: (warn) => vorbisBlocks(ogg, setup, warn) };
}

/** Where the recording begins and how long it is, by what the pages count. */
function boundsOf(
  { packets, granules, isEnded }: OggStream,
  setup: VorbisSetup,
): Pick<AudioStream, "skipFrames" | "totalFrames"> {
  const counted = [...granules].filter(([packet]) => packet >= HEADER_PACKETS);
  const [first, last] = [counted[0], counted.at(-1)];
  if (first === undefined || last === undefined) return {};
  const isCut = last[0] !== packets.length - 1 || !isEnded;
  const begin = counted.length > 1
    ? first[1] - framesIn(packets.slice(HEADER_PACKETS, first[0] + 1), setup)
    : 0;
  return {
    skipFrames: Math.max(0, -begin),
    totalFrames: isCut ? undefined : Math.max(0, last[1] - Math.max(0, begin)),
  };
}

/** The frames that packets make ready, from the middle of the first to the middle of the last. */
function framesIn(packets: Uint8Array[], setup: VorbisSetup): number {
  let frames = 0;
  let before: number | undefined;
  for (const packet of packets) {
    const size = blockSizeOf(packet, setup);
    if (size === undefined) continue;
    if (before !== undefined) frames += (before + size) / 4;
    before = size;
  }
  return frames;
}

function* vorbisBlocks(
  { packets, warning }: OggStream,
  setup: VorbisSetup,
  warn: (doubt: string) => void,
): Generator<AudioBlock, void, void> {
  if (warning !== undefined) warn(warning);
  const blocks = new VorbisBlocks(setup);
  for (const packet of packets.slice(HEADER_PACKETS)) {
    const ready = packet.length > 0 ? blocks.decode(packet) : undefined;
    if (ready !== undefined) yield ready;
  }
}
