/**
 * Sound that comes in pieces of bytes, as blocks of samples: any format that is decoded, and bare samples.
 *
 * @module
 */
import { openAudio, type OpenedAudio, type RawAudio, withWavHeader } from "../src/audio/mod.ts";

/**
 * Opens sound for reading.
 *
 * @param bytes the pieces as they come.
 * @param raw what they are where they have no header; little-endian, the channels side by side.
 * @param maxHeldBytes how much may be held of a file whose description stands behind its sound.
 * @throws {AudioFormatError} where it begins like no format that is decoded.
 */
export async function openSound(
  bytes: AsyncIterable<Uint8Array>,
  raw: RawAudio | undefined,
  maxHeldBytes: number,
): Promise<OpenedAudio> {
  return await openAudio(raw ? withWavHeader(bytes, raw) : bytes, { maxHeldBytes });
}
