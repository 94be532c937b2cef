/**
 * Clips that are sent.
 *
 * @module
 */
import { encodeWav } from "../../src/audio/mod.ts";

/** A tone of some seconds, one unless said. */
export function clip({ seconds = 1, rateHz = 8_000 } = {}): Uint8Array<ArrayBuffer> {
  const samples = Float32Array.from({ length: rateHz * seconds }, (_, i) => {
    return Math.sin(i * 2_800 / rateHz) / 2;
  });
  return encodeWav(samples, rateHz).slice();
}
