/**
 * The channels of a file apart, which only tests want of a compressed one.
 *
 * @module
 */

import { drained, Mixer, type OpenAudio } from "../../src/audio/_audio_stream.ts";
import { answer, ByteReader } from "../../src/audio/_byte_reader.ts";

/** The samples by channel, without what the codec added. */
export function channelsOf(open: OpenAudio, bytes: Uint8Array): number[][] {
  return answer(
    bytes,
    (function* () {
      const stream = yield* open(new ByteReader(bytes.length));
      const channels: number[][] = Array.from({ length: stream.channels }, () => []);
      yield* drained(new Mixer(stream, {}).channelBlocks(), (block) => {
        for (const [channel, samples] of block.entries()) {
          for (const sample of samples) channels[channel]!.push(sample);
        }
      });
      return channels;
    })(),
  );
}
