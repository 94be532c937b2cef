/**
 * Folders of short recordings, made for a test and gone after it.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { encodeWav } from "../../src/audio/encode_wav.ts";

/** Registers a test that gets an empty folder of its own. */
export function folderTest(name: string, fn: (dir: string) => void | Promise<void>): void {
  Deno.test(name, async () => {
    const dir = await Deno.makeTempDir({ prefix: "earshot-data-" });
    try {
      await fn(dir);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** Puts files of the given paths into a folder: a short WAV each, or the given bytes. */
export async function putFiles(
  dir: string,
  paths: readonly string[],
  content: Uint8Array = toneWav(0.01),
): Promise<void> {
  for (const path of paths) {
    const file = join(dir, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeFile(file, content);
  }
}

/** A WAV file with a tone at 8 kHz. */
export function toneWav(seconds: number, peak = 0.5): Uint8Array {
  const samples = Float32Array.from({ length: seconds * 8_000 }, (_, i) => peak * Math.sin(i / 3));
  return encodeWav(samples, 8_000);
}
