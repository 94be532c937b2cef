/**
 * The beginning of a recording of any length.
 *
 * @module
 */

import { openAudio } from "../audio/mod.ts";
import { fileSource } from "../files.ts";

/**
 * Decodes a recording no further than it takes.
 *
 * Shape: `[count]`, or all samples of a shorter one.
 *
 * @param path the recording.
 * @param options the rate wanted, in hertz, and most samples at that rate.
 * @throws {FileError | AudioFormatError} where it cannot be read so far.
 *
 * @example
 * ```ts
 * import { encodeWav } from "../audio/encode_wav.ts";
 * import { equal } from "node:assert/strict";
 *
 * const file = await Deno.makeTempFile();
 * await Deno.writeFile(file, encodeWav(new Float32Array(4_000), 8_000));
 * equal((await firstSamples(file, { samplingRate: 8_000, count: 100 })).length, 100);
 * ```
 */
export async function firstSamples(
  path: string,
  { samplingRate, count }: { samplingRate: number; count: number },
): Promise<Float32Array> {
  const source = await fileSource(path);
  try {
    const audio = await openAudio(source, { file: path, samplingRate });
    const blocks: Float32Array[] = [];
    let length = 0;
    for await (const block of audio.blocks()) {
      blocks.push(block.slice(0, count - length));
      length += blocks.at(-1)!.length;
      if (length >= count) break;
    }
    const samples = new Float32Array(length);
    let at = 0;
    for (const block of blocks) {
      samples.set(block, at);
      at += block.length;
    }
    return samples;
  } finally {
    source[Symbol.dispose]();
  }
}
