/**
 * Seeded random numbers whose state can be saved, so that a resumed run draws what an uninterrupted
 * one would have drawn.
 *
 * The generator is sfc32 (C. Doty-Humphrey, PractRand): 128 bits of state, a few adds and shifts a
 * draw, the same on every machine. Not for secrets.
 *
 * @module
 */

/** The state of a {@linkcode Random}: four unsigned 32-bit numbers. */
export type RandomState = [number, number, number, number];

/**
 * A seeded stream of random numbers.
 *
 * @example
 * ```ts
 * import { Random } from "@earshot/earshot/models";
 * import { equal } from "node:assert/strict";
 *
 * const random = new Random(42);
 * random.uniform();
 * const resumed = new Random(random.state);
 * equal(resumed.normal(), random.normal());
 * ```
 */
export class Random {
  #state: Uint32Array;

  /**
   * Starts a stream.
   *
   * @param seed a number (its low 32 bits count), or the state of another generator to go on from.
   */
  constructor(seed: number | RandomState) {
    if (typeof seed !== "number") {
      this.#state = Uint32Array.from(seed);
      return;
    }
    this.#state = Uint32Array.of(seed, seed ^ 0x9e3779b9, 0x243f6a88, 1);
    for (let i = 0; i < 15; i++) this.uint32();
  }

  /** The state to save; {@linkcode Random} takes it back. */
  get state(): RandomState {
    return Array.from(this.#state) as RandomState;
  }

  /** Uniform over all unsigned 32-bit integers. */
  uint32(): number {
    const s = this.#state;
    const sum = (s[0]! + s[1]! + s[3]!) >>> 0;
    s[3] = s[3]! + 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + sum;
    return sum;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Uniform integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  /** Standard normal (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** The numbers 0 to `count - 1` in random order (Fisher and Yates). */
  permutation(count: number): Uint32Array {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}
