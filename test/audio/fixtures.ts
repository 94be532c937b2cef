/**
 * The small audio files under `test/golden/audio`, which `make.ts` there has made.
 *
 * @module
 */

import { join } from "node:path";

const FOLDER = join(import.meta.dirname!, "..", "golden", "audio");

const NAMES = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name);

/** Every file to decode; what a reference decodes lies beside it under `NAME.wav`. */
export const FIXTURES: readonly string[] = NAMES.filter((name) => NAMES.includes(`${name}.wav`))
  .sort();

/** The names of those that come back bit for bit. */
export const LOSSLESS = /\.(flac|oga|aifc?|au|w64|caf|mov)$|adpcm|gsm|rf64|alac|flac/;

/** The bytes of one file. */
export function fixture(name: string): Promise<Uint8Array> {
  return Deno.readFile(join(FOLDER, name));
}
