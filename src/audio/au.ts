/**
 * Decodes AU, the files of Sun and NeXT: whole numbers, floats, mu-law and A-law.
 *
 * Follows the manual page `audio(5)` of SunOS.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { AudioStream } from "./_audio_stream.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { pcmCodec, type SampleEncoding } from "./_sample_codec.ts";
import { sampleStream } from "./_sample_stream.ts";
import { MAX_CHANNELS } from "./decoded_audio.ts";

const HEADER_BYTES = 24;

/** The size that a writer to a pipe leaves behind. */
const STREAMED_SIZE = 0xffffffff;

const ENCODINGS: ReadonlyMap<number, { encoding: SampleEncoding; bits: number }> = new Map([
  [1, { encoding: "mulaw", bits: 8 }],
  [2, { encoding: "integer", bits: 8 }],
  [3, { encoding: "integer", bits: 16 }],
  [4, { encoding: "integer", bits: 24 }],
  [5, { encoding: "integer", bits: 32 }],
  [6, { encoding: "float", bits: 32 }],
  [7, { encoding: "float", bits: 64 }],
  [27, { encoding: "alaw", bits: 8 }],
]);

/** Reads the header of an AU file. */
export function* openAu(reader: ByteReader, file?: string): Asking<AudioStream> {
  const head = yield* reader.take(HEADER_BYTES);
  if (head.length < HEADER_BYTES) {
    throw audioError(`expected an AU header, found ${head.length} bytes`, file);
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [start, size, code, sampleRateHz, channels] = [4, 8, 12, 16, 20].map((at) =>
    view.getUint32(at)
  );
  const known = ENCODINGS.get(code!);
  if (known === undefined) {
    throw audioError(`expected AU samples of a known kind, found number ${code}`, file);
  }
  if (channels! < 1 || channels! > MAX_CHANNELS) {
    throw audioError(`expected 1 to ${MAX_CHANNELS} channels, found ${channels}`, file);
  }
  if (start! < HEADER_BYTES) {
    throw audioError(`expected samples behind the AU header, found them at byte ${start}`, file);
  }
  return sampleStream(reader, {
    sampleRateHz: sampleRateHz!,
    channels: channels!,
    codec: pcmCodec({ ...known, channels: channels!, isBigEndian: true }),
    start: start!,
    declaredBytes: size === STREAMED_SIZE ? Infinity : size!,
  });
}
