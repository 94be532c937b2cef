/**
 * Random numbers that depend on nothing but what they are for.
 *
 * A stream is named by numbers (a seed, an epoch, a clip) instead of being passed along, so that a
 * resumed run, another order of reading or more reading ahead all see the same numbers.
 *
 * @module
 */

import { Random } from "../random.ts";

/** Draws that are thrown away, so that neighbouring keys have nothing in common. */
const WARM_UP_DRAWS = 15;

/**
 * The random stream of a seed, or of a seed with up to two numbers below it.
 *
 * @param seed a number; its low 32 bits count, as with the keys.
 * @param keys what within the run the stream is for.
 * @returns a new stream at its beginning.
 *
 * @example
 * ```ts
 * import { equal, notEqual } from "node:assert/strict";
 *
 * const [seed, epoch] = [42, 3];
 * equal(seededRandom(seed, epoch).uniform(), seededRandom(seed, epoch).uniform());
 * notEqual(seededRandom(seed, epoch).uniform(), seededRandom(seed, epoch + 1).uniform());
 * ```
 */
export function seededRandom(seed: number, ...keys: [] | [number] | [number, number]): Random {
  const [first = 0, second = 0] = keys;
  const random = new Random([seed >>> 0, first >>> 0, second >>> 0, 1]);
  for (let i = 0; i < WARM_UP_DRAWS; i++) random.uint32();
  return random;
}
