/**
 * The generator behind NumPy's `default_rng`, so that a seed splits data as it does in Python.
 *
 * PCG XSL-RR 128/64 (M. O'Neill, "PCG", HMC-CS-2014-0905), seeded by the hash of O'Neill's
 * "Developing a seed_seq Alternative" (2015), bounded by D. Lemire's "Fast Random Integer
 * Generation in an Interval" (2019). Numbers of 128 bits are eight limbs of 16, lowest first. For
 * splitting only: everything else draws from `src/random.ts`.
 *
 * @module
 */

const LIMBS = 8;
const LIMB_BITS = 16;

/** 0x2360ED051FC65DA44385DF649FCCF645. */
const MULTIPLIER = [0xf645, 0x9fcc, 0xdf64, 0x4385, 0x5da4, 0x1fc6, 0xed05, 0x2360];

const POOL_WORDS = 4;

/** A stream of NumPy's random numbers. */
export class Pcg64 {
  #state: number[];
  readonly #increment: number[];
  /** The upper half of a 64-bit draw whose lower half has been given out. */
  #spare: number | undefined;

  /** @param seed a whole number from 0 to 2^53 - 1, as for `default_rng(seed)`. */
  constructor(seed: number) {
    const words = seedWords(seed);
    const start = limbsOf([words[2]!, words[3]!, words[0]!, words[1]!]);
    const stream = limbsOf([words[6]!, words[7]!, words[4]!, words[5]!]);
    this.#increment = stream.map((limb, i) =>
      (limb << 1 | (i === 0 ? 1 : stream[i - 1]! >>> (LIMB_BITS - 1))) & 0xffff
    );
    this.#state = add(this.#increment, start);
    this.#advance();
  }

  /** A whole number from 0 up to, without, `limit`, at most 2^32 - 1; every one as likely. */
  below(limit: number): number {
    if (limit === 1) return 0;
    const unfair = (2 ** 32 - limit) % limit;
    for (;;) {
      const [high, low] = product(this.#uint32(), limit);
      if (low >= unfair) return high;
    }
  }

  /** Shuffles in place, as `Generator.shuffle` and `Generator.permutation` do. */
  shuffle(values: number[]): void {
    for (let i = values.length - 1; i > 0; i--) swap(values, i, this.#upTo(i));
  }

  /** `count` different numbers below `size`, as `Generator.choice` draws up to 10,000 of them. */
  choose(size: number, count: number): number[] {
    const chosen = new Set<number>();
    for (let last = size - count; last < size; last++) {
      const drawn = this.below(last + 1);
      chosen.add(chosen.has(drawn) ? last : drawn);
    }
    const order = [...chosen];
    for (let i = count - 1; i > 0; i--) swap(order, i, this.below(i + 1));
    return order;
  }

  /** A whole number from 0 to `limit`: NumPy shuffles with this older way of staying in bounds. */
  #upTo(limit: number): number {
    const mask = 2 ** (32 - Math.clz32(limit)) - 1;
    for (;;) {
      const drawn = (this.#uint32() & mask) >>> 0;
      if (drawn <= limit) return drawn;
    }
  }

  #uint32(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    this.#advance();
    const [low, high] = rotatedFold(this.#state);
    this.#spare = high;
    return low;
  }

  /** state = state * multiplier + increment, modulo 2^128. */
  #advance(): void {
    const next = new Array<number>(LIMBS);
    let carry = 0;
    for (let k = 0; k < LIMBS; k++) {
      let sum = carry + this.#increment[k]!;
      for (let i = 0; i <= k; i++) sum += this.#state[i]! * MULTIPLIER[k - i]!;
      next[k] = sum & 0xffff;
      carry = Math.floor(sum / 2 ** LIMB_BITS);
    }
    this.#state = next;
  }
}

function swap(values: number[], i: number, j: number): void {
  [values[i], values[j]] = [values[j]!, values[i]!];
}

/** The two halves of the state over each other, rotated by the state's top 6 bits: [low, high]. */
function rotatedFold(state: readonly number[]): [number, number] {
  const word = (at: number) => state[at]! | state[at + 1]! << LIMB_BITS;
  const low = word(0) ^ word(4);
  const high = word(2) ^ word(6);
  const rotation = state[LIMBS - 1]! >>> 10;
  const [from, to] = rotation < 32 ? [low, high] : [high, low];
  const bits = rotation & 31;
  if (bits === 0) return [from >>> 0, to >>> 0];
  return [(from >>> bits | to << (32 - bits)) >>> 0, (to >>> bits | from << (32 - bits)) >>> 0];
}

/** The 64 bits of a * b: [high, low]. */
function product(a: number, b: number): [number, number] {
  const lower = (a & 0xffff) * b;
  const upper = (a >>> LIMB_BITS) * b + Math.floor(lower / 2 ** LIMB_BITS);
  const low = ((upper & 0xffff) << LIMB_BITS | lower & 0xffff) >>> 0;
  return [Math.floor(upper / 2 ** LIMB_BITS), low];
}

function add(a: readonly number[], b: readonly number[]): number[] {
  let carry = 0;
  return a.map((limb, i) => {
    const sum = limb + b[i]! + carry;
    carry = sum >>> LIMB_BITS;
    return sum & 0xffff;
  });
}

function limbsOf(words: readonly number[]): number[] {
  return words.flatMap((word) => [word & 0xffff, word >>> LIMB_BITS]);
}

/** Spreads a seed over eight words of 32 bits. */
function seedWords(seed: number): number[] {
  const hashIn = hasher(0x43b0d7e5, 0x931e8875);
  const entropy = [seed >>> 0, Math.floor(seed / 2 ** 32), 0, 0];
  const pool = entropy.map(hashIn);
  for (let from = 0; from < POOL_WORDS; from++) {
    for (let to = 0; to < POOL_WORDS; to++) {
      if (from !== to) pool[to] = mixed(pool[to]!, hashIn(pool[from]!));
    }
  }
  const hashOut = hasher(0x8b51f9dd, 0x58f38ded);
  return [...pool, ...pool].map(hashOut);
}

function hasher(start: number, factor: number): (word: number) => number {
  let key = start;
  return (word) => {
    const keyed = word ^ key;
    key = Math.imul(key, factor);
    const hashed = Math.imul(keyed, key);
    return (hashed ^ hashed >>> 16) >>> 0;
  };
}

function mixed(a: number, b: number): number {
  const sum = Math.imul(0xca01f9dd, a) - Math.imul(0x4973f715, b) | 0;
  return (sum ^ sum >>> 16) >>> 0;
}
