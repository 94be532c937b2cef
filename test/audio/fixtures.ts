/**
 * The small audio files under `test/golden/audio`, which `make.ts` there has made.
 *
 * @module
 */

import { join } from "node:path";

const FOLDER = join(import.meta.dirname!, "..", "golden", "audio");

/** Every compressed file; what a reference decodes lies beside it under `NAME.wav`. */
export const FIXTURES: readonly string[] = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name)
  .filter((name) => !/\.(ts|wav)$/.test(name))
  .sort();

/** The names of those that come back bit for bit. */
export const LOSSLESS = /\.(flac|oga)$/;

/** The bytes of one file. */
export function fixture(name: string): Promise<Uint8Array> {
  return Deno.readFile(join(FOLDER, name));
}
