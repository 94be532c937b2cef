/**
 * Sound that comes in pieces of bytes, as blocks of samples: any format that is decoded, and bare samples.
 *
 * @module
 */
import { openAudio, type OpenedAudio } from "../src/audio/mod.ts";

/** How bare samples are written. */
export type Encoding = "s16" | "f32";

/** What bare samples are, which no header says. */
export interface RawSound {
  rateHz: number;
  encoding: Encoding;
  channels: number;
}

/** Bytes a sample, and the number that the format has in a WAV file. */
const ENCODINGS: Readonly<Record<Encoding, { sampleBytes: number; formatTag: number }>> = {
  s16: { sampleBytes: 2, formatTag: 1 },
  f32: { sampleBytes: 4, formatTag: 3 },
};

const HEADER_BYTES = 44;
/** What a writer to a pipe states, which cannot know how much will come. */
const UNKNOWN_SIZE = 0xffffffff;

/**
 * Opens sound for reading.
 *
 * @param bytes the pieces as they come.
 * @param raw what they are where they have no header; little-endian, the channels side by side.
 * @throws {AudioFormatError} where it begins like no format that is decoded.
 */
export async function openSound(
  bytes: AsyncIterable<Uint8Array>,
  raw?: RawSound,
): Promise<OpenedAudio> {
  return await openAudio(raw ? afterHeader(raw, bytes) : bytes);
}

/** Bare samples are a WAV file without its header. */
async function* afterHeader(
  raw: RawSound,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield headerOf(raw);
  yield* bytes;
}

function headerOf({ rateHz, encoding, channels }: RawSound): Uint8Array {
  const { sampleBytes, formatTag } = ENCODINGS[encoding];
  const frameBytes = sampleBytes * channels;
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const name = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  name(0, "RIFF");
  view.setUint32(4, UNKNOWN_SIZE, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, formatTag, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * frameBytes, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, sampleBytes * 8, true);
  name(36, "data");
  view.setUint32(40, UNKNOWN_SIZE, true);
  return bytes;
}
