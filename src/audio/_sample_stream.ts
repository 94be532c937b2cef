/**
 * A run of samples or blocks of samples inside a file, as a stream.
 *
 * What a header claims is believed as far as there are bytes: the rest is a warning.
 *
 * @module
 */

import type { AudioBlocks, AudioStream } from "./_audio_stream.ts";
import type { ByteReader } from "./_byte_reader.ts";
import type { SampleCodec } from "./_sample_codec.ts";

/** Where the samples lie and how they are written. */
export interface SampleLayout {
  sampleRateHz: number;
  channels: number;
  codec: SampleCodec;
  /** The first sample's place in the file. */
  start: number;
  /** Bytes that the header claims; infinite where they run to the end of the file. */
  declaredBytes: number;
  /** Frames of the recording, where a header knows better than the bytes. */
  totalFrames?: number;
}

/** Bytes that are decoded at once. */
const PIECE_BYTES = 2 ** 16;

/** What writers of blocks of an odd size count as part of the samples. */
const PADDING_BYTES = 1;

/** The stream of samples that lie in a file. */
export function sampleStream(reader: ByteReader, layout: SampleLayout): AudioStream {
  const { sampleRateHz, channels, codec, start, declaredBytes, totalFrames } = layout;
  const room = reader.sizeBytes === undefined ? Infinity : Math.max(0, reader.sizeBytes - start);
  const groups = Math.floor(Math.min(declaredBytes, room) / codec.groupBytes);
  const present = Math.min(totalFrames ?? Infinity, groups * codec.groupFrames);
  return {
    sampleRateHz,
    channels,
    totalFrames,
    expectedFrames: present === Infinity ? undefined : present,
    blocks: (warn) => sampleBlocks(reader, layout, warn),
  };
}

function* sampleBlocks(
  reader: ByteReader,
  { codec, start, declaredBytes }: SampleLayout,
  warn: (doubt: string) => void,
): AudioBlocks {
  const { groupBytes, groupFrames } = codec;
  const pieceBytes = Math.ceil(PIECE_BYTES / groupBytes) * groupBytes;
  let done = 0;
  reader.seek(start);
  for (;;) {
    const some = yield* reader.takeGroups(groupBytes, Math.min(pieceBytes, declaredBytes - done));
    if (some.length === 0) break;
    done += some.length;
    yield codec.decode(some);
  }
  const rest = (yield* reader.peek(Math.min(groupBytes, declaredBytes - done))).length;
  const seen = `read the ${done / groupBytes * groupFrames} whole frames that are there`;
  if (declaredBytes < Infinity && done + rest < declaredBytes) {
    const found = `${declaredBytes} bytes of samples declared, ${done + rest} found`;
    warn(`Truncated: ${found}; ${seen}`);
  } else if (rest > (groupFrames > 1 ? PADDING_BYTES : 0)) {
    warn(`The last ${groupFrames === 1 ? "frame" : "block"} is incomplete; ${seen}`);
  }
}
