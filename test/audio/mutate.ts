/**
 * Broken files for tests, the same ones for the same seed.
 *
 * @module
 */

import { concat, u32 } from "./wav_file.ts";

/** A whole number below a bound. */
export type Random = (below: number) => number;

/** Whole numbers below a bound, the same sequence for the same seed (xorshift, 32 bits). */
export function seeded(seed: number): Random {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const EXTREMES = [0, 1, 2, 7, 0x7f, 0xff, 0xfffe, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** One change: a bit, a header field set to an extreme, bytes cut out, doubled or cut off. */
export function mutate(file: Uint8Array, random: Random): Uint8Array {
  const at = random(random(4) === 0 ? file.length : Math.min(file.length, 100));
  const length = random(64);
  switch (random(6)) {
    case 0: {
      const flipped = file.slice();
      if (at < file.length) flipped[at]! ^= 1 << random(8);
      return flipped;
    }
    case 1:
    case 2: {
      const extreme = u32(EXTREMES[random(EXTREMES.length)]!).subarray(0, random(2) === 0 ? 2 : 4);
      return concat(file.subarray(0, at), extreme, file.subarray(at + extreme.length));
    }
    case 3:
      return concat(file.subarray(0, at), file.subarray(at + length));
    case 4:
      return concat(file.subarray(0, at + length), file.subarray(at));
    default:
      return file.slice(0, random(file.length + 1));
  }
}
