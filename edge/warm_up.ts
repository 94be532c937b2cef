/**
 * A first clip of silence, so that the first of a client takes no longer than others.
 *
 * @module
 */
import { encodeWav } from "../src/audio/encode_wav.ts";
import type { ServedClassifier } from "./mod.ts";

const RATE_HZ = 16_000;

/** Computes a second of silence twice, and gives the seconds that the second one took; undefined where it cannot be. */
export async function warmUp(classifier: ServedClassifier): Promise<number | undefined> {
  const silence = encodeWav(new Float32Array(RATE_HZ), RATE_HZ);
  try {
    await classifier(silence);
    const begun = performance.now();
    await classifier(silence);
    return (performance.now() - begun) / 1_000;
  } catch {
    // Not every model takes a second, and what is wrong shows with a clip.
    return undefined;
  }
}
